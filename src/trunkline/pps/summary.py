"""Pipelines counted by project and by how they stand.

Cost: one row for each pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trunkline.catalog import Tx
from trunkline.pps.states import JobState, PipelineState

_QUERY = (
    "SELECT projects.name AS project, pipelines.state AS state, "
    "(SELECT jobs.state FROM jobs WHERE jobs.pipeline = pipelines.id ORDER BY jobs.id DESC LIMIT 1) AS last "
    "FROM pipelines JOIN repos ON repos.id = pipelines.repo JOIN projects ON projects.id = repos.project "
)
_FAILED = {PipelineState.FAILURE, PipelineState.CRASHING}
_UNHEALTHY = {JobState.KILLED, JobState.FAILURE, JobState.UNRUNNABLE}


class Summary(msgspec.Struct):
    """How many pipelines of a project are what; each is active, paused or failed, and may be unhealthy besides.

    Attributes:
        unhealthy: those whose newest job did not end well.
    """

    project: str
    active: int = 0
    paused: int = 0
    failed: int = 0
    unhealthy: int = 0


def summaries(tx: Tx, projects: Sequence[str] = ()) -> list[Summary]:
    """A summary of each project that has pipelines, by name.

    Args:
        projects: only these; all if there are none.
    """
    where = f"WHERE projects.name IN ({', '.join('?' * len(projects))}) " if projects else ""
    found: dict[str, Summary] = {}
    for row in tx.rows(f"{_QUERY}{where}ORDER BY projects.name", tuple(projects)):
        summary = found.setdefault(row["project"], Summary(row["project"]))
        state = PipelineState(row["state"])
        if state in _FAILED:
            summary.failed += 1
        elif state is PipelineState.PAUSED:
            summary.paused += 1
        else:
            summary.active += 1
        if row["last"] is not None and JobState(row["last"]) in _UNHEALTHY:
            summary.unhealthy += 1
    return list(found.values())
