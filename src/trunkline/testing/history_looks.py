"""How a random history looks at the real thing, and compares what it sees with the model."""

from __future__ import annotations

from trunkline.kernel.errors import TrunklineError
from trunkline.kernel.ids import SetId
from trunkline.pfs import listing
from trunkline.pfs.files import View
from trunkline.testing import model_files
from trunkline.testing.history import Player, WouldWait
from trunkline.testing.history_real import repo_name
from trunkline.testing.model import Refusal


class Looks(Player):
    """The looking part of every history."""

    def conclude(self) -> None:
        """Looks at the content of every commit, then as the base does."""
        for commit in list(self.world.commits):
            self.compare_files(commit.repo, commit.id)
        super().conclude()

    def look(self) -> None:
        """Reads a commit in one way or another."""
        repo = self.repo()
        reference = self.reference(repo)
        self.trace.append(f"look at {repo}@{reference}")
        self.compare_files(repo, reference)
        if self.world.commits:
            self._compare_set(self.chance.choice(self.world.commits).id)

    def compare_files(self, repo: str, reference: str) -> None:
        """Reads all files of a commit, if there is such a commit and it can be read."""
        expected: object
        try:
            commit = self.world.resolve(repo, reference)
            self.finished(commit)
            expected = commit.readable()
        except Refusal as refusal:
            expected = refusal.kind
        except WouldWait:
            return
        found: object
        view: View | None = None
        try:
            row = self.real.commit(repo, reference)
            if isinstance(expected, dict) and row.id != commit.id:
                raise self.mismatch(f"{repo}@{reference} is {row}, not {commit}")
            found = self.real.files(row)
            view = View(self.real.pfs.maps, self.real.pfs.reader, self.real.pfs.content(row))
        except TrunklineError as error:
            found = type(error)
        if found != expected:
            raise self.mismatch(f"{repo}@{reference} holds {found}, not {expected}")
        if view is not None and isinstance(expected, dict):
            self._compare_tree(view, expected)

    def _compare_tree(self, view: View, files: model_files.Files) -> None:
        try:
            model_files.check(files)
        except model_files.Collision:
            return  # an open commit that will fail; what its directories are does not matter
        every = {*files, *model_files.directories(files)}
        walked = [node.path for node in view.walk("/")]
        if walked != sorted(every, key=str.encode):
            raise self.mismatch(f"a walk gives {walked}, not {sorted(every)}")
        for node in view.walk("/"):
            size = sum(len(data) for path, data in files.items() if path == node.path or path.startswith(node.path))
            if node.is_dir and node.size != size:
                raise self.mismatch(f"{node.path} has {node.size} bytes, not {size}")

    def _compare_set(self, set_id: str) -> None:
        with self.real.catalog.read() as tx:
            members = listing.members(tx, SetId(set_id))
        found = [f"{repo_name(one.repo)}@{one.id}" for one in members]
        expected = [str(one) for one in self.world.members(set_id)]
        if found != expected:
            raise self.mismatch(f"set {set_id} has {found}, not {expected}")
