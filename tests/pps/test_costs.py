"""What is asked for each job, commit or log line does not look at every job or version there ever was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.pps.world import World

from trunkline.catalog.database import Value
from trunkline.catalog.sqlite import SqliteTx
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pps import job_queries, jobs, rows
from trunkline.pps.job_queries import JobFilter
from trunkline.pps.plan import plan
from trunkline.pps.refs import JobRef, PipelineRef

CATALOGS = ("sqlite",)  # it looks at what SQLite does

GROWS = ("jobs", "pipeline_versions", "commits", "outcomes", "troubled_datums")


def steps(world: World, sql: str, parameters: Sequence[Value]) -> list[str]:
    with world.catalog.read() as tx:
        return [str(row["detail"]) for row in tx.rows(f"EXPLAIN QUERY PLAN {sql}", parameters)]


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Value, ...]]]:
    """The queries that are made from now on."""
    found: list[tuple[str, tuple[Value, ...]]] = []
    really = SqliteTx.rows

    def rows(tx: SqliteTx, sql: str, parameters: Sequence[Value] = ()) -> object:
        if not sql.startswith("EXPLAIN"):
            found.append((sql, tuple(parameters)))
        return really(tx, sql, parameters)

    monkeypatch.setattr(SqliteTx, "rows", rows)
    return found


def scans(world: World, asked: list[tuple[str, tuple[Value, ...]]]) -> list[str]:
    """The whole-table looks at tables that grow with use."""
    lines = [step for sql, parameters in asked for step in steps(world, sql, parameters)]
    return [line for line in lines if line.startswith("SCAN") and line.split()[1] in GROWS]


def test_the_search_for_a_base_is_a_look_into_an_index(
    world: World, asked: list[tuple[str, tuple[Value, ...]]]
) -> None:
    world.repo("a")
    world.pipeline("p", "a")
    job = world.job("p")
    asked.clear()
    with world.catalog.read() as tx:
        plan.find_base(tx, job, "a key")
    assert any("jobs_by_plan (pipeline=? AND plan_key=? AND state=?" in step for step in steps(world, *asked[0]))


def test_jobs_by_input_are_found_from_the_input(world: World, asked: list[tuple[str, tuple[Value, ...]]]) -> None:
    world.repo("a", "b")
    world.pipeline("p", "a")
    world.pipeline("q", "b")
    made = [world.put("a", x=str(number)) for number in range(3)]
    asked.clear()
    found = list(world.pps.list_jobs(input_commits=[CommitRef(RepoRef("a"), made[1])], history=-1))
    assert [job.ref for job in found] == [JobRef(PipelineRef("p"), made[1])]
    assert scans(world, asked) == []


def test_a_new_output_commit_and_a_removed_job_look_at_what_they_concern(world: World) -> None:
    plans = steps(world, jobs._NEW, (1,)) + steps(world, jobs._STRANGE, (1,))
    assert [line for line in plans if line.startswith("SCAN") and line.split()[1] in GROWS] == []
    assert any("pipeline_versions_by_commit" in line or "(spec_commit=?" in line for line in plans)
    children = steps(world, "SELECT id FROM jobs WHERE base = ?", (1,))  # what SQLite asks when a job is deleted
    assert any("jobs_by_base" in line for line in children)
    versions = steps(world, "SELECT 1 FROM pipeline_versions WHERE spec_commit = ?", (1,))  # and a commit
    assert any("pipeline_versions_by_commit" in line for line in versions)


def test_a_page_of_jobs_is_read_in_its_order(world: World, asked: list[tuple[str, tuple[Value, ...]]]) -> None:
    world.repo("a")
    world.pipeline("p", "a")
    asked.clear()
    with world.catalog.read() as tx:
        key = rows.pipeline(tx, PipelineRef("p")).key
    list(job_queries.listed(world.catalog, JobFilter(pipeline=key, history=-1), 10))
    plans = [step for sql, parameters in asked for step in steps(world, sql, parameters)]
    assert not any("TEMP B-TREE" in step for step in plans)
