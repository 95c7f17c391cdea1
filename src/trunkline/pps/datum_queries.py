"""What can be asked about datums: those of a job, with what became of them, and those that an input would form.

Invariant: a listing streams; it holds a page of datums in memory and no transaction between two pages. What became
of a datum is read off the outcomes: whose job ran it says whether this job did, or could skip it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from trunkline.catalog import Row, Tx
from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.kernel.ids import DatumId, SetId
from trunkline.maps import EMPTY, Entry, Maps, Root
from trunkline.objects.wrappers.scratch import ScratchStore
from trunkline.pfs import holding, provenance, resolve
from trunkline.pfs import rows as pfs_rows
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import BranchRef, RepoRef
from trunkline.pfs.rows import Commit
from trunkline.pps import inputs, rows
from trunkline.pps.plan import plan, tree
from trunkline.pps.plan.operators.base import Side
from trunkline.pps.plan.records import Encoder, decode
from trunkline.pps.plan.spool import Spool
from trunkline.pps.rows import Job, Stats
from trunkline.pps.spec import Input, PfsInput
from trunkline.pps.states import DatumState, JobState

_PAGE = 500
_CACHE_BYTES = 16 << 20


class DatumInput(msgspec.Struct, frozen=True):
    """One input of a datum: a file or directory (whose path ends with `/`) of a commit.

    Attributes:
        name: the folder below /pfs.
        branch: that the pipeline reads; the commit may have been made on another one.
        hash: content hash of the file, digest of everything below the directory.
        size: bytes.
    """

    name: str
    repo: RepoRef
    branch: str
    commit: SetId
    path: str
    hash: bytes
    size: int


class DatumInfo(msgspec.Struct, frozen=True):
    """A datum; `job` is the key of the job that ran it, which may be an earlier one than that asked about."""

    id: DatumId
    state: DatumState
    inputs: tuple[DatumInput, ...]
    job: int | None = None
    stats: Stats = Stats()
    reason: str = ""
    tries: int = 0
    image_digest: str = ""


class DatumFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which datums to list: of these states (none for all), after the marker, at most `number` (0: all)."""

    states: frozenset[DatumState] = frozenset()
    marker: str = ""
    number: int = 0
    reverse: bool = False


ALL_DATUMS = DatumFilter()


def of_job(pfs: Pfs, job: Job, wanted: DatumFilter) -> Iterator[DatumInfo]:
    """The datums of a job by ascending id (descending with `reverse`); none before it is planned.

    Raises:
        InvalidRequest: `reverse` without a number, or a marker that is no datum id.
    """
    marker = _check(wanted)
    if job.datums is None:
        return iter(())
    with pfs.reading() as tx:
        if rows.job_by_key(tx, job.key) is not None:
            pfs.pins.hold([(holding.NODES, job.datums)])
    root = Root.unpack(job.datums)
    if wanted.reverse:
        entries = pfs.maps.range(root, hi=marker or None, reverse=True)
    else:
        entries = pfs.maps.range(root, lo=marker + b"\0" if marker else b"")
    return _limited(_Shown(pfs, job).infos(entries), wanted)


def inspect(pfs: Pfs, job: Job, datum: str) -> DatumInfo:
    """One datum of a job.

    Raises:
        NotFound: the job has no such datum (yet).
    """
    entry = None
    if job.datums is not None and len(datum) == 64:
        try:
            entry = pfs.maps.get(Root.unpack(job.datums), bytes.fromhex(datum))
        except ValueError:
            entry = None
    if entry is None:
        raise NotFound(f"datum {datum} not found in job {job.ref}")
    return next(_Shown(pfs, job).infos([entry]))


def of_input(pfs: Pfs, given: Input, wanted: DatumFilter) -> Iterator[DatumInfo]:
    """The datums that a completed input would form from the heads of its branches; their state is UNKNOWN.

    Nothing is stored for it.

    Raises:
        NotFound: a repo or branch of the input.
        InvalidRequest: as `of_job`.
    """
    marker = _check(wanted)
    leaves = list(inputs.leaves(given))
    with pfs.catalog.read() as tx:
        heads = [_head(tx, leaf) for leaf in leaves]
    roots = [pfs.content(head) for head in heads]
    formed = _formed(pfs, given, roots)
    commits = [head.id for head in heads]
    if wanted.reverse:
        last = deque((one for one in formed if not marker or one[0] < marker), wanted.number)
        return _limited((_info(one, leaves, commits, DatumState.UNKNOWN) for one in reversed(last)), wanted)
    after = (one for one in formed if one[0] > marker)
    return _limited((_info(one, leaves, commits, DatumState.UNKNOWN) for one in after), wanted)


def _head(tx: Tx, leaf: PfsInput) -> Commit:
    branch = resolve.branch(tx, BranchRef(inputs.repo_of(leaf), leaf.branch))
    head = pfs_rows.commit_by_key(tx, branch.head)
    assert head is not None, "a branch's head is a foreign key"
    return head


def _formed(pfs: Pfs, given: Input, roots: list[Root]) -> Iterator[Entry]:
    """An entry for each datum, by id; what two alternatives of a union have in common comes once."""
    leaves = list(inputs.leaves(given))
    maps = Maps(ScratchStore(pfs.store), _CACHE_BYTES)  # indexes of joins are nobody's
    operator = tree.build(maps, given, [EMPTY] * len(leaves), roots).operator
    encoder = Encoder(leaves, salt="")
    with Spool() as spool:
        for elements in operator.all(Side.NEW):
            key = encoder.id(elements)
            spool.add((key, encoder.entry(key, elements)))
        last = b""
        for key, entry in spool.sorted():
            if key != last:
                last = key
                yield entry


def _check(wanted: DatumFilter) -> bytes:
    """The marker as raw bytes."""
    if wanted.reverse and wanted.number <= 0:
        raise InvalidRequest("number must be > 0 when reverse is set")
    if wanted.number < 0:
        raise InvalidRequest(f"number is {wanted.number}: give how many datums to list, or 0 for all")
    try:
        return bytes.fromhex(wanted.marker)
    except ValueError:
        raise InvalidRequest(f"pagination marker {wanted.marker!r} invalid: give the id of a datum") from None


def _limited(found: Iterator[DatumInfo], wanted: DatumFilter) -> Iterator[DatumInfo]:
    shown = (one for one in found if not wanted.states or one.state in wanted.states)
    return islice(shown, wanted.number or None)


def _info(entry: Entry, leaves: Sequence[PfsInput], commits: Sequence[SetId], state: DatumState) -> DatumInfo:
    record = decode(entry)
    return DatumInfo(
        record.id,
        state,
        tuple(
            DatumInput(
                name=one.name,
                repo=inputs.repo_of(leaves[one.leaf]),
                branch=leaves[one.leaf].branch,
                commit=commits[one.leaf],
                path=one.path,
                hash=one.hash,
                size=one.size,
            )
            for one in record.inputs
        ),
    )


_COST = "tries, image_digest, download_time, process_time, upload_time, download_bytes, upload_bytes"
_OUTCOMES = f"SELECT hash, job, {_COST} FROM outcomes WHERE pipeline = ? AND hash IN "
_TROUBLED = f"SELECT datum, state, reason, {_COST} FROM troubled_datums WHERE job = ? AND datum IN "


def _by_column(tx: Tx, query: str, owner: int, column: str, values: Sequence[bytes]) -> dict[bytes, Row]:
    marks = ", ".join("?" * len(values))
    return {row[column]: row for row in tx.rows(f"{query}({marks})", (owner, *values))}


class _Shown:
    """Turns entries of a job's datum map into what is shown of them."""

    def __init__(self, pfs: Pfs, job: Job) -> None:
        self._catalog, self._job = pfs.catalog, job
        with pfs.catalog.read() as tx:
            version = rows.version(tx, job.pipeline, job.version)
            self._leaves = list(inputs.leaves(plan.need_input(version)))
            direct = {one.repo: one.id for one in provenance.direct_commits(tx, job.output_commit)}
        # An input whose repo was deleted since is shown as of the job's own commit set.
        self._commits = [direct.get(inputs.repo_of(leaf), job.ref.id) for leaf in self._leaves]

    def infos(self, entries: Iterable[Entry]) -> Iterator[DatumInfo]:
        """In the order of the entries."""
        left = iter(entries)
        while page := list(islice(left, _PAGE)):
            with self._catalog.read() as tx:
                outcomes = _by_column(tx, _OUTCOMES, self._job.pipeline, "hash", [one[1] for one in page])
                troubled = _by_column(tx, _TROUBLED, self._job.key, "datum", [one[0] for one in page])
            for entry in page:
                yield self._shown(entry, outcomes.get(entry[1]), troubled.get(entry[0]))

    def _shown(self, entry: Entry, outcome: Row | None, trouble: Row | None) -> DatumInfo:
        row = trouble or outcome
        if trouble is not None:
            state, author = DatumState(trouble["state"]), self._job.key
        elif outcome is not None:
            author = int(outcome["job"])
            state = self._state(author)
        else:
            state, author = self._without_outcome(), 0
        info = _info(entry, self._leaves, self._commits, state)
        if row is None or state in (DatumState.STARTING, DatumState.UNKNOWN):
            return info
        return msgspec.structs.replace(
            info,
            job=author,
            stats=rows.stats_of(row),
            reason=trouble["reason"] if trouble is not None else "",
            tries=row["tries"],
            image_digest=row["image_digest"],
        )

    def _state(self, author: int) -> DatumState:
        """Of a datum with an outcome, made by the job with this key."""
        if author == self._job.key:
            return DatumState.SUCCESS
        later = author > self._job.key and self._job.state is not JobState.SUCCESS
        return self._without_outcome() if later else DatumState.SKIPPED

    def _without_outcome(self) -> DatumState:
        """Of a datum that this job neither ran nor skipped so far: a job that has ended never will."""
        return DatumState.UNKNOWN if self._job.state.terminal else DatumState.STARTING
