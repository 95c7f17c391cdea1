"""What jobs were made of, read from the catalog once for each: their versions, their inputs, the content of these.

Invariant: what a finished job has read and made never changes, so what was looked up holds for a whole trace. Each
look-up is a short read; none is open while a trace is told.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trunkline.catalog import Tx
from trunkline.catalog.database import need
from trunkline.content.entry import tag_of
from trunkline.kernel.errors import Refused
from trunkline.kernel.ids import SetId
from trunkline.maps import Entry, Root
from trunkline.pfs import holding, provenance
from trunkline.pfs import rows as pfs_rows
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.rows import Commit
from trunkline.pps import inputs, outcomes, rows
from trunkline.pps.lineage.values import Run, TracedInput
from trunkline.pps.plan import plan
from trunkline.pps.plan.records import DatumRecord, decode
from trunkline.pps.rows import Job, Version
from trunkline.pps.spec import Input, PfsInput
from trunkline.pps.states import DatumState, JobState

_OUTCOME = "SELECT * FROM outcomes WHERE pipeline = ? AND hash = ?"
_HEX = frozenset("0123456789abcdef")


class Scene(msgspec.Struct, frozen=True):
    """A job that succeeded, and what it read.

    Attributes:
        input: the completed input of its version.
        leaves: its pfs inputs.
        commits: for each of them the commit that was read; None if its repo was deleted.
        indexes: those of its joins and groups; none if they are gone.
    """

    job: Job
    version: Version
    input: Input
    leaves: Sequence[PfsInput]
    commits: Sequence[Commit | None]
    datums: Root
    indexes: Sequence[Root]


class Work(msgspec.Struct, frozen=True):
    """What became of a datum."""

    state: DatumState
    run: Run | None
    outputs: Root | None


class Past:
    """Answers for one trace.

    Args:
        pfs: the versioned file system.
    """

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs
        self._scenes: dict[int, Scene | None] = {}
        self._roots: dict[int, Root | None] = {}
        self._outputs: dict[int, bool] = {}
        self._versions: dict[tuple[int, int], Version] = {}

    def scene(self, commit: int) -> Scene | None:
        """The job that filled a commit (by key), if it succeeded."""
        if commit not in self._scenes:
            with self._pfs.reading() as tx:
                job = next(rows.jobs(tx, "WHERE jobs.output_commit = ?", (commit,)), None)
                good = job is not None and job.datums is not None and job.state is JobState.SUCCESS
                self._scenes[commit] = self._read(tx, job) if good and job is not None else None
        return self._scenes[commit]

    def content(self, commit: Commit) -> Root | None:
        """What a commit holds; None if it was deleted or forgotten, or cannot be read yet."""
        if commit.key not in self._roots:
            try:
                self._roots[commit.key] = self._pfs.content(commit)
            except Refused:
                self._roots[commit.key] = None
        return self._roots[commit.key]

    def maker(self, commit: Commit, path: bytes, entry: Entry) -> tuple[Scene, Entry] | None:
        """The job that made a file of a commit, and the datum; None for a file that no pipeline made.

        A commit without output of its own (its job failed, or a user wrote it on top of an output) has what its
        parents have: so these are asked, for as long as they have the same file.
        """
        tag = tag_of(entry[3])
        if len(tag) != 64 or not _HEX.issuperset(tag) or not self._is_output(commit.repo_key):
            return None
        at: Commit | None = commit
        while at is not None:
            scene = self.scene(at.key)
            if scene is not None:
                datum = self._pfs.maps.get(scene.datums, bytes.fromhex(tag))
                return None if datum is None else (scene, datum)
            at = self._parent(at, path, entry)
        return None

    def work(self, scene: Scene, record: DatumRecord) -> Work:
        """What became of a datum of a job."""
        with self._pfs.reading() as tx:
            row = tx.row(_OUTCOME, (scene.job.pipeline, record.hash))
            if outcomes.troubled_among(tx, scene.job.key, [record.key]):
                return Work(DatumState.RECOVERED, None, None)  # here it made nothing, whatever it made later
            if row is None:
                return Work(DatumState.UNKNOWN, None, None)
            outputs = Root.unpack(row["outputs"])
            self._pfs.pins.hold(holding.root(holding.FILES, outputs))
            author = scene.job if row["job"] == scene.job.key else rows.job_by_key(tx, row["job"])
            version = self._version(tx, scene.job.pipeline, row["version"])
        transform = version.spec.transform
        run = Run(
            job=None if author is None else author.ref,
            version=version.number,
            spec_commit=version.spec_id,
            image="" if transform is None else transform.image,
            image_digest=row["image_digest"],
            recorded=row["created"],
            tries=row["tries"],
            stats=rows.stats_of(row),
        )
        here = row["job"] == scene.job.key
        return Work(DatumState.SUCCESS if here else DatumState.SKIPPED, run, outputs)

    def inputs(self, scene: Scene, datum: Entry) -> list[TracedInput]:
        """The inputs of a datum, without the numbers of their files."""
        found = []
        for one in decode(datum).inputs:
            leaf, commit = scene.leaves[one.leaf], scene.commits[one.leaf]
            found.append(
                TracedInput(
                    name=one.name,
                    repo=inputs.repo_of(leaf),
                    branch=leaf.branch,
                    commit=SetId("") if commit is None else commit.id,
                    path=one.path,
                    hash=one.hash,
                    size=one.size,
                )
            )
        return found

    def _read(self, tx: Tx, job: Job) -> Scene:
        view = plan.view_of(self._pfs, tx, job) or plan.NOTHING
        version = self._version(tx, job.pipeline, job.version)
        given = plan.need_input(version)
        leaves = list(inputs.leaves(given))
        direct = {commit.repo: commit for commit in provenance.direct_commits(tx, job.output_commit)}
        commits = [direct.get(inputs.repo_of(leaf)) for leaf in leaves]
        return Scene(job, version, given, leaves, commits, *view)

    def _version(self, tx: Tx, pipeline: int, number: int) -> Version:
        known = self._versions.get((pipeline, number))
        if known is None:
            known = self._versions[pipeline, number] = rows.version(tx, pipeline, number)
        return known

    def _is_output(self, repo: int) -> bool:
        """Whether a pipeline writes a repo."""
        if repo not in self._outputs:
            with self._pfs.catalog.read() as tx:
                found = need(tx.row("SELECT count(*) AS n FROM pipelines WHERE repo = ?", (repo,)))
            self._outputs[repo] = bool(found["n"])
        return self._outputs[repo]

    def _parent(self, commit: Commit, path: bytes, entry: Entry) -> Commit | None:
        """The parent of a commit, if it has the file in the same form."""
        if commit.parent is None:
            return None
        with self._pfs.catalog.read() as tx:
            parent = pfs_rows.commit_by_key(tx, commit.parent)
        root = None if parent is None else self.content(parent)
        there = None if root is None else self._pfs.maps.get(root, path)
        same = there is not None and there[1] == entry[1] and tag_of(there[3]) == tag_of(entry[3])
        return parent if same else None
