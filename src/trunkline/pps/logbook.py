"""The logs of jobs, on disk: a file per job, one JSON object a line, in order of arrival.

Invariants: records of one `append` stay together; a reader sees whole lines only. Logs are not part of what a
crash must keep: a torn line is skipped by readers, and the next writer begins a new one. Which job a caller may
ask for, and when a job has ended, is known by others.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from trunkline.catalog import Watch
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import Cancelled, StorageFailed, StorageFull
from trunkline.pps.refs import JobRef, PipelineRef

_OPEN_FILES = 32
_BLOCK = 256 * 1024
LARGEST = 1 << 30
"""Bytes of a job's log, more or less; of what is written later, only what the system says is kept."""

_LOOK_AGAIN = 1.0
"""Seconds between two looks of a follower at whether its caller went away."""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a log.

    Attributes:
        ts: when it was written.
        worker, datum: ids; empty where it concerns none.
        user: written by user code; otherwise by the system.
        master: written by pachd and not by a worker.
    """

    ts: Nanos
    message: str
    worker: str = ""
    datum: str = ""
    user: bool = False
    master: bool = False


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which records to show; what is at its default shows all.

    Attributes:
        since: none that are older.
        keep: a further condition, for what is not in the record itself.
    """

    datum: str = ""
    user: bool | None = None
    master: bool | None = None
    since: Nanos = Nanos(0)
    keep: Callable[[Record], bool] | None = None

    def shows(self, record: Record) -> bool:
        """Whether the record passes."""
        return (
            record.ts >= self.since
            and self.datum in ("", record.datum)
            and self.user in (None, record.user)
            and self.master in (None, record.master)
            and (self.keep is None or self.keep(record))
        )


_EVERYTHING = LogFilter()
_decoder = msgspec.json.Decoder(Record)
_encode_lines = msgspec.json.Encoder().encode_lines


class Logbook:
    """All logs below one folder. Thread-safe; one process writes."""

    def __init__(self, folder: Path, largest: int = LARGEST) -> None:
        self._folder, self._largest = folder, largest
        self._handles: OrderedDict[JobRef, int] = OrderedDict()
        self._lock = threading.Lock()
        self._watch = Watch()

    def append(self, job: JobRef, records: Iterable[Record]) -> None:
        """Adds records to a job's log and wakes its followers.

        Raises:
            StorageFull, StorageFailed: some of them may not have been written.
        """
        added = list(records)
        if not added:
            return
        path = self._path(job)
        with self._lock, _as_trunkline_errors(path):
            handle = self._handle(job, path)
            try:
                data = self._fitting(os.fstat(handle).st_size, added)
                written = 0
                while written < len(data):
                    written += os.write(handle, data[written:])
            except OSError:
                os.close(self._handles.pop(job))  # half a line may be there: the next one begins anew
                raise
        self._watch.notify()

    def _fitting(self, size: int, records: list[Record]) -> bytes:
        """The lines to add to a log of so many bytes."""
        if size >= self._largest:
            return _encode_lines([record for record in records if not record.user])
        data = _encode_lines(records)
        if size + len(data) < self._largest:
            return data
        text = f"this job has written more than {self._largest >> 20} MiB: what its user code adds is not kept"
        return data + _encode_lines([Record(records[-1].ts, text, master=True)])

    def read(self, job: JobRef, wanted: LogFilter = _EVERYTHING, tail: int = 0) -> Iterator[Record]:
        """The records of a job that pass the filter, oldest first; with `tail`, only the last so many."""
        reader = self.reader(job)
        if tail > 0:
            yield from reader.tail(wanted, tail)
        else:
            yield from reader.more(wanted)

    def follow(
        self,
        job: JobRef,
        ended: Callable[[], bool],
        wanted: LogFilter = _EVERYTHING,
        *,
        tail: int = 0,
        alive: Callable[[], bool] = lambda: True,
    ) -> Iterator[Record]:
        """As `read`, then whatever is added until the job has ended.

        Args:
            ended: asked after each change; `wake` makes that happen when nothing is added.

        Raises:
            Cancelled: `alive` answered False, or the server is shutting down.
        """
        reader = self.reader(job)
        if tail > 0:
            yield from reader.tail(wanted, tail)
        while True:
            seen = self._watch.version
            last = ended()
            yield from reader.more(wanted)
            if last:
                return
            self.wait(seen, alive)

    def reader(self, job: JobRef) -> LogReader:
        """A reader that begins at the job's first record."""
        return LogReader(self._path(job))

    @property
    def version(self) -> int:
        """Grows with every change of any log."""
        return self._watch.version

    def wait(self, seen: int, alive: Callable[[], bool] = lambda: True) -> None:
        """Blocks until the version is not `seen` any more, or for a second.

        Raises:
            Cancelled: `alive` answered False, or the server is shutting down.
        """
        self._watch.wait(seen, _LOOK_AGAIN)
        if not alive():
            raise Cancelled("the caller went away")

    def wake(self) -> None:
        """Lets followers look whether their job has ended."""
        self._watch.notify()

    def changed(self, job: JobRef) -> Nanos:
        """When a job's log was last written to; 0 if it has none."""
        try:
            return Nanos(self._path(job).stat().st_mtime_ns)
        except OSError:
            return Nanos(0)

    def delete(self, job: JobRef) -> None:
        """Removes the log of a job; one that is not there is fine."""
        with self._lock:
            self._close(lambda known: known == job)
            with suppress(OSError):
                self._path(job).unlink()

    def delete_pipeline(self, pipeline: PipelineRef) -> None:
        """Removes the logs of all jobs of a pipeline."""
        with self._lock:
            self._close(lambda known: known.pipeline == pipeline)
            shutil.rmtree(self._folder / pipeline.project / pipeline.name, ignore_errors=True)

    def close(self) -> None:
        """Closes every file and ends every wait."""
        self._watch.close()
        with self._lock:
            self._close(lambda known: True)

    def _path(self, job: JobRef) -> Path:
        return self._folder / job.pipeline.project / job.pipeline.name / f"{job.id}.jsonl"

    def _close(self, which: Callable[[JobRef], bool]) -> None:
        for job in [known for known in self._handles if which(known)]:
            os.close(self._handles.pop(job))

    def _handle(self, job: JobRef, path: Path) -> int:
        """The open file of a job; the one used longest ago is closed when there are too many."""
        known = self._handles.get(job)
        if known is not None:
            self._handles.move_to_end(job)
            return known
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._handles[job] = handle
        end = os.fstat(handle).st_size
        if end and os.pread(handle, 1, end - 1) != b"\n":
            os.write(handle, b"\n")
        if len(self._handles) > _OPEN_FILES:
            os.close(self._handles.popitem(last=False)[1])
        return handle


class LogReader:
    """Reads whole lines of a log that may grow, or not be there yet; goes on where it stopped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def more(self, wanted: LogFilter = _EVERYTHING) -> Iterator[Record]:
        """The records that were added since the last call and pass the filter."""
        with _reading(self._path) as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                record = _decode(line)
                if record is not None and wanted.shows(record):
                    yield record

    def tail(self, wanted: LogFilter, count: int) -> list[Record]:
        """The last records that pass, oldest first, read from the end backwards; `more` goes on after them."""
        self._offset = _end_of_whole_lines(self._path)
        found: list[Record] = []
        for line in _lines_backwards(self._path, self._offset):
            record = _decode(line)
            if record is not None and wanted.shows(record):
                found.append(record)
                if len(found) == count:
                    break
        return found[::-1]


def _decode(line: bytes) -> Record | None:
    """The record of a line; None for a torn one."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _end_of_whole_lines(path: Path) -> int:
    """The offset after the last newline of a file."""
    with _reading(path) as file:
        at = file.seek(0, os.SEEK_END)
        while at > 0:
            start = max(0, at - _BLOCK)
            file.seek(start)
            newline = file.read(at - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            at = start
    return 0


def _lines_backwards(path: Path, end: int) -> Iterator[bytes]:
    """The lines of a file up to `end`, which is the end of a line; last one first."""
    with _reading(path) as file:
        at = end
        rest = b""
        while at > 0:
            start = max(0, at - _BLOCK)
            file.seek(start)
            lines = (file.read(at - start) + rest).split(b"\n")
            at, rest = start, lines[0]
            yield from (line for line in reversed(lines[1:]) if line)
        if rest:
            yield rest


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """The file, or an empty one if there is none (yet)."""
    with _as_trunkline_errors(path):
        try:
            file: BinaryIO = path.open("rb")
        except FileNotFoundError:
            file = io.BytesIO()
        with file:
            yield file


@contextmanager
def _as_trunkline_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"no space left for the log {path}: free some") from error
        raise StorageFailed(f"the log {path} cannot be used ({error.strerror}): check the disk") from error
