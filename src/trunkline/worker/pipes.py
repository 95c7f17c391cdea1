"""Lazy inputs: each file is a named pipe, whose content is fetched when user code opens it, and not before.

The worker holds each pipe open in both directions, so that opening it never waits; the kernel tells who opens and who
closes; one thread writes. A pipe that its reader has closed can be opened again. Invariants: user code never sees a
file that ends too soon as a whole one: what cannot be fetched fails the datum; and whoever reads slowly, or not at
all, holds up no other pipe.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import select
import stat
import threading
from collections.abc import Iterator

from trunkline.content.entry import FileEntry
from trunkline.content.reader import ContentReader
from trunkline.kernel.errors import Corrupt, FailedPrecondition, StorageFailed, TrunklineError
from trunkline.worker.inotify import CLOSED_UNWRITTEN, OPENED, OVERFLOW, Inotify
from trunkline.worker.inside import open_inside

_BUFFER = 1 << 20
_SPARE = 256
"""Descriptors that the worker needs for everything else."""


class _Pipe:
    """One file. `readers` may be off by what has not been told yet; never by more."""

    def __init__(self, path: str, file: FileEntry, where: str) -> None:
        self.path, self.file, self.where = path, file, where
        self.descriptor = -1
        self.readers = 0
        self.parts: Iterator[bytes] | None = None
        self.rest = memoryview(b"")


class Pipes:
    """The lazy files of one datum. `add`, then `start`; `stop` in the end, which is always to be called."""

    def __init__(self, reader: ContentReader, top: int) -> None:
        """Args:
        reader: of the content.
        top: the open staging folder.
        """
        self._reader, self._top = reader, top
        self._pipes: list[_Pipe] = []
        self._by_place: dict[tuple[int, str], _Pipe] = {}
        self._feeding: dict[int, _Pipe] = {}
        self._poll = select.poll()
        self._notify: Inotify | None = None
        self._wake = -1
        self._stopping = False
        self._failure: TrunklineError | None = None
        self._bytes = 0
        self._thread = threading.Thread(target=self._run, name="pipes", daemon=True)

    def add(self, path: str, file: FileEntry, where: str) -> None:
        """Takes care of a pipe that is there.

        Args:
            path: relative to the staging folder.
            where: the file in words.
        """
        self._pipes.append(_Pipe(path, file, where))

    def start(self) -> None:
        """Begins to serve.

        Raises:
            FailedPrecondition: more pipes than the worker may open files.
            OSError: no watches are to be had.
        """
        if not self._pipes:
            return
        _make_room(len(self._pipes) + _SPARE)
        self._notify = Inotify()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        watched: dict[str, int] = {}
        for each in self._pipes:
            folder, _, name = each.path.rpartition("/")
            if folder not in watched:
                watched[folder] = self._watch(folder)
            self._by_place[watched[folder], name] = each
            self._arm(each)
        self._thread.start()

    def stop(self) -> int:
        """Ends all pipes, and waits for that.

        Returns:
            The bytes that were fetched.

        Raises:
            Corrupt, StorageFailed: a file could not be, or not wholly; the message names it.
        """
        self._stopping = True
        if self._thread.is_alive():
            os.eventfd_write(self._wake, 1)
            self._thread.join()
        for each in self._pipes:
            self._disarm(each)
        self._pipes = []
        if self._notify is not None:
            self._notify.close()
            self._notify = None
        if self._wake >= 0:
            os.close(self._wake)
            self._wake = -1
        self.check()
        return self._bytes

    def check(self) -> None:
        """Raises what `stop` would raise now."""
        if self._failure is not None:
            raise self._failure

    def _watch(self, folder: str) -> int:
        assert self._notify is not None, "started"
        opened = open_inside(self._top, folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return self._notify.add(opened)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise FailedPrecondition(
                "a datum has lazy files in more folders than this machine lets be watched: raise "
                "fs.inotify.max_user_watches, or choose a glob that matches less"
            ) from None
        finally:
            os.close(opened)

    def _arm(self, pipe: _Pipe) -> None:
        """Opens a pipe so that it can be opened by others; unless user code has put something else there."""
        opened = open_inside(self._top, pipe.path, os.O_RDWR | os.O_NONBLOCK)
        if not stat.S_ISFIFO(os.fstat(opened).st_mode):
            os.close(opened)
            return
        pipe.readers -= 1  # this one is told of, too
        pipe.descriptor = opened

    def _disarm(self, pipe: _Pipe) -> None:
        if pipe.descriptor >= 0:
            if self._feeding.pop(pipe.descriptor, None) is not None:
                self._poll.unregister(pipe.descriptor)
            os.close(pipe.descriptor)
        pipe.descriptor, pipe.parts = -1, None

    def _run(self) -> None:
        assert self._notify is not None, "started"
        self._poll.register(self._notify.descriptor, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        while not self._stopping:
            ready = {each for each, _ in self._poll.poll()}
            if self._notify.descriptor in ready:
                for number, mask, name in self._notify.read():
                    self._note(number, mask, name)
            for each in ready & set(self._feeding):
                self._feed(self._feeding[each])

    def _note(self, number: int, mask: int, name: str) -> None:
        if mask & OVERFLOW:
            self._failure = self._failure or StorageFailed("lazy files were opened faster than the kernel could tell")
        pipe = self._by_place.get((number, name))
        if pipe is None:
            return
        pipe.readers += bool(mask & OPENED) - bool(mask & CLOSED_UNWRITTEN)
        if pipe.readers > 0 and pipe.parts is None and pipe.descriptor >= 0:
            self._begin(pipe)
        elif pipe.readers <= 0 and mask & CLOSED_UNWRITTEN:
            self._disarm(pipe)  # what nobody has read is dropped with it
            with contextlib.suppress(OSError):
                self._arm(pipe)

    def _begin(self, pipe: _Pipe) -> None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.descriptor, fcntl.F_SETPIPE_SZ, _BUFFER)
        pipe.parts, pipe.rest = self._reader.read(pipe.file), memoryview(b"")
        self._feeding[pipe.descriptor] = pipe
        self._poll.register(pipe.descriptor, select.POLLOUT)

    def _feed(self, pipe: _Pipe) -> None:
        """Writes what there is room for; closes the pipe after its last byte."""
        assert pipe.parts is not None, "begun"
        try:
            if not pipe.rest:
                pipe.rest = memoryview(next(pipe.parts, b""))
            if not pipe.rest:
                self._disarm(pipe)
                return
            written = os.write(pipe.descriptor, pipe.rest)
        except BlockingIOError:
            return
        except Corrupt as error:
            self._give_up(pipe, Corrupt(f"{pipe.where} cannot be read: {error}"))
        except TrunklineError as error:
            self._give_up(pipe, error)
        else:
            pipe.rest = pipe.rest[written:]
            self._bytes += written

    def _give_up(self, pipe: _Pipe, error: TrunklineError) -> None:
        self._failure = self._failure or error
        self._disarm(pipe)


def _make_room(wanted: int) -> None:
    """Allows this process as many open files as it needs, if that may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise FailedPrecondition(
            f"a datum has {wanted - _SPARE} lazy files, and this machine lets a process have {hard} files open: raise "
            "the limit (ulimit -n), or choose a glob that matches less"
        )
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
