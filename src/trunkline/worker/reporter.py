"""Reports what became of datums, in groups: content durable first, then the log, then the report.

A group goes out when it is 250 milliseconds old, or full, so that the wait for the disk and the call to
pachd are shared by many datums, and a short datum does not wait for a long one after it. Invariant: pachd is
never told of an output whose bytes are not durable.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from trunkline.content.entry import FileEntry
from trunkline.content.writer import ContentWriter, Pending
from trunkline.kernel.errors import TrunklineError
from trunkline.maps import EMPTY, Maps
from trunkline.objects.protocol import ObjectStore
from trunkline.pps.outputs import output_map
from trunkline.worker.model import Outcome, State, Statistics

GROUP_SECONDS = 0.25
GROUP_DATUMS = 64
GROUP_FILES = 10_000

_FLUSHES = 3
_PAUSE = 0.5


class Draft(msgspec.Struct, kw_only=True):
    """An outcome whose output may not be durable yet."""

    id: str
    state: State
    reason: str = ""
    files: Sequence[tuple[str, Pending | FileEntry]] = ()
    statistics: Statistics
    image_digest: str = ""


class Reporter:
    """Takes drafts from the thread that works, and reports them from one of its own."""

    def __init__(
        self,
        store: ObjectStore,
        report: Callable[[Sequence[Outcome], bool], None],
        on_failure: Callable[[TrunklineError], None],
    ) -> None:
        """Args:
        store: takes the content.
        report: tells pachd; the second argument says whether the batch is done.
        on_failure: told, from another thread, that pachd could not be.
        """
        self._store = store
        self._report = report
        self._on_failure = on_failure
        self._writing = threading.Lock()
        self._writer = ContentWriter(store)
        self._maps = Maps(store)
        self._changed = threading.Condition()
        self._drafts: list[Draft] = []
        self._due = 0.0
        self._full = False
        self._ending = False
        self._dropped = False
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._thread.start()

    @contextmanager
    def writer(self) -> Iterator[ContentWriter]:
        """The writer that the output of the next draft goes to."""
        with self._writing:
            yield self._writer

    def add(self, draft: Draft) -> None:
        """Takes a draft; waits while the group before it is going out and this one is full."""
        with self._changed:
            if not self._drafts:
                self._due = time.monotonic() + GROUP_SECONDS
            self._drafts.append(draft)
            self._full = (
                len(self._drafts) >= GROUP_DATUMS or sum(len(each.files) for each in self._drafts) >= GROUP_FILES
            )
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._full or self._dropped)

    def finish(self) -> None:
        """Reports what is left, and that the batch is done."""
        self._end(drop=False)

    def drop(self) -> None:
        """Ends without another report."""
        self._end(drop=True)

    def _end(self, *, drop: bool) -> None:
        with self._changed:
            self._ending = True
            self._dropped = self._dropped or drop
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            with self._changed:
                while not self._is_due():
                    left = self._due - time.monotonic() if self._drafts else None
                    self._changed.wait(left)
            with self._writing:
                drafts, ending, dropped = self._take()
                stored = _Stored() if dropped else self._flush(drafts)
            if dropped:
                return
            try:
                self._report([_outcome(each, stored) for each in drafts], ending)
            except TrunklineError as error:
                self._on_failure(error)
                with self._changed:
                    self._dropped = True
                    self._changed.notify_all()
                return

    def _is_due(self) -> bool:
        return self._ending or self._full or bool(self._drafts and time.monotonic() >= self._due)

    def _take(self) -> tuple[list[Draft], bool, bool]:
        with self._changed:
            drafts, self._drafts = self._drafts, []
            self._full = False
            self._changed.notify_all()
            return drafts, self._ending, self._dropped

    def _flush(self, drafts: Sequence[Draft]) -> _Stored:
        """Makes the group durable; tries again for a while. After an error a fresh writer begins."""
        for number in range(_FLUSHES):
            try:
                self._writer.flush()
                return _Stored({each.id: self._outputs(each) for each in drafts if each.state is State.SUCCESS})
            except TrunklineError as error:
                failure = error
                if number + 1 < _FLUSHES:
                    with self._changed:
                        self._changed.wait_for(lambda: self._dropped, _PAUSE)
        self._writer = ContentWriter(self._store)
        return _Stored(failure=failure)

    def _outputs(self, draft: Draft) -> bytes:
        files = ((path, file.file() if isinstance(file, Pending) else file) for path, file in draft.files)
        return output_map(self._maps, draft.id, files).pack()


class _Stored(msgspec.Struct, frozen=True):
    """The packed roots of a group's output, by datum; or why there are none."""

    outputs: dict[str, bytes] = {}
    failure: TrunklineError | None = None


def _outcome(draft: Draft, stored: _Stored) -> Outcome:
    state, reason = draft.state, draft.reason
    outputs = stored.outputs.get(draft.id, b"")
    if state is State.SUCCESS and stored.failure is not None:
        if draft.files:
            state, reason = State.FAILED, f"the output could not be stored: {stored.failure}"
            draft.statistics.upload_bytes = 0
        else:
            outputs = EMPTY.pack()
    return Outcome(
        id=draft.id,
        state=state,
        reason=reason,
        outputs=outputs,
        statistics=draft.statistics,
        image_digest=draft.image_digest,
    )
