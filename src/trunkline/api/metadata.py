"""`metadata.API`: the edits of one call happen together or not at all."""

from __future__ import annotations

from collections.abc import Callable

from trunkline.api import pickers
from trunkline.api.dispatch import Call
from trunkline.kernel.errors import FailedPrecondition, InvalidRequest, Refused, TrunklineError
from trunkline.pfs import metadata
from trunkline.pfs.change import Change
from trunkline.pfs.pfs import Pfs
from trunkline.pps import pipelines
from trunkline.wire import metadata_pb2 as wire

Step = Callable[[Change], None]


class MetadataService:
    """Every RPC of `metadata.API`."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs

    def EditMetadata(self, request: wire.EditMetadataRequest, call: Call) -> wire.EditMetadataResponse:
        """Applies edits in order; all that fail are named, and then none has happened."""
        steps = [_step(one, _op(one)) for one in request.edits]

        def apply(change: Change) -> None:
            failed: list[tuple[int, TrunklineError]] = []
            for number, step in enumerate(steps):
                try:
                    step(change)
                except TrunklineError as error:
                    failed.append((number, error))
            if failed:
                conflict = any(isinstance(error, FailedPrecondition) for _, error in failed)
                text = "; ".join(f"edit #{number}: {error.message}" for number, error in failed)
                raise (FailedPrecondition if conflict else Refused)(f"apply edits: {text}")

        self._pfs.change(apply)
        return wire.EditMetadataResponse()


def _op(edit: wire.Edit) -> metadata.Edit:
    match edit.WhichOneof("op"):
        case "replace":
            return metadata.Replace({_key(name): value for name, value in edit.replace.replacement.items()})
        case "add_key":
            return metadata.Add(_key(edit.add_key.key), edit.add_key.value)
        case "edit_key":
            return metadata.Set(_key(edit.edit_key.key), edit.edit_key.value)
        case "delete_key":
            return metadata.Remove(_key(edit.delete_key.key))
    raise InvalidRequest("validate request: Edit.op: value is required")


def _key(name: str) -> str:
    if not name:
        raise InvalidRequest("validate request: Edit.key: value length must be at least 1 runes")
    return name


def _step(edit: wire.Edit, op: metadata.Edit) -> Step:
    """The edit as a step of a change."""
    match edit.WhichOneof("target"):
        case "project":
            project = pickers.project_name(edit.project)
            return lambda change: metadata.edit_project(change, project, op)
        case "repo":
            repo = pickers.repo_ref(edit.repo)
            return lambda change: metadata.edit_repo(change, repo, op)
        case "branch":
            branch = pickers.branch_ref(edit.branch)
            return lambda change: metadata.edit_branch(change, branch, op)
        case "commit":
            commit = pickers.commit_ref(edit.commit)
            return lambda change: metadata.edit_commit(change, commit, op)
        case "pipeline":
            pipeline = pickers.pipeline_ref(edit.pipeline)
            return lambda change: pipelines.edit_metadata(change, pipeline, op)
        case "cluster":
            return lambda change: metadata.edit_cluster(change, op)
    raise InvalidRequest("validate request: Edit.target: value is required")
