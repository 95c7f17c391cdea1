"""Pipelines: made, changed, started, stopped, deleted; each in one atomic change of the versioned world.

Invariants: a pipeline has an output repo, a spec repo whose `master` has one commit per version, and, unless
it is stopped, an output branch that comes from its inputs and its spec. So whatever changes one of these
makes, by pfs's own rules, a commit on the output branch, and `jobs.create_jobs` gives it a job.
"""

from __future__ import annotations

import msgspec

from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import AlreadyExists, NotFound, Refused
from trunkline.kernel.ids import new_id
from trunkline.pfs import branches, commits, provenance, repos, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.metadata import Edit, edit_row
from trunkline.pfs.refs import SPEC, BranchRef
from trunkline.pfs.rows import Branch, Commit
from trunkline.pps import canonical, clocks, crons, egress, following, inputs, jobs, rows, secrets, spouts, uptime
from trunkline.pps.refs import PipelineRef
from trunkline.pps.rows import Pipeline
from trunkline.pps.spec import PipelineSpec
from trunkline.pps.states import JobState, PipelineState, PipelineType

NOBODY = "unknown_username"
"""Who did it, where nobody is known by name."""


class Recipe(msgspec.Struct, frozen=True):
    """What a pipeline is to be.

    Attributes:
        spec: completed and checked.
        user_spec: the text that the user sent.
        merged_spec: the user's spec over the defaults, as it is shown.
    """

    spec: PipelineSpec
    user_spec: str
    merged_spec: str

    @property
    def ref(self) -> PipelineRef:
        """The pipeline's name."""
        return PipelineRef(self.spec.name.name, self.spec.name.project_name)

    def started(self, now: Nanos) -> Recipe:
        """With a start for each clock that has none."""
        if self.spec.input is None:
            return self
        begun = clocks.started(self.spec.input, now)
        return msgspec.structs.replace(self, spec=msgspec.structs.replace(self.spec, input=begun))


def create(change: Change, recipe: Recipe, *, update: bool = False, reprocess: bool = False) -> Pipeline:
    """Makes a pipeline; or, with `update`, gives one that exists a new version.

    Args:
        reprocess: a new salt, so that nothing computed before counts.

    Raises:
        AlreadyExists, NotFound: it exists (without `update`); an input repo or the project does not.
        SecretMissing: a secret that it names does not exist.
        Refused, CycleDetected: a repo of its name is in the way; the rules of branches forbid its inputs.
    """
    existing = rows.find_pipeline(change.tx, recipe.ref)
    if existing is not None and not update:
        raise AlreadyExists(f'pipeline "{recipe.ref}" already exists')
    if recipe.spec.transform is not None:
        secrets.check(change.tx, recipe.spec.transform.secrets)
    secrets.check(change.tx, egress.mounts(recipe.spec.egress))
    recipe = recipe.started(change.now)
    _make_inputs(change, recipe.ref, recipe.spec)
    if existing is None:
        return _create(change, recipe)
    return _update(change, existing, recipe, reprocess)


def _make_inputs(change: Change, ref: PipelineRef, given: PipelineSpec) -> None:
    """Sees to it that what a pipeline reads is there: repos of clocks and branches with triggers are made."""
    crons.make_repos(change, ref, given)
    for branch in inputs.branches(given.input) if given.input is not None else ():
        if resolve.find_repo(change.tx, branch.repo) is None:
            raise NotFound(
                f"repo {branch.repo} not found: the pipeline's input names it, create it first or change the input"
            )
    following.make_branches(change, given.input)


def _create(change: Change, recipe: Recipe) -> Pipeline:
    ref, given = recipe.ref, recipe.spec
    if resolve.find_repo(change.tx, ref.repo) is not None:
        raise Refused(f'pipeline "{ref.name}" cannot be created because a repo with the same name already exists')
    repo = repos.create(change, ref.repo, description=f"Output repo for pipeline {ref}.")
    repos.create(change, ref.spec_branch.repo, description=f"Spec repo for pipeline {ref}.")
    spec_commit = _commit_spec(change, ref)
    output = branches.create(change, BranchRef(ref.repo, given.output_branch), provenance_refs=_upstream(ref, given))
    key = change.tx.insert(
        "INSERT INTO pipelines (repo, output, version, salt, state, created, updated) VALUES (?, ?, 0, '', ?, ?, ?)",
        (repo.key, output.key, PipelineState.STARTING.value, change.now, change.now),
    )
    return _add_version(change, key, 1, given.salt or new_id(), recipe, spec_commit)


def _commit_spec(change: Change, ref: PipelineRef) -> Commit:
    """The commit that stands for a version: empty, finished at once, by the user."""
    commit = commits.start(change, ref.spec_branch)
    commits.close_empty(change, commit.key)
    return commit


def _upstream(ref: PipelineRef, given: PipelineSpec) -> list[BranchRef]:
    read = inputs.branches(given.input) if given.input is not None else []
    return [*read, ref.spec_branch]


def _add_version(change: Change, key: int, number: int, salt: str, recipe: Recipe, spec_commit: Commit) -> Pipeline:
    change.tx.run(
        "INSERT INTO pipeline_versions (pipeline, version, spec_commit, salt, user_spec, merged_spec, "
        "effective_spec, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key,
            number,
            spec_commit.key,
            salt,
            recipe.user_spec,
            recipe.merged_spec,
            canonical.encode(recipe.spec),
            change.now,
        ),
    )
    change.tx.run(
        "UPDATE pipelines SET version = ?, salt = ?, type = ?, updated = ? WHERE id = ?",
        (number, salt, recipe.spec.type.value, change.now, key),
    )
    found = rows.pipeline_by_key(change.tx, key)
    if not found.stopped:
        _set_going(change, found, recipe.spec)
    return found


def _set_going(change: Change, pipeline: Pipeline, given: PipelineSpec) -> None:
    """What a pipeline needs besides an output branch that is tied to its inputs."""
    crons.wind(change, pipeline.key, given)
    if given.type is PipelineType.SPOUT:
        spouts.close_left(change, pipeline.output)


def _update(change: Change, old: Pipeline, recipe: Recipe, reprocess: bool) -> Pipeline:
    reason = f"all jobs killed because pipeline was updated for user {NOBODY}"
    jobs.end_all(change, old.key, JobState.KILLED, reason)
    if old.type is PipelineType.SPOUT:
        spouts.close_left(change, old.output, spouts.UPDATED)
    spec_commit = _commit_spec(change, old.ref)
    output = _place_output(change, old, recipe)
    state = PipelineState.PAUSED if old.stopped else PipelineState.STARTING
    change.tx.run(
        "UPDATE pipelines SET output = ?, state = ?, reason = '' WHERE id = ?", (output, state.value, old.key)
    )
    salt = new_id() if reprocess else old.salt
    return _add_version(change, old.key, old.version + 1, salt, recipe, spec_commit)


def _place_output(change: Change, old: Pipeline, recipe: Recipe) -> int:
    """The key of the output branch of a new version, tied to its inputs unless the pipeline is stopped."""
    if old.output_branch != recipe.spec.output_branch:
        provenance.set_provenance(change.tx, old.output, ())
    upstream = [] if old.stopped else _upstream(old.ref, recipe.spec)
    ref = BranchRef(old.ref.repo, recipe.spec.output_branch)
    if old.stopped and (there := resolve.find_branch(change.tx, ref)) is not None:
        return there.key
    return branches.create(change, ref, provenance_refs=upstream).key


def stop(change: Change, ref: PipelineRef, *, must_exist: bool = False) -> Pipeline | None:
    """Unties a pipeline from its inputs and kills its unfinished jobs; None if there is no such pipeline.

    Raises:
        NotFound: there is none, and `must_exist` is given.
    """
    pipeline = rows.find_pipeline(change.tx, ref)
    if pipeline is None:
        if must_exist:
            rows.pipeline(change.tx, ref)
        return None
    reason = f"all jobs killed because pipeline was stopped for user {NOBODY}"
    jobs.end_all(change, pipeline.key, JobState.KILLED, reason)
    crons.halt(change, pipeline.key)
    if pipeline.type is PipelineType.SPOUT:
        spouts.close_left(change, pipeline.output, spouts.STOPPED)
    provenance.set_provenance(change.tx, pipeline.output, ())
    change.tx.run(
        "UPDATE pipelines SET stopped = 1, state = ? WHERE id = ?",
        (PipelineState.PAUSED.value, pipeline.key),
    )
    return rows.pipeline(change.tx, ref)


def start(change: Change, ref: PipelineRef) -> Pipeline:
    """Ties a stopped pipeline to its inputs again, which makes a new job; others stay as they are.

    Raises:
        NotFound: no such pipeline, or an input repo is gone.
    """
    pipeline = rows.pipeline(change.tx, ref)
    if not pipeline.stopped:
        return pipeline
    given = rows.version(change.tx, pipeline.key, pipeline.version).spec
    _make_inputs(change, ref, given)
    branches.create(change, BranchRef(ref.repo, pipeline.output_branch), provenance_refs=_upstream(ref, given))
    _set_going(change, pipeline, given)
    change.tx.run(
        "UPDATE pipelines SET stopped = 0, state = ?, reason = '' WHERE id = ?",
        (PipelineState.STARTING.value, pipeline.key),
    )
    return rows.pipeline(change.tx, ref)


def delete(
    change: Change,
    ref: PipelineRef,
    *,
    force: bool = False,
    keep_repo: bool = False,
    must_exist: bool = False,
) -> bool:
    """Removes a pipeline with its jobs, versions, outcomes and repos, those of its clocks too; False if there is none.

    Args:
        force: even if other branches come from its output.
        keep_repo: the output repo stays, with its data, as a plain repo.

    Raises:
        NotFound: there is none, and `must_exist` is given.
        Refused: other branches come from its output (without `force`).
    """
    pipeline = rows.find_pipeline(change.tx, ref)
    if pipeline is None:
        if must_exist:
            rows.pipeline(change.tx, ref)
        return False
    jobs.end_all(change, pipeline.key, JobState.KILLED, jobs.DELETED)
    given = rows.version(change.tx, pipeline.key, pipeline.version).spec
    if pipeline.type is PipelineType.SPOUT:
        spouts.close_left(change, pipeline.output, spouts.STOPPED)
    for table in ("crons", "jobs", "outcomes", "pipeline_versions"):
        change.tx.run(f"DELETE FROM {table} WHERE pipeline = ?", (pipeline.key,))
    change.tx.run("DELETE FROM pipelines WHERE id = ?", (pipeline.key,))
    if keep_repo:
        provenance.set_provenance(change.tx, pipeline.output, ())
        repos.delete(change, ref.spec_branch.repo, force=True)
    else:
        repos.delete(change, ref.repo, force=force)
    crons.delete_repos(change, given, force=force)
    return True


def edit_metadata(change: Change, ref: PipelineRef, edit: Edit) -> None:
    """Edits a pipeline's metadata, that of all its versions; NotFound if there is none."""
    edit_row(change, "pipelines", rows.pipeline(change.tx, ref).key, edit)


def guard_branch(change: Change, branch: Branch) -> None:
    """Called by pfs before a branch is deleted, alone or with its repo.

    Raises:
        Refused: a pipeline that is still there writes it, or has its versions on it.
    """
    row = change.tx.row(f"{rows.PIPELINE_QUERY}WHERE pipelines.output = ?", (branch.key,))
    found = None if row is None else rows.pipeline_of(row)
    if branch.ref.repo.type == SPEC:
        found = rows.find_pipeline(change.tx, PipelineRef(branch.ref.repo.name, branch.ref.repo.project))
    if found is not None:
        raise Refused(
            "cannot delete a repo associated with a pipeline - delete the pipeline instead: "
            f"branch {branch.ref} belongs to pipeline {found.ref}"
        )


_FOLLOWS = {
    PipelineState.STARTING: {PipelineState.RUNNING, PipelineState.STANDBY},
    PipelineState.STANDBY: {PipelineState.RUNNING},
    PipelineState.RUNNING: {PipelineState.STANDBY, PipelineState.CRASHING},
    PipelineState.CRASHING: {PipelineState.RUNNING},
    PipelineState.RESTARTING: {PipelineState.STARTING, PipelineState.RUNNING},
}
"""Which state may follow which on the controller's word; PAUSED and STARTING come by the user's."""

_FROM_ANY = {PipelineState.RESTARTING, PipelineState.FAILURE}
_STICKY = {PipelineState.PAUSED, PipelineState.FAILURE}


def to_state(change: Change, key: int, state: PipelineState, reason: str = "") -> bool:
    """Notes what the controller found out about a pipeline; False, and no change, if that cannot follow.

    Nor can anything follow for a pipeline that was deleted meanwhile.
    A pipeline that fails takes its unfinished jobs with it: they end as FAILURE with the same reason.
    """
    row = change.tx.row(rows.PIPELINE_QUERY + "WHERE pipelines.id = ?", (key,))
    if row is None:
        return False
    pipeline = rows.pipeline_of(row)
    allowed = _FROM_ANY | _FOLLOWS.get(pipeline.state, set())
    if pipeline.state in _STICKY or state not in allowed:
        return False
    change.tx.run("UPDATE pipelines SET state = ?, reason = ? WHERE id = ?", (state.value, reason, key))
    if pipeline.workers_started is None and state is PipelineState.RUNNING:
        uptime.note_start(change, key)
    if state is PipelineState.FAILURE:
        jobs.end_all(change, key, JobState.FAILURE, reason or "the pipeline failed")
    return True


def fail(change: Change, key: int, made: int, reason: str) -> bool:
    """As `to_state`, for what is wrong with one version; one that came meanwhile may have what that lacked.

    Args:
        made: the key of the version's commit.
    """
    row = change.tx.row(
        "SELECT 1 FROM pipelines JOIN pipeline_versions AS newest "
        "ON newest.pipeline = pipelines.id AND newest.version = pipelines.version "
        "WHERE pipelines.id = ? AND newest.spec_commit = ?",
        (key, made),
    )
    return row is not None and to_state(change, key, PipelineState.FAILURE, reason)
