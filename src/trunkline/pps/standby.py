"""Pipelines with `autoscaling`: on standby while none of their jobs can run, up when one can.

Workers belong to no pipeline here: they are started as there is work and end when there is none for a while. So
standby is a state that is shown, and that counts how long a pipeline is up. Invariant: a job of a pipeline on standby
is not picked up before its inputs are finished.
Cost: a row for each pipeline that has just ended its last job; all of them only when a pachd begins to lead.
"""

from __future__ import annotations

from trunkline.catalog import Tx
from trunkline.pfs.change import Change
from trunkline.pps import pipelines, rows
from trunkline.pps.states import PipelineState

_UP = """
SELECT pipelines.id FROM pipelines
JOIN pipeline_versions ON pipeline_versions.pipeline = pipelines.id AND pipeline_versions.version = pipelines.version
WHERE pipelines.state = 'RUNNING' AND pipeline_versions.effective_spec LIKE '%"autoscaling"%'"""
_BUSY = "SELECT id FROM jobs WHERE pipeline = ? AND finished IS NULL LIMIT 1"


def up(tx: Tx) -> list[int]:
    """The keys of pipelines that may have to rest: all that are up and, as far as can be told at a glance, scale."""
    return [int(row["id"]) for row in tx.rows(_UP)]


def scales(tx: Tx, key: int) -> bool:
    """Whether a pipeline that is there has `autoscaling` now."""
    row = tx.row(rows.PIPELINE_QUERY + "WHERE pipelines.id = ?", (key,))
    if row is None:
        return False
    pipeline = rows.pipeline_of(row)
    return rows.version(tx, pipeline.key, pipeline.version).spec.autoscaling


def may_rest(tx: Tx, key: int) -> bool:
    """Whether a pipeline scales, is up, and has no job left."""
    row = tx.row(rows.PIPELINE_QUERY + "WHERE pipelines.id = ?", (key,))
    if row is None or rows.pipeline_of(row).state is not PipelineState.RUNNING:
        return False
    return tx.row(_BUSY, (key,)) is None and scales(tx, key)


def rest(change: Change, key: int) -> bool:
    """Puts a pipeline on standby if it may rest."""
    return may_rest(change.tx, key) and pipelines.to_state(change, key, PipelineState.STANDBY)


def wake(change: Change, key: int) -> bool:
    """A job of a pipeline on standby can run."""
    return pipelines.to_state(change, key, PipelineState.RUNNING)
