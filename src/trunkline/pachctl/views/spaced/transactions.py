"""Transactions in the tables of 2.11: each request of one on a line."""

from __future__ import annotations

import json

from trunkline.pachctl.app import App
from trunkline.pachctl.table import details
from trunkline.pachctl.views.cells import repo_name, repo_of
from trunkline.pachctl.views.spaced.cells import at, branch_name
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import transaction_pb2 as wire

HEADER = ("TRANSACTION", "STARTED", "OPS")


def row(app: App, info: wire.TransactionInfo) -> tuple[str, ...]:
    """One line of `list transaction`."""
    return (info.transaction.id, at(app, info, "started"), str(len(info.requests)))


def detail(app: App, info: wire.TransactionInfo) -> str:
    """`inspect transaction`."""
    responses = [*info.responses, *[wire.TransactionResponse()] * (len(info.requests) - len(info.responses))]
    lines = [f"  {_line(one, answer)}\n" for one, answer in zip(info.requests, responses, strict=False)]
    head = details((("ID", info.transaction.id), ("Started", at(app, info, "started"))))
    return f"{head}Requests:\n{''.join(lines)}"


def _line(request: wire.TransactionRequest, answer: wire.TransactionResponse) -> str:
    kind = next((field.name for field, _ in request.ListFields()), "")
    match kind:
        case "create_repo":
            word = "update" if request.create_repo.update else "create"
            return f"{word} repo {repo_name(request.create_repo.repo)}"
        case "delete_repo":
            return f"delete repo {repo_name(request.delete_repo.repo)}{_force(request.delete_repo.force)}"
        case "start_commit":
            made = f" ({answer.commit.id})" if answer.commit.id else ""
            return f"start commit {branch_name(request.start_commit.branch)}{made}"
        case "finish_commit":
            return f"finish commit {_commit(request.finish_commit.commit)}"
        case "squash_commit_set":
            return f"squash commitset {request.squash_commit_set.commit_set.id}"
        case "create_branch":
            return f"create branch {branch_name(request.create_branch.branch)}"
        case "delete_branch":
            return f"delete branch {branch_name(request.delete_branch.branch)}{_force(request.delete_branch.force)}"
        case "stop_job":
            return f"stop job {request.stop_job.job.pipeline.name}@{request.stop_job.job.id}"
        case "create_pipeline_v2":
            return _pipeline(request)
        case "update_job_state":
            return f"update job {request.update_job_state.job.pipeline.name}@{request.update_job_state.job.id}"
    return f"{kind or 'nothing'}".replace("_", " ")


def _pipeline(request: wire.TransactionRequest) -> str:
    given = request.create_pipeline_v2
    name = given.create_pipeline_request.pipeline.name
    update = given.create_pipeline_request.update
    if not name and given.user_json:
        spec = json.loads(given.user_json)
        name, update = spec.get("pipeline", {}).get("name", ""), spec.get("update", False)
    return f"{'update' if update else 'create'} pipeline {name}"


def _commit(commit: pfs.Commit) -> str:
    """`repo@id`, or `repo@branch` where there is no id."""
    return f"{repo_name(repo_of(commit))}@{commit.id or commit.branch.name}"


def _force(force: bool) -> str:
    return "  --force" if force else ""
