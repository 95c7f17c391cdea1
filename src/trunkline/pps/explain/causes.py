"""Why a datum came up: it, held against the same datum in the job that its job builds on, or came after.

Invariant: the answer is worked out from the two datum maps and the input commits of the two jobs; it costs a look-up
for each datum, and for each input of those that are told one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import msgspec

from trunkline.kernel.errors import Refused
from trunkline.kernel.ids import SetId
from trunkline.maps import Entry, Maps, Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs import provenance
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.rows import Commit
from trunkline.pps import inputs, rows
from trunkline.pps.explain.values import Cause, ChangedInput
from trunkline.pps.plan import plan
from trunkline.pps.plan.plan import View
from trunkline.pps.plan.records import InputRecord, decode
from trunkline.pps.rows import Job
from trunkline.pps.spec import PfsInput

SOME = 3
"""Changed files of a directory that are named."""


class Sight(msgspec.Struct, frozen=True):
    """What a job reads: its pfs inputs, for each the commit (None: unknown, or not made yet) and the content.

    Attributes:
        view: what its plan left.
    """

    leaves: Sequence[PfsInput]
    commits: Sequence[Commit | None]
    roots: Sequence[Root | None]
    view: View

    @property
    def datums(self) -> Root:
        """Its datum map."""
        return self.view.datums


def sight_of(pfs: Pfs, job: Job) -> Sight:
    """What a planned job read."""
    with pfs.reading() as tx:
        view = plan.view_of(pfs, tx, job) or plan.NOTHING
        leaves = list(inputs.leaves(plan.need_input(rows.version(tx, job.pipeline, job.version))))
        direct = {commit.repo: commit for commit in provenance.direct_commits(tx, job.output_commit)}
    commits = [direct.get(inputs.repo_of(leaf)) for leaf in leaves]
    return Sight(leaves, commits, [_content(pfs, one) for one in commits], view)


def _content(pfs: Pfs, commit: Commit | None) -> Root | None:
    try:
        return None if commit is None else pfs.content(commit)
    except Refused:
        return None


class Causes:
    """Holds the datums of a job against those of an earlier one.

    Args:
        now: what the job reads.
        before: what the earlier one read; None if there is none.
    """

    def __init__(self, maps: Maps, now: Sight, before: Sight | None) -> None:
        self._maps, self._now, self._before = maps, now, before

    def cause(self, datum: Entry, known: bool) -> Cause:
        """Why a datum came up; `known` is whether there was an outcome already."""
        old = None if self._before is None else self._maps.get(self._before.datums, datum[0])
        if old is None:
            return Cause.NEW
        if old[1] == datum[1]:
            return Cause.SAME if known else Cause.RETRIED
        return Cause.CHANGED if _content_of(old) != _content_of(datum) else Cause.FORCED

    def changes(self, datum: Entry, cause: Cause) -> tuple[ChangedInput, ...]:
        """The inputs that made it come up."""
        if self._before is None or cause not in (Cause.NEW, Cause.CHANGED):
            return ()
        old = self._maps.get(self._before.datums, datum[0])
        known = {} if old is None else {(one.name, one.path): one.hash for one in decode(old).inputs}
        found = []
        for one in decode(datum).inputs:
            there = known.get((one.name, one.path)) or self._hash_before(one)
            if there != one.hash:
                found.append(self._change(one, is_new=there is None))
        return tuple(found)

    def _hash_before(self, one: InputRecord) -> bytes | None:
        """What the earlier job would have found at an input's path; None for nothing."""
        root = self._root_before(one)
        low = one.path.encode()
        if root is None:
            return None
        if not one.is_dir:
            entry = self._maps.get(root, low)
            return None if entry is None else entry[1]
        high = prefix_end(low)
        return self._maps.digest(root, low, high) if self._maps.totals(root, low, high).count else None

    def _at_before(self, one: InputRecord) -> int | None:
        """Which input of the earlier job an input is: the expression may be another one."""
        assert self._before is not None, "asked for only if there is an earlier job"
        leaf = self._now.leaves[one.leaf]
        places = enumerate(self._before.leaves)
        return next((at for at, other in places if (other.name, other.repo) == (leaf.name, leaf.repo)), None)

    def _root_before(self, one: InputRecord) -> Root | None:
        at = self._at_before(one)
        return None if at is None or self._before is None else self._before.roots[at]

    def _change(self, one: InputRecord, *, is_new: bool) -> ChangedInput:
        at = self._at_before(one)
        before = None if at is None or is_new or self._before is None else self._before.commits[at]
        commit = self._now.commits[one.leaf]
        files = self._files(one) if one.is_dir else []
        return ChangedInput(
            name=one.name,
            repo=inputs.repo_of(self._now.leaves[one.leaf]),
            path=one.path,
            before=SetId("") if before is None else before.id,
            commit=SetId("") if commit is None else commit.id,
            files=tuple(files[:SOME]),
            more=len(files) > SOME,
        )

    def _files(self, one: InputRecord) -> list[str]:
        """Some of the files that differ below a directory."""
        old, new = self._root_before(one), self._now.roots[one.leaf]
        if old is None or new is None:
            return []
        low = one.path.encode()
        return [key.decode() for key, _, _ in islice(self._maps.diff(old, new, low, prefix_end(low)), SOME + 1)]


def _content_of(datum: Entry) -> list[tuple[str, str, bytes]]:
    return [(one.name, one.path, one.hash) for one in decode(datum).inputs]
