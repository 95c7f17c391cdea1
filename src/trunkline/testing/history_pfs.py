"""The steps of a random history on repos, branches, commits and files."""

from __future__ import annotations

from collections.abc import Collection

from trunkline.kernel.errors import Refused
from trunkline.pfs import modify
from trunkline.pfs.refs import CommitRef
from trunkline.testing import model_files, model_history
from trunkline.testing.history import REPOS
from trunkline.testing.history_looks import Looks
from trunkline.testing.history_real import repo_ref
from trunkline.testing.model import BranchKey, Commit, Refusal
from trunkline.testing.model_files import Write

PATHS = ("/x", "/y", "/d/x", "/d/y", "/d/e/z", "/x/y", "/x.txt")
FOLDERS = ("/d/", "/d/e/", "/x/", "/", "/nope/")
CONTENTS = (b"", b"1", b"22", b"bad", b"4444")


class PfsHistory(Looks):
    """A history of the versioned file system alone."""

    WEIGHTS = {  # noqa: RUF012 - as in the base
        "create_repo": 2,
        "delete_repo": 0.5,
        "create_branch": 8,
        "delete_branch": 0.7,
        "start": 6,
        "write": 24,
        "finish": 9,
        "clear": 1,
        "settle": 7,
        "set_head": 5,
        "remove": 9,
        "look": 8,
        "restart": 1,
    }

    def begin(self) -> None:
        """Some repos, and a graph of branches."""
        for name in REPOS[: self.chance.randint(2, len(REPOS))]:
            self.both(
                f"create repo {name}",
                lambda s, name=name: self.real.create_repo(name, s),  # type: ignore[misc]
                lambda s, name=name: self.world.create_repo(name),  # type: ignore[misc]
            )
        for _ in range(self.chance.randint(0, 3)):
            self.create_branch()

    def restart(self) -> None:
        """Forgets what is only in memory."""
        self.trace.append("restart")
        self.real.restart()

    # -- repos and branches - --------------------------------------------------------------------------

    def create_repo(self) -> None:
        """Makes a repo, or tries to make one that is there."""
        name = self.chance.choice(REPOS)
        self.both(
            f"create repo {name}", lambda s: self.real.create_repo(name, s), lambda s: self.world.create_repo(name)
        )

    def delete_repo(self) -> None:
        """Removes a repo, sometimes by force."""
        name, force = self.repo(), self.chance.random() < 0.3
        self.both(
            f"delete repo {name}{' by force' if force else ''}",
            lambda s: self.real.delete_repo(name, s, force=force) and None,
            lambda s: self.world.delete_repo(name, force=force),
        )

    def create_branch(self) -> None:
        """Makes a branch, or replaces its provenance, sometimes with a given head."""
        key = self.branch()
        head = self.reference(key[0]) if self.chance.random() < 0.3 else None
        provenance = [self.branch() for _ in range(self.chance.choice((0, 0, 1, 1, 1, 2)))]
        if self.chance.random() < 0.8:
            provenance = [one for one in provenance if one[0] < key[0]]  # so that it is no cycle
        quiet = {one for one in provenance if self.aside.random() < 0.2}
        self.put_branch(key, head, provenance, quiet)

    def set_head(self) -> None:
        """Moves a branch, leaving its provenance as it is."""
        key = self.branch(written=self.chance.random() < 0.5)
        there = self.world.branches.get(key)
        self.put_branch(key, self.reference(key[0]), there.provenance if there else [], there.quiet if there else set())

    def put_branch(
        self, key: BranchKey, head: str | None, provenance: list[BranchKey], quiet: Collection[BranchKey] = ()
    ) -> None:
        """Creates or changes a branch, on both."""
        self.both(
            f"branch {key} head={head} provenance={provenance} quiet={quiet}",
            lambda s: self.real.create_branch(key, s, head=head, provenance=provenance, quiet=quiet),
            lambda s: self.change(self.world.create_branch(key, s, head=head, provenance=provenance, quiet=quiet), s),
        )

    def delete_branch(self) -> None:
        """Removes a branch, sometimes by force."""
        key, force = self.branch(), self.chance.random() < 0.3
        self.both(
            f"delete branch {key}{' by force' if force else ''}",
            lambda s: self.real.delete_branch(key, s, force=force),
            lambda s: self.world.delete_branch(key, force=force),
        )

    # -- steps: commits -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts a commit, sometimes on a given parent."""
        key = self.branch(written=True)
        parent = self.reference(key[0]) if self.chance.random() < 0.15 else None
        self.both(
            f"start {key} parent={parent}",
            lambda s: self.real.start(key, s, parent),
            lambda s: self.change([_key(model_history.start(self.world, key, s, parent))], s),
        )

    def finish(self) -> None:
        """Finishes a commit, mostly an open one, sometimes with an error."""
        repo, reference = self.open_commit()
        failed = self.chance.random() < 0.15
        self.both(
            f"finish {repo}@{reference}{' with an error' if failed else ''}",
            lambda s: self.real.finish(repo, reference, s, failed=failed),
            lambda s: model_history.finish(self.world, repo, reference, failed=failed),
        )

    def clear(self) -> None:
        """Clears a commit."""
        repo, reference = self.open_commit()
        self.both(
            f"clear {repo}@{reference}",
            lambda s: self.real.clear(repo, reference, s),
            lambda s: model_history.clear(self.world, repo, reference),
        )

    def remove(self) -> None:
        """Squashes or drops a commit or a set."""
        how = self.chance.choice(("squash", "squash", "drop", "drop", "squash_set", "drop_set"))
        recursive = self.chance.random() < 0.6
        repo, reference = self.removable(how)
        if how.endswith("_set"):
            reference = self.chance.choice(self.world.commits).id if self.world.commits else self.new_id()

        def model(set_id: str) -> None:
            if how.endswith("_set"):
                doomed = getattr(model_history, how)(self.world, reference)
            else:
                doomed = getattr(model_history, how)(self.world, repo, reference, recursive=recursive)
            self.check_removal(doomed)
            self.removed(doomed, set_id)

        self.both(
            f"{how} {repo}@{reference}{' recursively' if recursive else ''}",
            lambda s: self.real.remove(how, repo, reference, s, recursive=recursive),
            model,
        )

    def removable(self, how: str) -> tuple[str, str]:
        """A commit to remove: mostly one that has a child for a squash, and one that has none for a drop."""
        parents = {one.parent for one in self.world.commits}
        candidates = [one for one in self.world.commits if (one in parents) == how.startswith("squash")]
        if candidates and self.chance.random() < 0.8:
            commit = self.chance.choice(candidates)
            return commit.repo, commit.id
        repo = self.repo()
        return repo, self.reference(repo)

    # -- steps: files ---------------------------------------------------------------------------------------

    def write(self) -> None:
        """Writes a few files, to a branch or to a commit by its id."""
        by_id = self.chance.random() < 0.2
        key = self.branch(written=True)
        repo, reference = self.open_commit() if by_id else key
        head: Commit | None = None
        refusal: Refusal | None = None
        try:
            head = model_history.target(self.world, repo, reference, by_id=by_id)
            self.finished(head)
        except Refusal as caught:
            refusal = caught
        operations, writes, bad = self.operations()

        def model(set_id: str) -> None:
            for one in (refusal, bad):
                if one is not None:
                    raise one
            made = model_history.write(self.world, (repo, reference), head, writes, set_id)
            self.change([] if made is head else [(repo, reference)], set_id)

        self.both(
            f"write {repo}@{reference}: {', '.join(map(_said, operations))}",
            lambda s: self.real.write(repo, reference, operations, by_id=by_id),
            model,
        )

    def operations(self) -> tuple[list[modify.Operation], list[Write], Refusal | None]:
        """A stream of operations, what it means, and whether it must be refused."""
        operations: list[modify.Operation] = []
        writes: list[Write] = []
        bad: Refusal | None = None
        for _ in range(self.chance.randint(1, 4)):
            kind = self.chance.choices(("append", "replace", "delete", "copy", "bad"), (40, 25, 20, 14, 1))[0]
            path, data = self.chance.choice(PATHS), self.chance.choice(CONTENTS)
            if kind == "bad":
                operations.append(modify.Append(self.chance.choice(("/../x", "/d/./x")), "", data))
                bad = bad or Refusal(Refused, "a relative path")
            elif kind == "copy":
                bad = bad or self._copy(operations, writes, path)
            elif kind == "delete":
                gone = self.chance.choice((*PATHS, *FOLDERS))
                operations.append(modify.Delete(gone, ""))
                writes.append(Write(deleted=gone))
            else:
                if kind == "replace":
                    operations.append(modify.Delete(path, ""))
                    writes.append(Write(deleted=path))
                operations.append(modify.Append(path, "", data))
                writes.append(Write(path, data))
        return operations, writes, bad

    def _copy(self, operations: list[modify.Operation], writes: list[Write], path: str) -> Refusal | None:
        repo = self.repo()
        reference = self.reference(repo)
        source, append = self.chance.choice((*PATHS, *FOLDERS)), self.chance.random() < 0.3
        where = repo_ref(repo)
        operations.append(modify.Copy(path, "", CommitRef(where, reference), source, append))
        try:
            commit = self.world.resolve(repo, reference)
            self.finished(commit)
            found = model_files.below(commit.readable(), source)
        except Refusal as refusal:
            return refusal
        copied = {path + ("/" + name if name else ""): data for name, data in found.items()}
        writes.append(Write(copied=copied, append=append))
        return None


def _key(commit: Commit) -> BranchKey:
    return commit.repo, commit.branch


def _said(operation: modify.Operation) -> str:
    match operation:
        case modify.Append(path, _, data):
            return f"{path} += {data!r}"
        case modify.Delete(path):
            return f"delete {path}"
        case modify.Copy(path, _, source, from_path, append):
            return f"{path} {'+=' if append else '='} {source}:{from_path}"
    return str(operation)
