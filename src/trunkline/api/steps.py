"""What each request that a transaction may hold does, as a step of a change.

The calls of the same names do exactly this too, so that a request means the same inside a transaction and outside.
Invariant: what can be refused without the catalog is refused when the step is made; a step itself only reads and
writes the catalog, and may run more than once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf import json_format

from trunkline.api import convert, convert_pps, reading
from trunkline.kernel.errors import InvalidRequest, NotBuilt
from trunkline.kernel.ids import SetId
from trunkline.pfs import branches, commits, history, repos
from trunkline.pfs.change import Change
from trunkline.pfs.refs import CommitRef
from trunkline.pps import draft, jobs
from trunkline.pps.draft import Draft
from trunkline.wire import pfs_pb2, pps_pb2
from trunkline.wire.transaction_pb2 import TransactionRequest

Step = Callable[[Change], Any]


def prepare(request: TransactionRequest) -> Step:
    """The step that a request asks for.

    Raises:
        TrunklineError: the request can be refused at once.
    """
    wanted = [field.name for field, _ in request.ListFields()]
    if len(wanted) != 1:
        raise InvalidRequest(f"a request of a transaction is one request, this has {len(wanted)}: give one of them")
    make: Callable[[Any], Step] = _STEPS[wanted[0]]
    return make(getattr(request, wanted[0]))


def _create_repo(request: pfs_pb2.CreateRepoRequest) -> Step:
    if not request.HasField("repo"):
        raise InvalidRequest("repo cannot be nil")
    ref = convert.repo_ref(request.repo)
    return lambda change: repos.create(change, ref, description=request.description, update=request.update)


def _delete_repo(request: pfs_pb2.DeleteRepoRequest) -> Step:
    ref = convert.repo_ref(request.repo)
    return lambda change: repos.delete(change, ref, force=request.force)


def _start_commit(request: pfs_pb2.StartCommitRequest) -> Step:
    if not request.HasField("branch"):
        raise InvalidRequest("branch must be specified")
    ref = convert.branch_ref(request.branch)
    parent = None
    if request.HasField("parent"):
        parent = CommitRef(ref.repo, request.parent.id, request.parent.branch.name)
    return lambda change: convert.commit_message(
        commits.start(change, ref, parent=parent, description=request.description)
    )


def _finish_commit(request: pfs_pb2.FinishCommitRequest) -> Step:
    ref = convert.commit_ref(request.commit)
    return lambda change: commits.finish(
        change, ref, error=request.error, description=request.description, force=request.force
    )


def _squash_commit_set(request: pfs_pb2.SquashCommitSetRequest) -> Step:
    if not request.commit_set.id:
        raise InvalidRequest("commitset cannot be nil")
    set_id = SetId(request.commit_set.id)
    return lambda change: history.squash_set(change, set_id)


def _create_branch(request: pfs_pb2.CreateBranchRequest) -> Step:
    if not request.HasField("branch"):
        raise InvalidRequest("branch cannot be nil")
    if not request.branch.HasField("repo"):
        raise InvalidRequest("branch repo cannot be nil")
    ref = convert.branch_ref(request.branch)
    head = convert.optional_commit_ref(request, "head")
    upstream = [convert.branch_ref(one) for one in request.provenance]
    specs = {convert.branch_ref(one.branch): one.propagation_spec.never for one in request.branch_propagation_specs}
    quiet = [one for one, never in specs.items() if never]
    trigger = convert.trigger(request.trigger) if request.HasField("trigger") else None
    return lambda change: branches.create(
        change, ref, head=head, provenance_refs=upstream, quiet=quiet, trigger=trigger
    )


def _delete_branch(request: pfs_pb2.DeleteBranchRequest) -> Step:
    if not request.HasField("branch"):
        raise InvalidRequest("validate request: branch: value is required")
    ref = convert.branch_ref(request.branch)
    return lambda change: branches.delete(change, ref, force=request.force)


def _update_job_state(request: pps_pb2.UpdateJobStateRequest) -> Step:
    raise NotBuilt("UpdateJobState is not built: workers report to a service of our own")


def _stop_job(request: pps_pb2.StopJobRequest) -> Step:
    if not request.HasField("job"):
        raise InvalidRequest("Job must be specified")
    ref = convert_pps.job_ref(request.job)
    return lambda change: jobs.stop(change, ref, request.reason)


def _create_pipeline(request: pps_pb2.CreatePipelineTransaction) -> Step:
    given = request.create_pipeline_request
    text = request.user_json or reading.as_json(given)

    def step(change: Change) -> str:
        if request.effective_json:
            made = draft.decided(request.effective_json, text, update=given.update, reprocess=given.reprocess)
        else:
            made = draft.make(change.tx, text, update=given.update, reprocess=given.reprocess)
        if made.dry_run:
            raise InvalidRequest("a dry run is no part of a transaction: leave dry_run out")
        made.create(change)
        return made.text

    return step


def create_pipeline(user_json: str, made: Draft, *, decided: bool) -> TransactionRequest:
    """The request that makes a pipeline from a draft.

    Args:
        decided: the effective spec is that of the draft, whatever the defaults will be when it happens.
    """
    message = pps_pb2.CreatePipelineRequest()
    json_format.Parse(made.text, message)
    message.update, message.reprocess = made.update, made.reprocess
    return TransactionRequest(
        create_pipeline_v2=pps_pb2.CreatePipelineTransaction(
            create_pipeline_request=message, user_json=user_json, effective_json=made.text if decided else ""
        )
    )


_STEPS: dict[str, Callable[[Any], Step]] = {
    "create_repo": _create_repo,
    "delete_repo": _delete_repo,
    "start_commit": _start_commit,
    "finish_commit": _finish_commit,
    "squash_commit_set": _squash_commit_set,
    "create_branch": _create_branch,
    "delete_branch": _delete_branch,
    "update_job_state": _update_job_state,
    "stop_job": _stop_job,
    "create_pipeline_v2": _create_pipeline,
}
