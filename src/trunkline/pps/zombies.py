"""Zombies: files of an output commit that no datum of its job made.

There are none, by the way in which output commits are made (`assemble`); this looks whether that is so.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.content.entry import from_entry
from trunkline.kernel.errors import Corrupt, Refused
from trunkline.maps import Root
from trunkline.pfs import resolve
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef
from trunkline.pfs.rows import commit_by_key
from trunkline.pps import rows
from trunkline.pps.rows import Job

_HEADS = (
    "JOIN branches AS outputs ON outputs.head = jobs.output_commit "
    "WHERE jobs.state = 'SUCCESS' AND jobs.datums IS NOT NULL ORDER BY jobs.id"
)
_OF_COMMIT = "WHERE jobs.output_commit = ? AND jobs.datums IS NOT NULL"


def find(pfs: Pfs, target: CommitRef | None = None) -> Iterator[str]:
    """The zombies of a commit, or of the heads of all output branches.

    Raises:
        NotFound, Refused: no such commit; it is no output of a job that was planned.
    """
    with pfs.reading() as tx:
        if target is None:
            jobs = list(rows.jobs(tx, _HEADS))
        else:
            commit = resolve.commit(tx, target)
            jobs = list(rows.jobs(tx, _OF_COMMIT, (commit.key,)))
            if not jobs:
                raise Refused(f"commit {commit} is not the output of a job: there can be no zombies in it")
    for job in jobs:
        yield from _of(pfs, job)


def _of(pfs: Pfs, job: Job) -> Iterator[str]:
    with pfs.catalog.read() as tx:
        commit = commit_by_key(tx, job.output_commit)
    if commit is None or commit.finished is None or commit.error or commit.forgotten or job.datums is None:
        return
    known: dict[str, bool] = {}
    datums = Root.unpack(job.datums)
    try:
        for entry in pfs.maps.range(pfs.content(commit)):
            tag = from_entry(entry).tag
            if tag not in known:
                known[tag] = _is_datum(tag) and pfs.maps.get(datums, bytes.fromhex(tag)) is not None
            if not known[tag]:
                yield f"commit {commit}: file {entry[0].decode()} is a zombie: its datum {tag} is none of the job's"
    except Corrupt as error:
        yield f"commit {commit}: {error}"


def _is_datum(tag: str) -> bool:
    return len(tag) == 64 and set(tag) <= set("0123456789abcdef")
