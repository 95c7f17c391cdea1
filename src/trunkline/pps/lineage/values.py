"""What a trace says: files, the datums between them, and at the end how much there was.

Invariant: files and datums are numbered from 1, each on its own, in the order in which they are given; whatever names
another one does it by number, so that what is met twice is told once.
"""

from __future__ import annotations

import msgspec

from trunkline.kernel.clock import Nanos
from trunkline.kernel.ids import DatumId, SetId
from trunkline.pfs.refs import RepoRef
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Stats
from trunkline.pps.states import DatumState


class TracedFile(msgspec.Struct, frozen=True):
    """A file of a commit.

    Attributes:
        branch: that the commit was made on.
        datum: the number of the datum that made it; 0 for a file that no pipeline made, or that is not traced further.
        note: why it is not traced further, where that is no matter of course.
    """

    number: int
    repo: RepoRef
    branch: str
    commit: SetId
    path: str
    size: int
    hash: bytes
    datum: int = 0
    note: str = ""


class TracedInput(msgspec.Struct, frozen=True):
    """An input of a datum.

    Attributes:
        name: the folder below /pfs.
        branch: that the pipeline reads.
        commit: that the job read; empty if its repo was deleted.
        path: a file's; a directory's ends with `/`.
        files: the numbers of the files it stands for, as far as they are told.
        more: how many of its files are not told.
    """

    name: str
    repo: RepoRef
    branch: str
    commit: SetId
    path: str
    hash: bytes
    size: int
    files: tuple[int, ...] = ()
    more: int = 0


class Run(msgspec.Struct, frozen=True):
    """The run of user code that a datum's output is from; it may have been for an earlier commit.

    Attributes:
        job: None if its record was deleted.
        version: of the pipeline.
        spec_commit: of that version.
        image: as the spec names it.
        image_digest: of what the code ran in; empty if nobody knows.
        recorded: when its output was.
    """

    job: JobRef | None
    version: int
    spec_commit: SetId
    image: str
    image_digest: str
    recorded: Nanos
    tries: int
    stats: Stats


class TracedDatum(msgspec.Struct, frozen=True):
    """A datum of the job that made a commit.

    Attributes:
        job: whose commit has the files.
        version: of the pipeline, that this job ran.
        state: SUCCESS if this job ran it, SKIPPED if an earlier run was good for it,
            RECOVERED if it made nothing here, else UNKNOWN.
        run: None if nothing is known of it any more.
        outputs: how many files it has made.
    """

    number: int
    id: DatumId
    job: JobRef
    version: int
    state: DatumState
    run: Run | None
    inputs: tuple[TracedInput, ...]
    outputs: int


class TraceEnd(msgspec.Struct, frozen=True):
    """How much was told.

    Attributes:
        cut: whether there is more than was asked for.
        passed: commits downstream that have no output (yet): their jobs did not end well, or did not end.
    """

    files: int
    datums: int
    cut: bool
    passed: int = 0


class Bounds(msgspec.Struct, frozen=True):
    """How much is wanted.

    Attributes:
        most: files in all.
        width: files of one directory (upward), or of one datum (downward).
        depth: datums between a file and the one asked about; 0: any number.
    """

    most: int
    width: int
    depth: int = 0
