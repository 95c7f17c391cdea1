"""The rules of inputs: which are well formed, what they default to, in which order they count.

Invariants of a completed input: each pfs input names project, repo, repo type, branch, name and a cleaned
glob; the parts of a cross, union, join or group are sorted by name, because the order goes into the ids of datums.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trunkline.kernel import paths
from trunkline.kernel.errors import InvalidRequest, NotBuilt, Refused
from trunkline.kernel.names import check_branch_name
from trunkline.pfs import globs
from trunkline.pfs.captures import template
from trunkline.pfs.refs import USER, BranchRef, RepoRef
from trunkline.pps import clocks
from trunkline.pps.spec import CronInput, Input, PfsInput, PipelineName

SETS = ("join", "group", "cross", "union")
"""The kinds of input that are made of others."""

_LONGEST_NAME = 255
"""Bytes; an input's name is the name of a folder."""


def leaf_of(given: Input) -> PfsInput | None:
    """What an input reads directly: its own files, or for a clock its ticks; None for one that is made of others."""
    return given.pfs if given.cron is None else clocks.ticks_of(given.cron)


def leaves(given: Input) -> Iterator[PfsInput]:
    """The pfs inputs of an input, those of its clocks among them, in order."""
    leaf = leaf_of(given)
    if leaf is not None:
        yield leaf
    for part in parts(given):
        yield from leaves(part)


def parts(given: Input) -> tuple[Input, ...]:
    """The inputs that an input is made of directly."""
    return given.cross or given.union or given.join or given.group


def crons(given: Input) -> Iterator[CronInput]:
    """The clocks among the inputs, in order."""
    if given.cron is not None:
        yield given.cron
    for part in parts(given):
        yield from crons(part)


def has_cron(given: Input) -> bool:
    """Whether a clock is among the inputs."""
    return any(True for _ in crons(given))


def repo_of(leaf: PfsInput) -> RepoRef:
    """The repo that a completed input reads."""
    return RepoRef(leaf.repo, leaf.repo_type, leaf.project)


def branches(given: Input) -> list[BranchRef]:
    """The branches that a completed input reads, each once, in order."""
    return list(dict.fromkeys(BranchRef(repo_of(leaf), leaf.branch) for leaf in leaves(given)))


def complete(given: Input, pipeline: PipelineName) -> Input:
    """The input with defaults filled in and its parts sorted.

    Raises:
        Refused, InvalidRequest: an input that defaults cannot be made for.
    """
    _check_kind(given)
    if given.pfs is not None:
        return Input(pfs=_complete_pfs(given.pfs, pipeline))
    if given.cron is not None:
        return Input(cron=clocks.complete(given.cron, pipeline))
    sorted_parts = tuple(sorted((complete(part, pipeline) for part in parts(given)), key=_first_name))
    kind = next(name for name in SETS if getattr(given, name))
    return msgspec.structs.replace(Input(), **{kind: sorted_parts})


def _first_name(given: Input) -> str:
    return next((leaf.name for leaf in leaves(given)), "")


def _check_kind(given: Input) -> None:
    """Exactly one kind must be set."""
    kinds = {name: getattr(given, name) for name in ("pfs", *SETS, "cron")}
    named = [name for name, value in kinds.items() if value not in (None, ())]
    if not named:
        raise Refused("no input set: give one of pfs, cross, union, join, group and cron")
    if len(named) > 1:
        raise Refused(f"multiple input types set: {' and '.join(named)} in one input, keep one of them")


def _complete_pfs(leaf: PfsInput, pipeline: PipelineName) -> PfsInput:
    if not leaf.repo:
        raise Refused("input must specify a repo")
    if leaf.repo == "out" and not leaf.name:
        raise Refused(
            "inputs based on repos named \"out\" must have 'name' set, as pachyderm already creates /pfs/out "
            "to collect job output"
        )
    if not leaf.glob:
        raise Refused(f'input must specify a glob (input of repo "{leaf.repo}")')
    return msgspec.structs.replace(
        leaf,
        project=leaf.project or pipeline.project_name,
        name=leaf.name or leaf.repo,
        repo_type=leaf.repo_type or USER,
        branch=leaf.branch or "master",
        glob=paths.clean(leaf.glob),
    )


def check(given: Input, pipeline: PipelineName) -> None:
    """Refuses a completed input that breaks a rule.

    Raises:
        InvalidRequest, Refused, NotBuilt: the message names the input and what to change.
    """
    _check_s3(given)
    for cron in crons(given):
        clocks.check(cron)
    for leaf in leaves(given):
        _check_not_built(leaf)
        _check_leaf(leaf)
        if repo_of(leaf) == RepoRef(pipeline.name, USER, pipeline.project_name):
            raise Refused(
                f"input.pfs.repo names {repo_of(leaf)}, the pipeline's own output repo: a pipeline cannot "
                "read what it writes, read another repo or rename the pipeline"
            )
    _names(given)


def _check_not_built(leaf: PfsInput) -> None:
    never = leaf.propagation_spec is not None and leaf.propagation_spec.never
    wanted = (
        (leaf.s3, "s3", "offer input through S3"),
        (leaf.reference, "reference", "read repos by reference"),
        (never, "propagationSpec.never", "let an input change without a job"),
    )
    for given, field, what in wanted:
        if given:
            raise NotBuilt(
                f'input.pfs.{field} of "{leaf.name}" is set, but this release of Trunkline does not {what} '
                f"yet: remove {field} from the spec"
            )


def _check_s3(given: Input, above: str = "") -> None:
    if above and given.pfs is not None and given.pfs.s3:
        raise Refused(f'S3 inputs in {above} expressions are not supported (input.pfs.s3 of "{given.pfs.name}")')
    kind = next((name for name in ("join", "group", "union") if getattr(given, name)), above)
    for part in parts(given):
        _check_s3(part, kind)


def _check_leaf(leaf: PfsInput) -> None:
    if leaf.commit:
        raise Refused("input cannot come from a commit; use a branch with head pointing to the commit")
    if leaf.name in ("out", ".env"):
        raise Refused(f"input cannot be named {leaf.name}")
    name = leaf.name
    if "/" in name or name in (".", "..") or not name.isprintable() or len(name.encode()) > _LONGEST_NAME:
        raise InvalidRequest(
            f"input.pfs.name {name!r} invalid: it becomes the folder /pfs/<name>, so it has no slashes"
        )
    try:
        check_branch_name(leaf.branch)
    except Refused as error:
        raise Refused(f'input.pfs.branch of "{name}": {error}') from None
    try:
        globs.Glob(leaf.glob)
    except InvalidRequest as error:
        raise InvalidRequest(f'input.pfs.glob of "{name}": {error}') from None
    for field, text in (("join_on", leaf.join_on), ("group_by", leaf.group_by)):
        try:
            template(text)
        except InvalidRequest as error:
            raise InvalidRequest(f'input.pfs.{field} of "{name}": {error}') from None


def _names(given: Input) -> set[str]:
    """The names that an input puts below /pfs; those of a union's alternatives may coincide.

    Raises:
        Refused: a name would be there twice.
    """
    leaf = leaf_of(given)
    if leaf is not None:
        return {leaf.name}
    found: set[str] = set()
    for part in parts(given):
        names = _names(part)
        twice = sorted(found & names)
        if twice and not given.union:
            raise Refused(f'name "{twice[0]}" was used more than once')
        found |= names
    return found
