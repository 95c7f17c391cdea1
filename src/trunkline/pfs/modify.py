"""Writing files: one stream of operations into one commit, wholly or not at all.

The bytes are stored while the stream runs; only at its end one catalog change makes them visible. A write to a
branch without open commit becomes a commit of its own; such a write is refused, and changes nothing, where
it would leave the commit broken (a file where a directory is, say).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import msgspec

from trunkline.catalog import Tx
from trunkline.content.entry import from_entry
from trunkline.content.writer import ContentWriter
from trunkline.kernel import paths
from trunkline.kernel.errors import Cancelled, Conflict, InvalidRequest, Refused
from trunkline.maps import EMPTY, Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs import commits, filesets, finish, layers, provenance, resolve, rows, sources
from trunkline.pfs.change import Change
from trunkline.pfs.fold import fold
from trunkline.pfs.layers import DEFAULT_TAG, Layer, LayerBuilder
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import SPEC, BranchRef, CommitRef
from trunkline.pfs.rows import Commit

ATTEMPTS = 8
"""How often a write is folded again because somebody else moved the branch meanwhile."""


class Append(msgspec.Struct, frozen=True):
    """Bytes for the end of a file; several in a row for one path are one part."""

    path: str
    tag: str
    data: bytes


class AppendUrl(msgspec.Struct, frozen=True):
    """What an address holds, for the end of a file."""

    path: str
    tag: str
    url: str
    recursive: bool = False
    concurrency: int = 0


class Delete(msgspec.Struct, frozen=True):
    """A file's part with this tag; or, with a trailing slash, what is below a directory: with no tag, everything."""

    path: str
    tag: str


class Copy(msgspec.Struct, frozen=True):
    """A file or directory of a commit or file set, under another path; replaces unless `append`."""

    destination: str
    tag: str
    source: CommitRef
    path: str
    append: bool


Operation = Append | AppendUrl | Delete | Copy


def write(
    pfs: Pfs, target: CommitRef, operations: Iterable[Operation], alive: Callable[[], bool] = lambda: True
) -> Commit:
    """Applies a stream of operations to a commit or branch; returns the commit that holds the result.

    Args:
        alive: whether the caller is still there; asked last before the result is made visible.

    Raises:
        Cancelled: the caller went away; nothing was changed.
        NotFound, Refused, InvalidRequest: the target cannot be written, or an operation breaks a rule; nothing
            was changed.
        StorageFull, StorageFailed: nothing was changed.
    """
    await_target(pfs, target, alive)
    return publish(pfs, target, _stored(pfs, operations, alive), alive)


def await_target(pfs: Pfs, target: CommitRef, alive: Callable[[], bool]) -> None:
    """Waits until a commit or branch can be written to.

    Raises:
        NotFound, Refused, InvalidRequest: it never will.
    """
    with pfs.catalog.read() as tx:
        head = _open_target(tx_commit(tx, target), target, _is_output(tx, target, pfs.writers.current()))
    if head is not None and not head.open:
        pfs.readable(head, alive)


def publish(
    pfs: Pfs,
    target: CommitRef,
    written: list[Layer],
    alive: Callable[[], bool],
    expect: Callable[[Root], None] | None = None,
) -> Commit:
    """Makes durable layers visible in a commit or branch; returns the commit that holds the result.

    Args:
        expect: looks at what the target holds before, and may raise; then nothing is changed.

    Raises:
        As `write`; and whatever `expect` raises.
    """
    for _ in range(ATTEMPTS):
        made = _try(pfs, target, written, alive, expect)
        if made is not None:
            return made
    if expect is not None:
        raise Conflict(f"{target} is changed by others all the time: try again later")
    _check(alive)
    return pfs.change(lambda change: deferred(change, target, written))


def layers_of(pfs: Pfs, operations: Iterable[Operation], alive: Callable[[], bool]) -> list[Layer]:
    """A stream of operations as layers, durable but not yet part of anything.

    Raises:
        Cancelled: the caller went away before the end of the stream.
        NotFound, Refused, InvalidRequest: an operation breaks a rule.
    """
    written = _stored(pfs, operations, alive)
    _check(alive)
    return written


def _stored(pfs: Pfs, operations: Iterable[Operation], alive: Callable[[], bool]) -> list[Layer]:
    builder = LayerBuilder(pfs.maps, ContentWriter(pfs.store))
    _collect(pfs, builder, operations, alive)
    return builder.finish()


def _check(alive: Callable[[], bool]) -> None:
    """The last look at the caller; it may wait a moment, so it comes when everything else is done."""
    if not alive():
        raise Cancelled("the caller went away before everything was sent: nothing was written")


def tx_commit(tx: Tx, target: CommitRef) -> Commit | None:
    """The commit that a target means now; None when the branch is still to be made."""
    if target.id:
        return resolve.commit(tx, target)
    if not target.branch:
        raise InvalidRequest("branch must be specified")
    resolve.repo(tx, target.repo)
    branch = resolve.find_branch(tx, BranchRef(target.repo, target.branch))
    return None if branch is None else rows.commit_by_key(tx, branch.head)


def _is_output(tx: Tx, target: CommitRef, writer: int | None) -> bool:
    """Whether only a pipeline may write to the target, or a new commit of it would need one that it comes from.

    Args:
        writer: the key of a branch to which the caller may write all the same.
    """
    commit = tx_commit(tx, target)
    if commit is not None and commit.open:
        return not commits.is_writers(tx, commit, writer) and any(
            one.repo.type == SPEC for one in provenance.direct_commits(tx, commit.key)
        )
    branch = None if target.id else resolve.find_branch(tx, BranchRef(target.repo, target.branch))
    return branch is not None and branch.key != writer and bool(provenance.direct_branches(tx, branch.key))


def _open_target(commit: Commit | None, target: CommitRef, output: bool) -> Commit | None:
    """Refuses what cannot be written to."""
    if output:
        raise Refused(f"cannot start a commit on an output branch: {target}")
    if commit is not None and target.id and not commit.open:
        raise Refused(f"commit {commit} has already finished")
    return commit


def _try(
    pfs: Pfs,
    target: CommitRef,
    written: list[Layer],
    alive: Callable[[], bool],
    expect: Callable[[Root], None] | None,
) -> Commit | None:
    """Makes the result visible, unless the target changed since it was looked at (then None)."""
    with pfs.catalog.read() as tx:
        head = _open_target(tx_commit(tx, target), target, _is_output(tx, target, pfs.writers.current()))
    if head is not None and head.open:
        opened = head
        _check(alive)
        seen = None
        if expect is not None:
            with pfs.catalog.read() as tx:
                seen = _made_of(tx, head)
            expect(pfs.content(head))
        return pfs.change(lambda change: _append(change, opened, written, seen))
    if head is not None:
        head = pfs.readable(head, alive)
    try:
        base = EMPTY if head is None else pfs.content(head)
    except Refused:
        return None  # deleted since it was looked at
    if expect is not None:
        expect(base)
    folded = fold(pfs.maps, pfs.reader, base, written, ContentWriter(pfs.store))
    if folded.problem:
        raise Refused(f"cannot write to {target}: {folded.problem}")
    _check(alive)
    return pfs.change(lambda change: _one_off(change, target, head, folded.root))


def add_file_set(change: Change, target: CommitRef, file_set: str) -> Commit:
    """Lays a file set on top of what was written to an open commit; returns the commit.

    Raises:
        NotFound, Refused: no such commit or file set; the commit has finished, or is a pipeline's.
    """
    written = filesets.load(change.tx, file_set, change.now)
    commit = resolve.commit(change.tx, target)
    if not commit.open:
        raise Refused(f"commit {commit} has already finished")
    _open_target(commit, target, _is_output(change.tx, target, change.writer))
    layers.store(change.tx, commit.key, written)
    return commit


def _made_of(tx: Tx, commit: Commit) -> tuple[Root | None, list[Layer]]:
    """What decides what an open commit holds."""
    return finish.base_of(tx, commit), layers.load(tx, commit.key)


def _append(
    change: Change, head: Commit, written: list[Layer], seen: tuple[Root | None, list[Layer]] | None
) -> Commit | None:
    """Adds layers; None if the commit was closed, or is not made any more of what was `seen`, if that matters."""
    current = rows.commit_by_key(change.tx, head.key)
    if current is None or not current.open or (seen is not None and _made_of(change.tx, current) != seen):
        return None
    layers.store(change.tx, head.key, written)
    return current


def _one_off(change: Change, target: CommitRef, head: Commit | None, root: Root) -> Commit | None:
    current = tx_commit(change.tx, target)
    if (None if current is None else current.key) != (None if head is None else head.key):
        return None
    commit = commits.start(change, BranchRef(target.repo, target.branch))
    commits.complete(change, commit, root.pack())
    return commits.need(change, commit.key)


def deferred(change: Change, target: CommitRef, written: list[Layer]) -> Commit:
    """Writes durable layers as a step of a change: the finisher folds them when their turn has come.

    Raises:
        NotFound, Refused, InvalidRequest: the target cannot be written.
    """
    head = _open_target(tx_commit(change.tx, target), target, _is_output(change.tx, target, change.writer))
    if head is not None and head.open:
        layers.store(change.tx, head.key, written)
        return head
    commit = commits.start(change, BranchRef(target.repo, target.branch))
    layers.store(change.tx, commit.key, written)
    return commits.finish(change, CommitRef(commit.repo, commit.id))


def _collect(pfs: Pfs, builder: LayerBuilder, operations: Iterable[Operation], alive: Callable[[], bool]) -> None:
    before: Operation | None = None
    for run in _runs(operations):
        first = next(run)
        match first:
            case Append(path, tag):
                data = (one.data for one in itertools.chain((first,), run) if isinstance(one, Append))
                builder.append(paths.file_path(path), tag or DEFAULT_TAG, data)
            case AppendUrl():
                _fetch(pfs, builder, first, _replaces(before, first), alive)
            case Delete(path, tag):
                _delete(builder, path, tag)
            case Copy():
                _copy(pfs, builder, first, alive)
        before = first


def _replaces(before: Operation | None, add: AppendUrl) -> bool:
    """Whether each file that comes from an address takes the place of what is there.

    Who overwrites deletes the path that he adds to, right before. What lies below an address only we learn, so that is
    said for all of it by deleting the path that it goes to; at the root by a tag that nothing has, or all would go.
    """
    if not isinstance(before, Delete) or not add.recursive:
        return False
    path = paths.clean(add.path)
    return paths.clean(before.path) == path and (before.tag == add.tag or path == "/")


def _fetch(pfs: Pfs, builder: LayerBuilder, add: AppendUrl, replace: bool, alive: Callable[[], bool]) -> None:
    path = add.path if add.recursive else paths.file_path(add.path)  # all of a bucket may go to the root
    for below, pieces in sources.fetch(pfs.urls, add.url, add.recursive, add.concurrency):
        if not alive():
            raise Cancelled("the caller went away before everything was fetched: nothing was written")
        target = paths.file_path(f"{path.rstrip('/')}/{below}") if below else paths.file_path(path)
        if replace:
            builder.delete_file(target, add.tag or DEFAULT_TAG)
        builder.append(target, add.tag or DEFAULT_TAG, pieces)


def _runs(operations: Iterable[Operation]) -> Iterator[Iterator[Operation]]:
    """Groups appends in a row to one path; everything else stands alone."""
    lonely = itertools.count()

    def key(operation: Operation) -> tuple[object, ...]:
        if isinstance(operation, Append):
            return (operation.path, operation.tag)
        return (next(lonely),)

    return (run for _, run in itertools.groupby(operations, key))


def _delete(builder: LayerBuilder, path: str, tag: str) -> None:
    paths.check(path)
    cleaned = paths.clean(path)
    if path.endswith("/"):
        builder.delete_directory(paths.as_directory(cleaned), tag)
    else:
        builder.delete_file(cleaned, tag or DEFAULT_TAG)


def _copy(pfs: Pfs, builder: LayerBuilder, copy: Copy, alive: Callable[[], bool]) -> None:
    root = pfs.content(filesets.source(pfs, copy.source, alive))
    start = paths.clean(copy.path)
    destination = paths.clean(copy.destination)
    tag = copy.tag or DEFAULT_TAG
    entry = pfs.maps.get(root, start.encode())
    if entry is not None:
        _place(builder, destination, tag, entry, copy.append)
        return
    prefix = paths.as_directory(start).encode()
    for entry in pfs.maps.range(root, prefix, prefix_end(prefix)):
        below = entry[0][len(prefix) :].decode()
        _place(builder, f"{destination}/{below}", tag, entry, copy.append)


def _place(builder: LayerBuilder, to: str, tag: str, entry: tuple[bytes, bytes, int, bytes], append: bool) -> None:
    path = paths.file_path(to)
    if not append:
        builder.delete_file(path, tag)
    builder.append_file(path, tag, from_entry(entry))
