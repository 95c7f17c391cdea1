"""How long pipelines have been up, and those that have been for longer than their spec expects.

Cost: a row for each pipeline that is up; specs are read only where they name a limit.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trunkline.catalog import Tx
from trunkline.kernel.clock import SECOND, Nanos
from trunkline.pfs.change import Change
from trunkline.pps import rows, spec
from trunkline.pps.refs import PipelineRef

_WITH_A_LIMIT = """
JOIN pipeline_versions ON pipeline_versions.pipeline = pipelines.id AND pipeline_versions.version = pipelines.version
WHERE pipelines.state IN ('RUNNING', 'CRASHING') AND pipeline_versions.effective_spec LIKE '%"maximumExpectedUptime"%'
ORDER BY projects.name, repos.name"""


class Alert(msgspec.Struct, frozen=True):
    """What is the matter with a pipeline, in words."""

    pipeline: PipelineRef
    texts: tuple[str, ...]


def note_start(change: Change, key: int) -> None:
    """Notes that the workers of a pipeline came up."""
    change.tx.run("UPDATE pipelines SET workers_started = ? WHERE id = ?", (change.now, key))


def alerts(tx: Tx, now: Nanos, project: str = "") -> Iterator[Alert]:
    """The pipelines that have been up for longer than expected, by name.

    Args:
        project: only those of this one; empty: of all.
    """
    for row in list(tx.rows(rows.PIPELINE_QUERY + _WITH_A_LIMIT)):
        pipeline = rows.pipeline_of(row)
        if (project and pipeline.ref.project != project) or pipeline.workers_started is None:
            continue
        limit = spec.seconds(rows.version(tx, pipeline.key, pipeline.version).spec.maximum_expected_uptime)
        up = (now - pipeline.workers_started) / SECOND
        if limit is not None and up > limit:
            yield Alert(pipeline.ref, (f"up for {up:.0f}s, longer than its maximum expected uptime of {limit:g}s",))
