"""The model's operations on commits: started, written, finished, squashed, dropped."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.kernel.errors import Refused
from trunkline.testing.model import BranchKey, Commit, Refusal, State, World
from trunkline.testing.model_files import Collision, Write, applied


def start(world: World, key: BranchKey, set_id: str, parent: str | None = None) -> Commit:
    """Starts a commit on a branch, which is made if need be."""
    world.need_repo(key[0])
    branch = world.branches.get(key)
    if branch is not None and branch.provenance:
        raise Refusal(Refused, f"{key} is an output branch")
    above = branch.head if branch else None
    if parent is not None:
        above = world.resolve(key[0], parent)
    if above is not None and above.state is State.OPEN:
        raise Refusal(Refused, f"the parent {above} is open")
    made = world.add_commit(key[0], set_id, key[1], above, "USER")
    world.point(key, made)
    return made


def finish(world: World, repo: str, reference: str, *, failed: bool = False) -> Commit:
    """Closes an open commit; `settle` finishes it."""
    commit = world.resolve(repo, reference)
    if commit.state is not State.OPEN:
        raise Refusal(Refused, f"{commit} is finished")
    if _of_pipeline(commit):
        raise Refusal(Refused, f"{commit} is a pipeline's")
    commit.state, commit.failed = State.FINISHING, failed
    commit.finishing = max(world.now(), commit.started)
    return commit


def clear(world: World, repo: str, reference: str) -> None:
    """Forgets what was written to an open commit."""
    commit = world.resolve(repo, reference)
    if commit.state is not State.OPEN:
        raise Refusal(Refused, f"{commit} is finished")
    commit.writes.clear()


def target(world: World, repo: str, reference: str, *, by_id: bool) -> Commit | None:
    """What a write goes to: an open commit, a head to build on, or None for a branch that is missing."""
    if by_id:
        commit: Commit | None = world.resolve(repo, reference)
    else:
        world.need_repo(repo)
        branch = world.branches.get((repo, reference))
        commit = branch.head if branch else None
    if commit is not None and commit.state is State.OPEN:
        if _of_pipeline(commit):
            raise Refusal(Refused, f"{commit} is a pipeline's")
        return commit
    if not by_id and (repo, reference) in world.branches and world.branches[repo, reference].provenance:
        raise Refusal(Refused, f"{reference} is an output branch")
    if by_id:
        raise Refusal(Refused, f"{commit} is finished")
    return commit


def write(world: World, key: BranchKey, head: Commit | None, writes: Sequence[Write], set_id: str) -> Commit:
    """Writes to the target that `target` found: into the open commit, or as a commit of its own."""
    if head is not None and head.state is State.OPEN:
        head.writes += writes
        return head
    assert head is None or head.files is not None, "a finishing head is settled before it is written on"
    try:
        files = applied({} if head is None else head.files or {}, writes, final=True)
    except Collision as collision:
        raise Refusal(Refused, f"collision at {collision}") from None
    made = world.add_commit(key[0], set_id, key[1], head, "USER")
    made.state, made.files, made.finishing = State.FINISHED, files, world.now()
    world.point(key, made)
    world.note_finished(made)
    return made


def squash(world: World, repo: str, reference: str, *, recursive: bool) -> list[Commit]:
    """The commits that a squash removes; `remove` removes them."""
    doomed = _with_subvenance(world, repo, reference, recursive)
    _check_squash(world, doomed)
    return doomed


def drop(world: World, repo: str, reference: str, *, recursive: bool) -> list[Commit]:
    """The commits that a drop removes; `remove` removes them."""
    doomed = _with_subvenance(world, repo, reference, recursive)
    if any(world.children(one) for one in doomed):
        raise Refusal(Refused, "one has children")
    return doomed


def squash_set(world: World, set_id: str) -> list[Commit]:
    """The commits that squashing a set removes."""
    doomed = _of_set(world, set_id)
    _check_squash(world, doomed)
    return doomed


def drop_set(world: World, set_id: str) -> list[Commit]:
    """The commits that dropping a set removes."""
    doomed = _of_set(world, set_id)
    if any(world.children(one) or _of_version(one) for one in doomed):
        raise Refusal(Refused, "one has children, or is a pipeline's version")
    return doomed


def remove(world: World, doomed: Sequence[Commit], set_id: str) -> list[Commit]:
    """Takes commits out of their chains; returns the commits that were made for branches left without one."""
    gone = set(doomed)
    for commit in world.commits:
        while commit.parent in gone:
            commit.parent = commit.parent.parent if commit.parent else None
    headless = []
    for key, branch in world.branches.items():
        head: Commit | None = branch.head
        while head in gone:
            head = head.parent if head else None
        if head is None:
            headless.append(key)
        else:
            branch.head = head
    made = _begin_anew(world, headless, set_id)
    world.forget(doomed)
    return made


def _begin_anew(world: World, headless: list[BranchKey], set_id: str) -> list[Commit]:
    by_depth = sorted(headless, key=lambda key: (len(world.upstream(key)), world.branches[key].number))
    deepest = {repo: (repo, name) for repo, name in by_depth}
    made: dict[str, Commit] = {}
    for repo, name in by_depth:
        if repo not in made:
            made[repo] = world.add_commit(repo, set_id, deepest[repo][1], None, "AUTO")
        world.branches[repo, name].head = made[repo]
    for repo, key in deepest.items():
        provenance = world.branches[key].provenance
        made[repo].provenance = [world.branches[one].head for one in provenance]
        if not provenance:
            world.close_empty(made[repo])
    return list(made.values())


def _with_subvenance(world: World, repo: str, reference: str, recursive: bool) -> list[Commit]:
    commit = world.resolve(repo, reference)
    below = world.subvenance(commit)
    if below and not recursive:
        raise Refusal(Refused, f"others come from {commit}")
    return [commit, *below]


def _of_set(world: World, set_id: str) -> list[Commit]:
    doomed = world.of_set(set_id)
    if any(below.id != set_id for one in doomed for below in world.subvenance(one)):
        raise Refusal(Refused, f"other sets come from {set_id}")
    return doomed


def _check_squash(world: World, doomed: Sequence[Commit]) -> None:
    for one in doomed:
        children = world.children(one)
        unfinished = [child for child in children if child.state is not State.FINISHED and child not in doomed]
        if _of_version(one) or not children or unfinished:
            raise Refusal(Refused, f"{one} cannot be squashed")


def _of_pipeline(commit: Commit) -> bool:
    return any(one.repo.endswith(".spec") for one in commit.provenance)


def _of_version(commit: Commit) -> bool:
    return commit.repo.endswith(".spec") and commit.origin == "USER"
