"""From pickers, with which newer calls name things, to references.

Invariant: nothing is looked up here. An unset project means `default`, an unset repo type `user`.
"""

from __future__ import annotations

from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.kernel.names import DEFAULT_PROJECT
from trunkline.pfs.refs import USER, BranchRef, CommitRef, RepoRef
from trunkline.pps.refs import PipelineRef
from trunkline.wire import pfs_pb2, pps_pb2


def project_name(picker: pfs_pb2.ProjectPicker) -> str:
    """The project that a picker means; `default` if it says nothing."""
    return picker.name or DEFAULT_PROJECT


def repo_ref(picker: pfs_pb2.RepoPicker) -> RepoRef:
    """The repo that a picker means.

    Raises:
        InvalidRequest: it names none.
    """
    if not picker.name.name:
        raise InvalidRequest("validate request: RepoPicker.name: value is required")
    return RepoRef(picker.name.name, picker.name.type or USER, project_name(picker.name.project))


def branch_ref(picker: pfs_pb2.BranchPicker) -> BranchRef:
    """The branch that a picker means.

    Raises:
        InvalidRequest: it names none.
    """
    if not picker.name.name:
        raise InvalidRequest("validate request: BranchPicker.name: value is required")
    return BranchRef(repo_ref(picker.name.repo), picker.name.name)


def commit_ref(picker: pfs_pb2.CommitPicker) -> CommitRef:
    """The commit that a picker means, as a reference with ancestry.

    Raises:
        InvalidRequest, NotFound: it names none; it goes back beyond the root.
    """
    back = 0
    while picker.WhichOneof("picker") == "ancestor":
        back += picker.ancestor.offset
        picker = picker.ancestor.start
    match picker.WhichOneof("picker"):
        case "branch_head":
            branch = branch_ref(picker.branch_head)
            return CommitRef(branch.repo, f"{branch.name}^{back}")
        case "id":
            if not picker.id.id:
                raise InvalidRequest("validate request: CommitPicker.id: value is required")
            return CommitRef(repo_ref(picker.id.repo), f"{picker.id.id}^{back}")
        case "branch_root":
            branch = branch_ref(picker.branch_root.branch)
            if picker.branch_root.offset <= back:
                raise NotFound(
                    f"commit {branch}.{picker.branch_root.offset}^{back} not found: .N counts from 1, the root"
                )
            return CommitRef(branch.repo, f"{branch.name}.{picker.branch_root.offset - back}")
    raise InvalidRequest("validate request: CommitPicker.picker: value is required")


def pipeline_ref(picker: pps_pb2.PipelinePicker) -> PipelineRef:
    """The pipeline that a picker means.

    Raises:
        InvalidRequest: it names none.
    """
    if not picker.name.name:
        raise InvalidRequest("validate request: PipelinePicker.name: value is required")
    return PipelineRef(picker.name.name, project_name(picker.name.project))
