"""File sets: temporary lists of layers with an id, which can be read like a commit and added to one.

Invariants: a file set never changes, only the end of its lease does; when that is past, it is gone for everybody,
whether or not its rows are; a set that a cache entry names outlives its lease until the entry goes. To make, compose or
add one costs its number of layers, whatever they hold; only compacting and reading look inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from trunkline.catalog import Tx
from trunkline.content.entry import from_entry
from trunkline.kernel.clock import SECOND, Nanos
from trunkline.kernel.errors import InvalidRequest, Refused
from trunkline.kernel.ids import SetId, new_id
from trunkline.kernel.names import FILESET_REPO
from trunkline.maps import EMPTY, Root
from trunkline.pfs import holding, layers, resolve, rows
from trunkline.pfs.layers import Layer, Operation
from trunkline.pfs.leases import OVER, need
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pfs.rows import Commit

DEFAULT_SECONDS = 600
"""How long a file set lives unless its maker says otherwise."""

LONGEST_SECONDS = 1800
"""The longest lease that one call can give."""

FILES_PER_SHARD = 1_000_000
BYTES_PER_SHARD = 1_000_000_000

_ID = re.compile(r"[0-9a-f]{32}")
_SWEPT_AT_ONCE = 100
"""File sets; so that a sweep is many short transactions."""


def parse_id(text: str) -> str:
    """The id that a caller gave, with or without dashes.

    Raises:
        InvalidRequest: it cannot be one.
    """
    bare = text.replace("-", "").lower()
    if _ID.fullmatch(bare) is None:
        raise InvalidRequest(f"file set id {text[:60]!r} invalid: it has 32 hexadecimal digits")
    return bare


def check_ttl(seconds: int) -> int:
    """Refuses a lease that is too short or too long.

    Raises:
        Refused: spec 01, section 11.
    """
    if seconds < 1:
        raise Refused(f"ttl ({seconds * SECOND}) must be at least one second")
    if seconds > LONGEST_SECONDS:
        raise Refused(f"ttl ({seconds * SECOND}) exceeds max ttl ({LONGEST_SECONDS * SECOND})")
    return seconds


def create(pfs: Pfs, written: Sequence[Layer], seconds: int = DEFAULT_SECONDS, made_of: Iterable[str] = ()) -> str:
    """Records durable layers as a file set; returns its id.

    Args:
        written: in the order in which they apply.
        seconds: of the lease.
        made_of: ids of file sets whose layers are used, and which must still be there.

    Raises:
        NotFound: one of these is gone.
    """
    name = new_id()
    sources = list(made_of)

    def write(tx: Tx) -> None:
        now = pfs.clock.now()
        for source in sources:
            need(tx, source, now)
        tx.run("INSERT INTO file_sets (id, created, expires) VALUES (?, ?, ?)", (name, now, now + seconds * SECOND))
        for position, layer in enumerate(written):
            tx.run(
                "INSERT INTO file_set_layers (file_set, position, removed, delta, whole) VALUES (?, ?, ?, ?, ?)",
                (name, position, *layers.columns(layer)),
            )

    pfs.catalog.write(write)
    return name


def load(tx: Tx, name: str, now: Nanos) -> list[Layer]:
    """The layers of a file set, in order.

    Raises:
        NotFound: there is none, or its lease is over.
    """
    need(tx, name, now)
    query = "SELECT removed, delta, whole FROM file_set_layers WHERE file_set = ? ORDER BY position"
    return [layers.layer_of(row) for row in tx.rows(query, (name,))]


def renew(pfs: Pfs, name: str, seconds: int) -> None:
    """Lets a lease end so many seconds from now, be that later or sooner than before.

    Raises:
        Refused, NotFound: a lease that is too short or too long; no such file set.
    """
    check_ttl(seconds)

    def write(tx: Tx) -> None:
        now = pfs.clock.now()
        need(tx, name, now)
        tx.run("UPDATE file_sets SET expires = ? WHERE id = ?", (now + seconds * SECOND, name))

    pfs.catalog.write(write)


def sweep(pfs: Pfs) -> bool:
    """Removes some file sets whose lease is over; False if there are none."""
    query = f"SELECT id FROM file_sets WHERE {OVER} ORDER BY expires LIMIT {_SWEPT_AT_ONCE}"

    def over(tx: Tx) -> list[str]:
        return [row["id"] for row in tx.rows(query, (pfs.clock.now(),))]

    with pfs.catalog.read() as tx:
        if not over(tx):
            return False

    def write(tx: Tx) -> None:
        for name in over(tx):
            tx.run("DELETE FROM file_set_layers WHERE file_set = ?", (name,))
            tx.run("DELETE FROM file_sets WHERE id = ?", (name,))

    pfs.catalog.write(write)
    return True


def sweep_all(pfs: Pfs) -> str:
    """Removes every file set whose lease is over; says how many there were, or nothing."""

    def count() -> int:
        with pfs.catalog.read() as tx:
            row = tx.row("SELECT count(*) AS number FROM file_sets")
        return 0 if row is None else int(row["number"])

    before = count()
    while sweep(pfs):
        pass
    gone = before - count()
    return f"{gone} file sets removed whose lease was over" if gone > 0 else ""


# -- from commits, and as commits -----------------------------------------------------------------------


def is_file_set(ref: CommitRef) -> bool:
    """Whether a reference means a file set."""
    return ref.repo.name == FILESET_REPO


def source(pfs: Pfs, ref: CommitRef, alive: Callable[[], bool] = lambda: True) -> Commit:
    """The commit that a reference means, once it can be read; a file set becomes a commit that is no row.

    Raises:
        NotFound, InvalidRequest, Refused: there is none; or the reference makes no sense.
    """
    if not is_file_set(ref):
        with pfs.catalog.read() as tx:
            found = resolve.commit(tx, ref)
        return pfs.readable(found, alive)
    name = parse_id(ref.id)
    with pfs.reading() as tx:
        now = pfs.clock.now()
        created, written = need(tx, name, now), load(tx, name, now)
        pfs.pins.hold(holding.layers(written))
    return _virtual(name, created, pfs.layered(name, written))


def _virtual(name: str, created: Nanos, root: Root) -> Commit:
    return Commit(
        key=0,
        repo_key=0,
        repo=RepoRef(FILESET_REPO),
        id=SetId(name),
        branch="",
        parent=None,
        origin="USER",
        description="FileSet - Virtual Commit",
        started=created,
        finishing=None,
        finished=None,
        error="",
        root=root.pack(),
    )


def total(pfs: Pfs, ref: CommitRef, alive: Callable[[], bool]) -> str:
    """A file set of everything that a commit holds now; costs no more than looking at it. Returns its id."""
    root = pfs.content(source(pfs, ref, alive))
    return create(pfs, [Layer((), root, whole=True)] if root.count else [])


def diff(pfs: Pfs, ref: CommitRef, alive: Callable[[], bool]) -> str:
    """A file set of what a commit changed: of an open one, its layers; of a finished one, what differs from its parent.

    There each path that differs becomes what it is in the commit, whatever was there before. Returns its id.
    """
    if is_file_set(ref):
        return compose(pfs, [parse_id(ref.id)], DEFAULT_SECONDS)
    commit = source(pfs, ref, alive)
    with pfs.reading() as tx:
        current = rows.commit_by_key(tx, commit.key)
        if current is None:
            raise Refused(f"commit {commit} was deleted")
        written = layers.load(tx, commit.key)
        parent = None if current.parent is None else rows.commit_by_key(tx, current.parent)
        base, content = (
            EMPTY if one is None or one.root is None else Root.unpack(one.root) for one in (parent, current)
        )
        held = [found for one in (base, content) for found in holding.root(holding.FILES, one)]
        pfs.pins.hold([*held, *holding.layers(written)])
    if current.finished is not None:
        layer = layers.build(pfs.maps, (), _changes(pfs, base, content))
        written = [layer] if layer.delta.count else []
    return create(pfs, written)


def _changes(pfs: Pfs, old: Root, new: Root) -> Iterator[tuple[bytes, Operation]]:
    for key, was, now in pfs.maps.diff(old, new):
        files = [from_entry(entry) for entry in (was, now) if entry is not None]
        dropped = tuple(dict.fromkeys(file.tag for file in files))
        yield key, Operation(dropped, () if now is None else (files[-1],))


def compose(pfs: Pfs, names: Sequence[str], seconds: int, *, compact: bool = False) -> str:
    """A file set that does what several do, one after the other; returns its id.

    Raises:
        NotFound: one of them is gone.
    """
    with pfs.reading() as tx:
        now = pfs.clock.now()
        written = [layer for name in names for layer in load(tx, name, now)]
        pfs.pins.hold(holding.layers(written))
    if compact:
        written = layers.compacted(pfs.maps, written)
    return create(pfs, written, seconds, names)


def shards(pfs: Pfs, name: str, files: int, size: int) -> list[tuple[str, str]]:
    """Ranges of paths [lower, upper) that together hold everything, each of at most so many files.

    Args:
        files: most files of a shard; 0 for the default.
        size: bytes at which a shard ends; 0 for the default. A larger file is a shard of its own.

    Raises:
        InvalidRequest, NotFound: a negative limit; no such file set.
    """
    if files < 0 or size < 0:
        raise InvalidRequest("a shard cannot have a negative number of files or bytes: give 0 for the default")
    files, size = files or FILES_PER_SHARD, size or BYTES_PER_SHARD
    root = pfs.content(source(pfs, CommitRef(RepoRef(FILESET_REPO), name)))
    borders = [""]
    count = weight = 0
    for key, _, length, _ in pfs.maps.range(root):
        if count and (count == files or weight + length > size):
            borders.append(key.decode())
            count = weight = 0
        count, weight = count + 1, weight + length
    return list(zip(borders, [*borders[1:], ""], strict=True))
