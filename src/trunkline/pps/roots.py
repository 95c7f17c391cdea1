"""Every root that the tables of pipelines name; and outcomes that nobody needs any more.

Invariant: an outcome that the datum map of a job names, or that is recent, stays, whatever became of the job; so a
revert or a re-created branch costs no user code. Only what nothing refers to and what is old is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from trunkline.catalog import Tx
from trunkline.kernel.clock import SECOND
from trunkline.maps import Maps, Root
from trunkline.pfs.collect.reach import CACHE_BYTES
from trunkline.pfs.collect.roots import Kept, repo_name
from trunkline.pfs.holding import FILES, NODES
from trunkline.pfs.pfs import Pfs

DATUMS = "datums of jobs"
INDEXES = "indexes of joins and groups"
OUTCOMES = "outcomes of datums"

RECENT_DAYS = 30
"""How long an outcome is kept that nothing refers to."""

_PAGE = 500

_REPO = "repos.name AS repo_name, repos.type AS repo_type, projects.name AS project_name"
_JOBS = (
    f"SELECT jobs.datums AS root, commits.set_id AS set_id, {_REPO} FROM jobs "
    "JOIN commits ON commits.id = jobs.output_commit JOIN repos ON repos.id = commits.repo "
    "JOIN projects ON projects.id = repos.project WHERE jobs.datums IS NOT NULL ORDER BY jobs.id"
)
_INDEXES = (
    f"SELECT job_indexes.root AS root, commits.set_id AS set_id, {_REPO} FROM job_indexes "
    "JOIN jobs ON jobs.id = job_indexes.job JOIN commits ON commits.id = jobs.output_commit "
    "JOIN repos ON repos.id = commits.repo JOIN projects ON projects.id = repos.project "
    "ORDER BY job_indexes.job, job_indexes.place"
)
_OUTCOMES = (
    f"SELECT outcomes.outputs AS root, outcomes.datum AS datum, {_REPO} FROM outcomes "
    "JOIN pipelines ON pipelines.id = outcomes.pipeline JOIN repos ON repos.id = pipelines.repo "
    "JOIN projects ON projects.id = repos.project ORDER BY outcomes.pipeline, outcomes.hash"
)
_OLD = (
    "SELECT pipeline, hash FROM outcomes WHERE created < ? AND NOT EXISTS "
    "(SELECT 1 FROM jobs WHERE jobs.pipeline = outcomes.pipeline AND jobs.finished IS NULL) ORDER BY pipeline, hash"
)
_FORGET = (
    "DELETE FROM outcomes WHERE pipeline = ? AND hash = ? AND created < ? AND NOT EXISTS "
    "(SELECT 1 FROM jobs WHERE jobs.pipeline = outcomes.pipeline AND (jobs.finished IS NULL OR jobs.id > ?))"
)


def roots(tx: Tx) -> Iterator[Kept]:
    """The roots of jobs, their indexes, and outcomes; row by row, to the end of the transaction."""
    for row in tx.rows(_JOBS):
        repo = repo_name(row)
        yield Kept(NODES, bytes(row["root"]), DATUMS, f"job {repo}@{row['set_id']}", repo)
    for row in tx.rows(_INDEXES):
        repo = repo_name(row)
        yield Kept(NODES, bytes(row["root"]), INDEXES, f"index of job {repo}@{row['set_id']}", repo)
    for row in tx.rows(_OUTCOMES):
        repo = repo_name(row)
        yield Kept(FILES, bytes(row["root"]), OUTCOMES, f"datum {bytes(row['datum']).hex()} of {repo}", repo)


def forget_outcomes(pfs: Pfs, days: float = RECENT_DAYS) -> str:
    """Forgets outcomes that no job names and that are older than so many days; says how many, or nothing.

    A pipeline that has a job under way, or got one meanwhile, is left alone: it may have counted on them.
    """
    before = int(pfs.clock.now() - days * 24 * 3600 * SECOND)
    with pfs.reading() as tx:
        old = {(int(row["pipeline"]), bytes(row["hash"])) for row in tx.rows(_OLD, (before,))}
        newest = tx.row("SELECT max(id) AS id FROM jobs")
        named = list(tx.rows("SELECT DISTINCT pipeline, datums FROM jobs WHERE datums IS NOT NULL")) if old else []
        pfs.pins.hold((NODES, bytes(row["datums"])) for row in named)
    maps = Maps(pfs.store, CACHE_BYTES)
    seen: dict[int, set[bytes]] = {}
    for row in named:
        pipeline = int(row["pipeline"])
        for leaf in maps.leaves(Root.unpack(bytes(row["datums"])), seen.setdefault(pipeline, set())):
            old.difference_update((pipeline, value) for value in leaf.values)
    bounds = (before, 0 if newest is None or newest["id"] is None else int(newest["id"]))
    forgotten, rest = 0, iter(sorted(old))
    while page := list(islice(rest, _PAGE)):
        forgotten += pfs.catalog.write(partial(_forget, page=page, bounds=bounds))
    return f"{forgotten} outcomes of datums forgotten, older than {days:g} days and of no job" if forgotten else ""


def _forget(tx: Tx, page: list[tuple[int, bytes]], bounds: tuple[int, int]) -> int:
    return sum(tx.run(_FORGET, (*one, *bounds)) for one in page)
