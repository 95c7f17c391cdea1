"""Commits and commit sets in the tables of 2.11."""

from __future__ import annotations

from trunkline.kernel import units
from trunkline.pachctl.app import App
from trunkline.pachctl.table import details
from trunkline.pachctl.views.cells import nanos, repo_name, repo_of
from trunkline.pachctl.views.spaced.cells import UNKNOWN, age, at, bar, commit_name, project_name, size
from trunkline.wire import pfs_pb2 as pfs

HEADER = ("PROJECT", "REPO", "COMMIT", "FINISHED", "SIZE", "ORIGIN", "CREATOR", "DESCRIPTION")
LEAST_WIDTHS = (8, 12, 32, 22, 9, 6, 7, 11)
"""For rows that are printed before the next one is known."""
SET_HEADER = ("ID", "SUBCOMMITS", "PROGRESS", "CREATED", "MODIFIED")


def row(app: App, info: pfs.CommitInfo) -> tuple[str, ...]:
    """One line of `list commit`."""
    repo = repo_of(info.commit)
    exact = info.details.size_bytes if info.HasField("details") else None
    return (
        project_name(repo),
        repo_name(repo),
        info.commit.id,
        at(app, info, "finished"),
        size(exact, info.size_bytes_upper_bound),
        pfs.OriginKind.Name(info.origin.kind),
        info.created_by or UNKNOWN,
        info.description,
    )


def detail(app: App, info: pfs.CommitInfo) -> str:
    """`inspect commit`."""
    finished = info.HasField("finished")
    return details(
        (
            ("Commit", commit_name(info.commit)),
            ("Description", info.description),
            ("Parent", info.parent_commit.id or None),
            ("Started", at(app, info, "started")),
            ("Finished", at(app, info, "finished") if finished else None),
            ("Error", " ".join(info.error.split()) or None),
            ("Size", units.size(info.details.size_bytes) if info.HasField("details") else None),
        )
    )


def set_row(app: App, info: pfs.CommitSetInfo) -> tuple[str, ...]:
    """One line of `list commit` without words."""
    counts = {"green": 0, "yellow": 0, "red": 0}
    for member in info.commits:
        counts["red" if member.error else "green" if member.HasField("finished") else "yellow"] += 1
    started = sorted((member.started for member in info.commits if member.HasField("started")), key=nanos)
    return (
        info.commit_set.id,
        str(len(info.commits)),
        bar(app, counts),
        age(app, started[0] if started else None),
        age(app, started[-1] if started else None),
    )
