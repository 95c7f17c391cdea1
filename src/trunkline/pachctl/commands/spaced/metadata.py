"""edit metadata: key-value pairs on projects, repos, branches, commits, pipelines and the cluster."""

from __future__ import annotations

import json
from collections.abc import Callable

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import project_flag
from trunkline.pachctl.grammar import command
from trunkline.wire import metadata_pb2 as wire
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps


@command(
    "edit metadata",
    "TYPE_PICKER_OP_DATA...",
    example="pachctl edit metadata repo training_data add owner=lab branch training_data@master delete owner",
)
@project_flag
def edit_metadata(app: App, type_picker_op_data: tuple[str, ...]) -> None:
    """Change the metadata of things, all of them in one call.

    Four words for each change. TYPE is cluster, project, repo, branch, commit or pipeline; PICKER names one (any word
    for the cluster); OP is add (k=v), edit (k=v), delete (k) or replace ('{"k":"v"}').
    """
    words = type_picker_op_data
    if not words or len(words) % 4:
        raise InvalidRequest(f"expected groups of four words, TYPE PICKER OP DATA, got {len(words)} words")
    edits = [_edit(app, *words[place : place + 4]) for place in range(0, len(words), 4)]
    app.server.edits.EditMetadata(wire.EditMetadataRequest(edits=edits))


def _edit(app: App, kind: str, picker: str, op: str, data: str) -> wire.Edit:
    edit = wire.Edit()
    match kind:
        case "cluster":
            edit.cluster.SetInParent()
        case "project":
            edit.project.name = picker
        case "repo":
            edit.repo.CopyFrom(_repo(app, picker))
        case "branch":
            edit.branch.CopyFrom(_branch(app, picker))
        case "commit":
            edit.commit.CopyFrom(_commit(app, picker))
        case "pipeline":
            project, _, name = picker.rpartition("/")
            owner = pfs.ProjectPicker(name=project or app.project)
            edit.pipeline.name.CopyFrom(pps.PipelinePicker.PipelineName(project=owner, name=name))
        case _:
            known = "cluster, project, repo, branch, commit, pipeline"
            raise InvalidRequest(f'unknown kind of thing "{kind}": give one of {known}')
    _OPS.get(op, _unknown_op(op))(edit, data)
    return edit


def _add(edit: wire.Edit, data: str) -> None:
    edit.add_key.key, edit.add_key.value = _pair(data)


def _change(edit: wire.Edit, data: str) -> None:
    edit.edit_key.key, edit.edit_key.value = _pair(data)


def _delete(edit: wire.Edit, data: str) -> None:
    edit.delete_key.key = data


def _replace(edit: wire.Edit, data: str) -> None:
    try:
        given = json.loads(data)
    except ValueError as error:
        raise InvalidRequest(f"malformed metadata {data!r}: {error}") from None
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise InvalidRequest(f"malformed metadata {data!r}: give an object whose values are texts")
    edit.replace.SetInParent()
    edit.replace.replacement.update(given)


_OPS: dict[str, Callable[[wire.Edit, str], None]] = {
    "add": _add,
    "edit": _change,
    "delete": _delete,
    "replace": _replace,
    "set": _replace,
}


def _unknown_op(op: str) -> Callable[[wire.Edit, str], None]:
    def refuse(edit: wire.Edit, data: str) -> None:
        raise InvalidRequest(f'unknown operation "{op}": give one of add, edit, delete, replace')

    return refuse


def _pair(data: str) -> tuple[str, str]:
    key, sign, value = data.partition("=")
    if not sign:
        raise InvalidRequest(f'invalid pair "{data}": give KEY=VALUE')
    return key, value


def _repo(app: App, text: str) -> pfs.RepoPicker:
    project, _, rest = text.rpartition("/")
    name, _, kind = rest.partition(".")
    owner = pfs.ProjectPicker(name=project or app.project)
    return pfs.RepoPicker(name=pfs.RepoPicker.RepoName(project=owner, name=name, type=kind or "user"))


def _branch(app: App, text: str) -> pfs.BranchPicker:
    repo, at, name = text.partition("@")
    if not at or not name:
        raise InvalidRequest(f'invalid format "{text}": give REPO@BRANCH')
    return pfs.BranchPicker(name=pfs.BranchPicker.BranchName(repo=_repo(app, repo), name=name))


def _commit(app: App, text: str) -> pfs.CommitPicker:
    """`repo@branch` or `repo@id`, with `^` as often as there are generations, or `^N`."""
    base, caret, rest = text.partition("^")
    repo, _, name = base.partition("@")
    if is_id(name):
        found = pfs.CommitPicker(id=pfs.CommitPicker.CommitByGlobalId(repo=_repo(app, repo), id=name))
    else:
        found = pfs.CommitPicker(branch_head=_branch(app, base))
    if not caret:
        return found
    if rest and not rest.isdecimal() and set(rest) != {"^"}:
        raise InvalidRequest(f'invalid ancestry "^{rest}": give ^ some times, or ^ and a number')
    offset = int(rest) if rest.isdecimal() else 1 + len(rest)
    return pfs.CommitPicker(ancestor=pfs.CommitPicker.AncestorOf(offset=offset, start=found))
