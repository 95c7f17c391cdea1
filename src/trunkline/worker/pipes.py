"""Lazy inputs: each file is a named pipe, whose content is fetched when user code opens it, and not before.

The worker holds both ends of each pipe, so that opening it never waits; the kernel tells of each opening. Then a fresh
pipe takes the place of the one that was opened, which from there on has no readers but those that had it, and is
written to by the one thread that serves them all. Invariants: whoever opens a file reads all of it from its beginning,
or the datum fails (what cannot be fetched, and two that came to one pipe in the same instant); and whoever reads
slowly, or not at all, holds up nobody else.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import select
import threading
from collections.abc import Iterator

from trunkline.content.entry import FileEntry
from trunkline.content.reader import ContentReader
from trunkline.kernel.errors import Corrupt, FailedPrecondition, StorageFailed, TrunklineError
from trunkline.worker.inotify import OPENED, OVERFLOW, Inotify
from trunkline.worker.inside import open_inside
from trunkline.worker.tree import Tree

_BUFFER = 1 << 20
_SPARE = 256
"""Descriptors that the worker needs for everything else."""


class _Ends:
    """Both ends of a pipe that nobody has opened yet, as far as is known, and the number that its events have."""

    def __init__(self, reading: int, writing: int, number: int) -> None:
        self.reading, self.writing, self.number = reading, writing, number
        found = os.fstat(reading)
        self.identity = (found.st_dev, found.st_ino)

    def close(self) -> None:
        os.close(self.reading)
        os.close(self.writing)


class _Lazy:
    """One file, and the pipe that stands for it now; none if user code has put something else in its place."""

    def __init__(self, path: str, file: FileEntry, where: str, ends: _Ends) -> None:
        self.folder, _, self.name = path.rpartition("/")
        self.file, self.where = file, where
        self.ends: _Ends | None = ends


class _Feed:
    """A pipe that somebody reads, and what is still to be written to it."""

    def __init__(self, lazy: _Lazy, parts: Iterator[bytes]) -> None:
        self.lazy, self.parts = lazy, parts
        self.rest = memoryview(b"")


class Pipes:
    """The lazy files of one datum. `add`, then `start`; `stop` in the end, which is always to be called."""

    def __init__(self, reader: ContentReader, tree: Tree) -> None:
        """Args:
        reader: of the content.
        tree: where they are made.
        """
        self._reader, self._tree = reader, tree
        self._lazy: list[_Lazy] = []
        self._by_number: dict[int, _Lazy] = {}
        """Every pipe that is or was there."""
        self._watched: set[str] = set()
        self._feeds: dict[int, _Feed] = {}
        self._poll = select.poll()
        self._notify: Inotify | None = None
        self._wake = -1
        self._stopping = False
        self._failure: TrunklineError | None = None
        self._bytes = 0
        self._thread = threading.Thread(target=self._run, name="pipes", daemon=True)

    def add(self, path: str, file: FileEntry, where: str) -> None:
        """Makes the pipe of a file.

        Args:
            path: relative to the staging folder.
            where: the file in words.

        Raises:
            FailedPrecondition: more pipes than the worker may open, or the machine lets be watched.
            OSError: as for a file at that place; no watches are to be had.
        """
        _make_room(2 * len(self._lazy) + _SPARE)
        if self._notify is None:
            self._notify = Inotify()
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        lazy = _Lazy(path, file, where, _Ends(*self._tree.pipe(path, self._watch)))
        self._lazy.append(lazy)
        assert lazy.ends is not None, "just made"
        self._by_number[lazy.ends.number] = lazy
        if lazy.folder not in self._watched:
            self._watched.add(lazy.folder)
            opened = open_inside(self._tree.opened(), lazy.folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._watch(opened)
            finally:
                os.close(opened)

    def start(self) -> None:
        """Begins to serve."""
        if self._lazy:
            self._thread.start()

    def stop(self) -> int:
        """Ends all pipes, and waits for that.

        Returns:
            The bytes that were fetched.

        Raises:
            Corrupt, StorageFailed: a file could not be read, or not wholly; the message names it.
        """
        self._stopping = True
        if self._thread.is_alive():
            os.eventfd_write(self._wake, 1)
            self._thread.join()
        for descriptor in list(self._feeds):
            self._end(descriptor)
        for each in self._lazy:
            if each.ends is not None:
                each.ends.close()
        self._lazy = []
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

    def _watch(self, opened: int) -> int:
        assert self._notify is not None, "the first thing that is made"
        try:
            return self._notify.add(opened)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise FailedPrecondition(
                "a datum has more lazy files than this machine lets be watched: raise fs.inotify.max_user_watches, or "
                "choose a glob that matches less"
            ) from None

    def _run(self) -> None:
        assert self._notify is not None, "started"
        notify = self._notify
        self._poll.register(notify.descriptor, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        while not self._stopping:
            ready = {each for each, _ in self._poll.poll()}
            if notify.descriptor in ready:
                self._hear(notify)
            for each in ready & set(self._feeds):
                self._write(each)

    def _hear(self, notify: Inotify) -> None:
        """Takes what the kernel tells now."""
        for number, mask in notify.read():
            if mask & OVERFLOW:
                self._fail(StorageFailed("lazy files were opened faster than the kernel could tell: try again"))
            lazy = self._by_number.get(number)
            if lazy is None or not mask & OPENED:
                continue
            if lazy.ends is not None and lazy.ends.number == number:
                self._opened(lazy, lazy.ends)
            else:
                self._fail(
                    StorageFailed(
                        f"{lazy.where} is lazy and was opened by two at the same moment, which would get a part each: "
                        "open it once, or take lazy away"
                    )
                )

    def _opened(self, lazy: _Lazy, old: _Ends) -> None:
        """A file was opened: a fresh pipe takes the place, and the old one is written to if it has a reader."""
        lazy.ends = self._replaced(lazy, old)
        if lazy.ends is not None:
            self._by_number[lazy.ends.number] = lazy
        os.close(old.reading)
        if not _has_reader(old.writing):
            os.close(old.writing)
            return
        with contextlib.suppress(OSError):
            fcntl.fcntl(old.writing, fcntl.F_SETPIPE_SZ, _BUFFER)
        self._feeds[old.writing] = _Feed(lazy, self._reader.read(lazy.file))
        self._poll.register(old.writing, select.POLLOUT)

    def _replaced(self, lazy: _Lazy, old: _Ends) -> _Ends | None:
        """A fresh pipe in the place of one; none if something else is there by now, which is user code's."""
        try:
            folder = open_inside(self._tree.opened(), lazy.folder, os.O_PATH | os.O_DIRECTORY)
        except OSError:
            return None
        try:
            found = os.stat(lazy.name, dir_fd=folder, follow_symlinks=False)
            if (found.st_dev, found.st_ino) != old.identity:
                return None
            return _Ends(*self._tree.pipe_in(folder, lazy.name, self._watch))
        except (OSError, FailedPrecondition):
            return None
        finally:
            os.close(folder)

    def _write(self, descriptor: int) -> None:
        """Writes what there is room for; ends with the last byte, or with the reader."""
        feed = self._feeds[descriptor]
        try:
            if not feed.rest:
                feed.rest = memoryview(next(feed.parts, b""))
            if not feed.rest:
                self._end(descriptor)
                return
            written = os.write(descriptor, feed.rest)
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._end(descriptor)
        except Corrupt as error:
            self._fail(Corrupt(f"{feed.lazy.where} cannot be read: {error}"))
            self._end(descriptor)
        except TrunklineError as error:
            self._fail(error)
            self._end(descriptor)
        else:
            feed.rest = feed.rest[written:]
            self._bytes += written

    def _end(self, descriptor: int) -> None:
        del self._feeds[descriptor]
        self._poll.unregister(descriptor)
        os.close(descriptor)

    def _fail(self, error: TrunklineError) -> None:
        self._failure = self._failure or error


def _has_reader(writing: int) -> bool:
    poll = select.poll()
    poll.register(writing, 0)
    return not any(what & select.POLLERR for _, what in poll.poll(0))


def _make_room(wanted: int) -> None:
    """Allows this process as many open files as it needs, if that may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise FailedPrecondition(
            f"a datum has more than {(hard - _SPARE) // 2} lazy files, and this machine lets a process have {hard} "
            "files open: raise the limit (ulimit -n), or choose a glob that matches less"
        )
    if soft != resource.RLIM_INFINITY and wanted > soft:
        most = wanted * 2 if hard == resource.RLIM_INFINITY else min(wanted * 2, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
