"""A pipeline as it was asked for, checked as far as that goes without the catalog.

Invariant: making a draft changes nothing; creating from it is one step of a change, alone or among others.
"""

from __future__ import annotations

import msgspec

from trunkline.kernel.errors import Refused
from trunkline.pfs.change import Change
from trunkline.pps import effective, pipelines, validate
from trunkline.pps.pipelines import Recipe
from trunkline.pps.rows import Pipeline


class Draft(msgspec.Struct, frozen=True):
    """What is to be made: the effective spec as JSON, the recipe (None for a dry run), and how."""

    text: str
    recipe: Recipe | None
    update: bool
    reprocess: bool

    @property
    def dry_run(self) -> bool:
        """Whether only the effective spec was asked for."""
        return self.recipe is None

    def create(self, change: Change) -> Pipeline:
        """Makes the pipeline, or the new version; see `pipelines.create`."""
        assert self.recipe is not None, "a dry run makes nothing"
        return pipelines.create(change, self.recipe, update=self.update, reprocess=self.reprocess)


def make(user_spec: str, *, update: bool = False, reprocess: bool = False, dry_run: bool = False) -> Draft:
    """Reads a spec as the user wrote it; its fields update, reprocess and dryRun count as well.

    Raises:
        InvalidRequest, Refused, NotBuilt: the spec breaks a rule.
    """
    made = effective.make(user_spec)
    if made.spec.pipeline is None:
        raise Refused("request.Pipeline cannot be nil")
    update, reprocess = update or made.spec.update, reprocess or made.spec.reprocess
    if dry_run or made.spec.dry_run:
        return Draft(made.text, None, update, reprocess)
    completed = validate.complete(made.spec)
    validate.check(completed)
    return Draft(made.text, Recipe(completed, user_spec), update, reprocess)
