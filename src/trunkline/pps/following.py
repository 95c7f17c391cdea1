"""Triggers on the inputs of pipelines: the pipeline reads a branch of its own, which follows another from time to time.

The branch is made with the pipeline, in the repo that is read; when it follows is the file system's business.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from trunkline.kernel.errors import Refused
from trunkline.pfs import branches, provenance, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.refs import BranchRef
from trunkline.pfs.triggers import Trigger
from trunkline.pps import inputs
from trunkline.pps.spec import Input, PfsInput, PipelineName


def named(given: Input, pipeline: PipelineName) -> Input:
    """An input in which every trigger says what it follows and for which branch: `<pipeline>-trigger-<n>` by default.

    The inputs of each repo are counted from one, in the order in which they were written.
    """
    return _named(given, pipeline, Counter())


def _named(given: Input, pipeline: PipelineName, count: Counter[tuple[str, str]]) -> Input:
    if given.pfs is not None:
        return msgspec.structs.replace(given, pfs=_leaf(given.pfs, pipeline, count))
    made = {
        field: tuple(_named(part, pipeline, count) for part in getattr(given, field))
        for field in ("cross", "union", "join", "group")
    }
    return msgspec.structs.replace(given, **made)


def _leaf(leaf: PfsInput, pipeline: PipelineName, count: Counter[tuple[str, str]]) -> PfsInput:
    if leaf.trigger is None:
        return leaf
    branch = leaf.branch
    if not branch:
        repo = leaf.project or pipeline.project_name, leaf.repo
        count[repo] += 1
        branch = f"{pipeline.name}-trigger-{count[repo]}"
    trigger = msgspec.structs.replace(leaf.trigger, branch=leaf.trigger.branch or "master")
    return msgspec.structs.replace(leaf, branch=branch, trigger=trigger)


def make_branches(change: Change, given: Input | None) -> None:
    """Makes the branches of an input's triggers, or gives those that are there the triggers that the input wants.

    Raises:
        NotFound, Refused: no such repo; a trigger that makes no sense.
    """
    for leaf in inputs.leaves(given) if given is not None else ():
        if leaf.trigger is not None:
            one = leaf.trigger
            trigger = Trigger(one.branch, one.all, one.rate_limit_spec, one.size, one.commits, one.cron_spec)
            _make(change, BranchRef(inputs.repo_of(leaf), leaf.branch), trigger)


def _make(change: Change, ref: BranchRef, trigger: Trigger) -> None:
    existing = resolve.find_branch(change.tx, ref)
    if existing is not None and provenance.direct_branches(change.tx, existing.key):
        raise Refused(f"a branch cannot have both provenance and a trigger: {ref} comes from others, name another one")
    branches.create(change, ref, trigger=trigger)
