"""Clocks as inputs: what a cron input of a spec must say, what it defaults to, and which files are its ticks.

A clock has a repo of its own, into which a file named by the time is put at each tick; a pipeline reads it as it
reads any other. When that happens is `crons`.
"""

from __future__ import annotations

import msgspec

from trunkline.kernel import cron, times
from trunkline.kernel.errors import InvalidRequest, Refused
from trunkline.kernel.names import check_repo_name
from trunkline.pfs.refs import USER, BranchRef, RepoRef
from trunkline.pps.spec import CronInput, Input, PfsInput, PipelineName

BRANCH = "master"


def complete(given: CronInput, pipeline: PipelineName) -> CronInput:
    """A cron input with defaults filled in, all but the start: that is the moment when the pipeline is made.

    Raises:
        Refused: it has no name.
    """
    if not given.name:
        raise Refused("input must specify a name (a cron input: its ticks are files below /pfs/<name>)")
    return msgspec.structs.replace(
        given,
        project=given.project or pipeline.project_name,
        repo=given.repo or f"{pipeline.name}_{given.name}",
    )


def started(given: Input, now: int) -> Input:
    """An input whose clocks all have a start: those that had none begin now."""
    if given.cron is not None:
        return Input(cron=msgspec.structs.replace(given.cron, start=given.cron.start or times.text(now)))
    made = {
        field: tuple(started(part, now) for part in getattr(given, field))
        for field in ("cross", "union", "join", "group")
    }
    return msgspec.structs.replace(given, **made)


def check(given: CronInput) -> None:
    """Refuses a completed cron input that breaks a rule.

    Raises:
        InvalidRequest, Refused: the message names what to change.
    """
    if given.commit:
        raise Refused("input cannot come from a commit; use a branch with head pointing to the commit")
    try:
        cron.parse(given.spec)
    except InvalidRequest as error:
        raise Refused(f"error parsing cron-spec: {error}") from None
    if given.start:
        try:
            times.parse(given.start)
        except InvalidRequest as error:
            raise InvalidRequest(f'input.cron.start of "{given.name}": {error}') from None
    try:
        check_repo_name(given.repo)
    except Refused as error:
        raise Refused(f'input.cron "{given.name}" keeps its ticks in a repo: {error}; give it a repo') from None


def repo_of(given: CronInput) -> RepoRef:
    """The repo that a completed cron input keeps its ticks in."""
    return RepoRef(given.repo, USER, given.project)


def branch_of(given: CronInput) -> BranchRef:
    """The branch that the ticks come to."""
    return BranchRef(repo_of(given), BRANCH)


def ticks_of(given: CronInput) -> PfsInput:
    """A cron input as the pfs input that it is to everything else: each tick in its repo is a datum's file."""
    return PfsInput(
        project=given.project,
        name=given.name,
        repo=given.repo,
        repo_type=USER,
        branch=BRANCH,
        commit=given.commit,
        glob="/*",
    )
