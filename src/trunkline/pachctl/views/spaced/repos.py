"""Projects, repos and branches in the tables of 2.11."""

from __future__ import annotations

from trunkline.kernel import units
from trunkline.pachctl.app import App
from trunkline.pachctl.table import details
from trunkline.pachctl.views.cells import repo_name, when
from trunkline.pachctl.views.spaced.cells import UNKNOWN, at, branch_name, commit_name, local, project_name, size
from trunkline.wire import pfs_pb2 as pfs

PROJECT_HEADER = ("ACTIVE", "PROJECT", "CREATED", "DESCRIPTION")
REPO_HEADER = ("PROJECT", "NAME", "CREATED", "SIZE (MASTER)", "DESCRIPTION")
BRANCH_HEADER = ("BRANCH", "HEAD", "TRIGGER", "CREATOR", "CREATED")


def project_row(app: App, info: pfs.ProjectInfo) -> tuple[str, ...]:
    """One line of `list project`."""
    name = info.project.name
    return ("*" if name == app.project else "", name, at(app, info, "created_at"), info.description or UNKNOWN)


def project_detail(app: App, info: pfs.ProjectInfo, defaults: str) -> str:
    """`inspect project`."""
    return details(
        (
            ("Name", info.project.name),
            ("Description", info.description or None),
            ("Created at", at(app, info, "created_at")),
            ("Defaults", defaults if defaults not in ("", "{}") else None),
        )
    )


def repo_row(app: App, info: pfs.RepoInfo) -> tuple[str, ...]:
    """One line of `list repo`."""
    exact = info.details.size_bytes if info.HasField("details") else None
    return (
        project_name(info.repo),
        repo_name(info.repo),
        at(app, info, "created"),
        size(exact, info.size_bytes_upper_bound),
        info.description,
    )


def repo_detail(app: App, info: pfs.RepoInfo) -> str:
    """`inspect repo`."""
    exact = units.size(info.details.size_bytes) if info.HasField("details") else None
    return details(
        (
            ("Name", repo_name(info.repo)),
            ("Description", info.description or None),
            ("Created", at(app, info, "created")),
            ("Size of HEAD on master", exact),
        )
    )


def branch_row(app: App, info: pfs.BranchInfo) -> tuple[str, ...]:
    """One line of `list branch`."""
    return (
        info.branch.name,
        info.head.id or UNKNOWN,
        trigger(info.trigger) or UNKNOWN,
        info.created_by or UNKNOWN,
        local(when(info, "created_at")),
    )


def branch_detail(app: App, info: pfs.BranchInfo) -> str:
    """`inspect branch`; what is not set is left out."""
    head = pfs.Commit(repo=info.branch.repo, id=info.head.id)
    return details(
        (
            ("Name", branch_name(info.branch)),
            ("Head Commit", commit_name(head) if info.head.id else None),
            ("Provenance", " ".join(map(branch_name, info.provenance)) or None),
            ("Trigger", trigger(info.trigger) or None),
            ("Created by", info.created_by or None),
            ("Created at", local(info.created_at) if info.HasField("created_at") else None),
        )
    )


def trigger(given: pfs.Trigger) -> str:
    """`master on Size(100M) or Commits(3)`; empty for none."""
    if not given.branch:
        return ""
    conditions = [
        f"{word}({value})"
        for word, value in (
            ("Cron", given.cron_spec),
            ("Rate Limit", given.rate_limit_spec),
            ("Size", given.size),
            ("Commits", given.commits),
        )
        if value
    ]
    joined = (" and " if given.all else " or ").join(conditions)
    return f"{given.branch} on {joined}" if joined else given.branch
