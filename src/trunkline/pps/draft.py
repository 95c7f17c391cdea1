"""A pipeline as it was asked for, checked as far as that goes without knowing what else there is.

Invariant: making a draft changes nothing; creating from it is one step of a change, alone or among others. A draft that
is made in the transaction that uses it has exactly the defaults of that moment.
"""

from __future__ import annotations

import msgspec

from trunkline.catalog import Tx
from trunkline.kernel.errors import Refused
from trunkline.kernel.names import DEFAULT_PROJECT
from trunkline.pfs.change import Change
from trunkline.pps import canonical, defaults, effective, pipelines, validate
from trunkline.pps.effective import Effective
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


def make(tx: Tx, user_spec: str, *, update: bool = False, reprocess: bool = False, dry_run: bool = False) -> Draft:
    """Reads a spec as the user wrote it; its fields update, reprocess and dryRun count as well.

    Args:
        tx: knows the defaults that lie under it.

    Raises:
        InvalidRequest, Refused, NotBuilt: the spec breaks a rule.
    """
    given = canonical.parse(user_spec)
    under = defaults.layers(tx, _project(given))
    return _draft(effective.over(given, under.cluster, under.project), user_spec, update, reprocess, dry_run)


def decided(effective_spec: str, user_spec: str, *, update: bool = False, reprocess: bool = False) -> Draft:
    """A draft whose effective spec was worked out before; the defaults of now have no part in it.

    Raises:
        InvalidRequest, Refused, NotBuilt: the spec breaks a rule.
    """
    given = canonical.parse(effective_spec)
    return _draft(effective.over(given, built_in={}), user_spec, update, reprocess, False)


def recipe(made: Effective, user_spec: str) -> Recipe:
    """What an effective spec asks for, whatever it says of its own request.

    Raises:
        InvalidRequest, Refused, NotBuilt: the spec breaks a rule.
    """
    completed = validate.complete(made.spec)
    validate.check(completed)
    return Recipe(completed, user_spec, made.text)


def _draft(made: Effective, user_spec: str, update: bool, reprocess: bool, dry_run: bool) -> Draft:
    if made.spec.pipeline is None:
        raise Refused("request.Pipeline cannot be nil")
    update, reprocess = update or made.spec.update, reprocess or made.spec.reprocess
    whole = None if dry_run or made.spec.dry_run else recipe(made, user_spec)
    return Draft(made.text, whole, update, reprocess)


def _project(given: defaults.Partial) -> str:
    """The project that a spec in canonical JSON names; a value of a wrong type is refused when the spec is decoded."""
    pipeline = given.get("pipeline")
    project = pipeline.get("project") if isinstance(pipeline, dict) else None
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) and name else DEFAULT_PROJECT
