"""When clocks tick: a file named by the time comes to the clock's repo, and whatever reads it gets its jobs.

Invariants: the next tick of each clock stands in the catalog, so finding what is due costs what is due; a tick and
the note that it was made are one change, so a crash delays a tick and neither loses nor repeats it; ticks that were
missed are made one by one, oldest first. A clock that finds its newest tick in the future, because the machine's was
put back, goes on from now.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from trunkline.catalog import Row, Tx
from trunkline.kernel import cron, times
from trunkline.kernel.errors import InvalidRequest, NotFound, Refused, TrunklineError
from trunkline.pfs import modify, provenance, repos, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.layers import DEFAULT_TAG, Layer
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef
from trunkline.pps import clocks, inputs, rows
from trunkline.pps.refs import PipelineRef
from trunkline.pps.spec import CronInput, PipelineSpec

_AT_ONCE = 100
_DUE = f"SELECT * FROM crons WHERE due <= ? ORDER BY due, pipeline, number LIMIT {_AT_ONCE}"
_AHEAD = f"SELECT * FROM crons WHERE ticked > ? ORDER BY pipeline, number LIMIT {_AT_ONCE}"
_ONE = "WHERE pipeline = ? AND number = ?"

_MADE = "Cron tick repo for pipeline"
"""How the description of a repo begins that was made for a clock: one that was there before is somebody's own."""


class _Clock(msgspec.Struct, frozen=True):
    """A clock and how far it is; see the table."""

    pipeline: int
    number: int
    ticked: int | None
    due: int | None
    given: CronInput


def make_repos(change: Change, ref: PipelineRef, given: PipelineSpec) -> None:
    """Makes the repos of a pipeline's clocks that are not there.

    Raises:
        Refused: a pipeline writes to the branch that ticks would come to.
    """
    for clock in inputs.crons(given.input) if given.input is not None else ():
        repo = clocks.repo_of(clock)
        branch = resolve.find_branch(change.tx, clocks.branch_of(clock))
        if branch is not None and provenance.direct_branches(change.tx, branch.key):
            words = f"{branch.ref} comes from others, so no tick can: name another repo"
            raise Refused(f'input.cron "{clock.name}": {words}')
        if resolve.find_repo(change.tx, repo) is None:
            repos.create(change, repo, description=f"{_MADE} {ref}.")


def wind(change: Change, pipeline: int, given: PipelineSpec) -> None:
    """Lets the clocks of a pipeline run, from their newest tick or their start; those that it had before are gone."""
    halt(change, pipeline)
    count = 0 if given.input is None else sum(1 for _ in inputs.crons(given.input))
    for number in range(count):
        change.tx.run("INSERT INTO crons (pipeline, number, due) VALUES (?, ?, 0)", (pipeline, number))


def halt(change: Change, pipeline: int) -> None:
    """Stops the clocks of a pipeline."""
    change.tx.run("DELETE FROM crons WHERE pipeline = ?", (pipeline,))


def delete_repos(change: Change, given: PipelineSpec, *, force: bool) -> None:
    """Deletes the repos that were made for a pipeline's clocks; without `force` not those that something else reads."""
    for clock in inputs.crons(given.input) if given.input is not None else ():
        repo = resolve.find_repo(change.tx, clocks.repo_of(clock))
        if repo is None or not repo.description.startswith(_MADE):
            continue
        read = any(provenance.downstream_branches(change.tx, one.key) for one in repos.branches_of(change.tx, repo))
        if force or not read:
            repos.delete(change, repo.ref, force=True)


def tick(pfs: Pfs) -> bool:
    """Makes the ticks that are due, one for each clock; False if none was.

    Raises:
        TrunklineError: one could not be made, and is tried again; the others were.
    """
    now = pfs.clock.now()
    with pfs.catalog.read() as tx:
        found = {(row["pipeline"], row["number"]): _read(tx, row) for row in [*tx.rows(_DUE, (now,))]}
        ahead = {(row["pipeline"], row["number"]): _read(tx, row) for row in [*tx.rows(_AHEAD, (now,))]}
    failure: TrunklineError | None = None
    for key, clock in (found | ahead).items():
        try:
            with pfs.pins.session():
                if key in ahead or not clock.due:
                    _set(pfs, clock, now)
                else:
                    _tick(pfs, clock, clock.due)
        except TrunklineError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return bool(found or ahead)


def _read(tx: Tx, row: Row) -> _Clock:
    version = tx.row("SELECT version FROM pipelines WHERE id = ?", (row["pipeline"],))
    assert version is not None, "a clock is a pipeline's"
    given = rows.version(tx, row["pipeline"], version["version"]).spec.input
    clock = list(inputs.crons(given) if given is not None else ())[row["number"]]
    return _Clock(row["pipeline"], row["number"], row["ticked"], row["due"], clock)


def _set(pfs: Pfs, clock: _Clock, now: int) -> None:
    """Works out when a clock ticks next: after its newest tick if there is one, but not after one in the future."""
    newest = _newest(pfs, clock.given)
    since = times.parse(clock.given.start) if newest is None else min(newest, now)
    due = cron.parse(clock.given.spec).next(since)
    ticked = None if newest is None else since

    def step(change: Change) -> None:
        if _unchanged(change, clock):
            change.tx.run(f"UPDATE crons SET ticked = ?, due = ? {_ONE}", (ticked, due, clock.pipeline, clock.number))

    pfs.change(step)


def _newest(pfs: Pfs, given: CronInput) -> int | None:
    """The time of the newest tick in a clock's repo; None if there is none."""
    with pfs.catalog.read() as tx:
        branch = resolve.find_branch(tx, clocks.branch_of(given))
        if branch is None:
            return None
        head = resolve.commit(tx, CommitRef(branch.ref.repo, branch=branch.ref.name))
    for path, *_ in pfs.maps.range(pfs.content(pfs.readable(head)), reverse=True):
        try:
            return times.parse(path.decode().lstrip("/"))
        except (InvalidRequest, UnicodeDecodeError):
            continue  # something that a user put there
    return None


def _tick(pfs: Pfs, clock: _Clock, time: int) -> None:
    """Makes one tick, unless somebody else did."""
    written = _layers(pfs, clock.given, time)
    due = cron.parse(clock.given.spec).next(time)

    def step(change: Change) -> None:
        if not _unchanged(change, clock):
            return
        if resolve.find_repo(change.tx, clocks.repo_of(clock.given)) is None:
            halt(change, clock.pipeline)  # deleted by force; it ticks again when the pipeline is updated
            return
        change.tx.run(f"UPDATE crons SET ticked = ?, due = ? {_ONE}", (time, due, clock.pipeline, clock.number))
        _write(change, clock.given, written)

    pfs.change(step)


def _unchanged(change: Change, clock: _Clock) -> bool:
    row = change.tx.row(f"SELECT ticked, due FROM crons {_ONE}", (clock.pipeline, clock.number))
    return row is not None and (row["ticked"], row["due"]) == (clock.ticked, clock.due)


def _layers(pfs: Pfs, given: CronInput, time: int) -> list[Layer]:
    """What a tick writes, durable and not yet part of anything."""
    operations: list[modify.Operation] = [modify.Delete("/", "")] if given.overwrite else []
    operations.append(modify.Append(f"/{times.text(time)}", DEFAULT_TAG, b""))
    return modify.layers_of(pfs, operations, lambda: True)


def _write(change: Change, given: CronInput, written: list[Layer]) -> None:
    branch = clocks.branch_of(given)
    modify.deferred(change, CommitRef(branch.repo, branch=branch.name), written)


def run(pfs: Pfs, ref: PipelineRef) -> None:
    """A tick now of each of a pipeline's clocks, in one change; when they tick by themselves stays as it is.

    Raises:
        NotFound, Refused: no such pipeline; it has no clock.
    """
    with pfs.catalog.read() as tx:
        pipeline = rows.pipeline(tx, ref)
        given = rows.version(tx, pipeline.key, pipeline.version).spec.input
    # Two clocks may share a repo, which gets one tick then.
    found = {} if given is None else {clocks.repo_of(one): one for one in inputs.crons(given)}
    if not found:
        raise Refused("pipeline doesn't have a cron input")
    now = pfs.clock.now()
    with pfs.pins.session():
        written = [(one, _layers(pfs, one, now)) for one in found.values()]
        pfs.change(partial(_run, written=written))


def _run(change: Change, written: Sequence[tuple[CronInput, list[Layer]]]) -> None:
    for given, layers in written:
        if resolve.find_repo(change.tx, clocks.repo_of(given)) is None:
            raise NotFound(f"repo {clocks.repo_of(given)} not found: it held the ticks, update the pipeline")
        _write(change, given, layers)
