"""What a change of the defaults does to pipelines that are already there.

Without regenerating, nothing: each keeps the effective spec of its newest version. With it, each pipeline whose
effective spec comes out different gets a new version, as by an update with its own user's spec. Invariant: that is one
change, the defaults themselves included; if one pipeline cannot have the new defaults, nothing happens at all.
"""

from __future__ import annotations

import json

from trunkline.catalog import Tx
from trunkline.kernel.errors import CycleDetected, FailedPrecondition, InvalidRequest, NotBuilt, NotFound, Refused
from trunkline.pfs.change import Change
from trunkline.pps import canonical, defaults, draft, effective, pipelines, rows
from trunkline.pps.pipelines import Recipe
from trunkline.pps.refs import PipelineRef
from trunkline.pps.rows import Pipeline

_RULES = (InvalidRequest, Refused, FailedPrecondition, NotBuilt, NotFound, CycleDetected)
"""What is wrong with a spec, as against with the catalog."""


def regenerate(change: Change, project: str | None = None, *, reprocess: bool = False) -> list[PipelineRef]:
    """Gives new versions to the pipelines that the defaults, as they are now, make different.

    Args:
        project: only its pipelines; all for None.
        reprocess: the new versions do all their work again.

    Returns:
        The pipelines that were changed, oldest first.

    Raises:
        InvalidRequest, Refused, FailedPrecondition, NotBuilt, NotFound: one of them cannot be changed; the message
            names it.
    """
    changed = []
    for pipeline in _pipelines(change.tx, project):
        try:
            recipe = _different(change.tx, pipeline)
            if recipe is not None:
                pipelines.create(change, recipe, update=True, reprocess=reprocess)
                changed.append(pipeline.ref)
        except _RULES as error:
            raise type(error)(f"pipeline {pipeline.ref} cannot have these defaults: {error.message}") from None
    return changed


def _pipelines(tx: Tx, project: str | None) -> list[Pipeline]:
    where = "" if project is None else "WHERE projects.name = ? "
    parameters = () if project is None else (project,)
    query = f"{rows.PIPELINE_QUERY}{where}ORDER BY pipelines.id"
    return [rows.pipeline_of(row) for row in tx.rows(query, parameters)]


def _different(tx: Tx, pipeline: Pipeline) -> Recipe | None:
    """What the pipeline is to be with the defaults of now; None if it is that already."""
    version = rows.version(tx, pipeline.key, pipeline.version)
    under = defaults.layers(tx, pipeline.ref.project)
    made = effective.make(version.user_spec, under.cluster, under.project)
    if json.loads(made.text) == json.loads(version.merged_spec):
        return None
    recipe = draft.recipe(made, version.user_spec)
    # Versions from before there were defaults know their spec only with what it leaves open filled in.
    return None if canonical.encode(recipe.spec) == version.effective_spec else recipe
