"""What an explanation says: of a job, of its datums, and how many of each kind there are."""

from __future__ import annotations

from enum import Enum

import msgspec

from trunkline.kernel.ids import DatumId, SetId
from trunkline.pfs.refs import RepoRef
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Job


class Cause(Enum):
    """Why a datum came up in a job, that is: why it is not simply as in the job that this one builds on."""

    NEW = "NEW"
    """There was no such datum."""
    CHANGED = "CHANGED"
    """Its inputs have other content."""
    FORCED = "FORCED"
    """Its inputs are the same, but the salt is not: reprocessing was asked for, or is to be done by every job."""
    RETRIED = "RETRIED"
    """It is the same, and an earlier job made no output of it."""
    SAME = "SAME"
    """It is the same, but this job could build on no earlier one, so all its datums came up."""


class Fate(Enum):
    """What became of a datum that came up, or will."""

    RAN = "RAN"
    KNOWN = "KNOWN"
    """An earlier run was good for it."""
    FAILED = "FAILED"
    RECOVERED = "RECOVERED"
    AHEAD = "AHEAD"
    """User code has to run on it; if the job has ended, it did not come to it."""


class ChangedInput(msgspec.Struct, frozen=True):
    """An input that made a datum come up.

    Attributes:
        name: the folder below /pfs.
        path: a file's; a directory's ends with `/`.
        before: the commit that was read before; empty if there was none.
        commit: the commit that is read now; empty if it is not made yet.
        files: of a directory, some of the files that differ.
        more: whether there are more of these.
    """

    name: str
    repo: RepoRef
    path: str
    before: SetId
    commit: SetId
    files: tuple[str, ...] = ()
    more: bool = False


class WhyDatum(msgspec.Struct, frozen=True):
    """A datum that came up.

    Attributes:
        ran: the job that ran it, if that is another one; None too if its record was deleted.
        failed_in: the newest job that failed on it, or recovered from it, since the one that this job builds on.
        reason: of a datum that failed or was recovered from.
    """

    id: DatumId
    cause: Cause
    fate: Fate
    inputs: tuple[str, ...]
    changes: tuple[ChangedInput, ...] = ()
    ran: JobRef | None = None
    failed_in: JobRef | None = None
    reason: str = ""
    tries: int = 0


class Tally(msgspec.Struct):
    """How many datums.

    Attributes:
        total: that the job has.
        same: how many of them did not come up at all.
        gone: datums of the job that this one builds on, that it does not have.
        partial: whether only the first so many of those that came up, and of those that are gone, were counted.
    """

    total: int = 0
    same: int = 0
    gone: int = 0
    causes: dict[Cause, int] = msgspec.field(default_factory=dict)
    fates: dict[Fate, int] = msgspec.field(default_factory=dict)
    partial: bool = False


class Obstacle(msgspec.Struct, frozen=True):
    """What a job waits for, or what it failed of, in a line; and the commit or job that it is about."""

    text: str
    commit: str = ""
    job: JobRef | None = None


class WhyJob(msgspec.Struct, frozen=True):
    """A job.

    Attributes:
        job: as it is; of one that is only supposed, as it would be made.
        supposed: whether it is one that a change would make.
        builds_on: the job whose plan and output it starts from; None for from nothing.
        basis: why it starts from there, in a line.
        planned: whether its datums are known; if not, the obstacles say why.
        tally: its datums; nothing for one whose datums are not known.
        datums: a page of those that came up.
    """

    job: Job
    supposed: bool
    builds_on: JobRef | None
    basis: str
    planned: bool
    obstacles: tuple[Obstacle, ...]
    tally: Tally
    datums: tuple[WhyDatum, ...] = ()


class Page(msgspec.Struct, frozen=True):
    """Which datums are wanted one by one: so many, after the raw id."""

    number: int
    after: bytes = b""
