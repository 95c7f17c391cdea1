"""A folder and those below it, each before what is in it; many folders side by side are looked at by several processes.

Invariants: the order is that of the names, whoever looks; no process outlives the walk; where none can be started, this
one looks.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from types import TracebackType
from typing import NamedTuple

from trunkline.client import pipes
from trunkline.client.children import processors, start
from trunkline.client.faults import by_code
from trunkline.client.pipes import Closed
from trunkline.client.scanning import Seen, Stat, look, stats_of

MANY = 64
"""Folders side by side from which on they are looked at by several processes."""

GROUP = 16
"""Folders that a process is told at once."""

AHEAD = 8
"""Groups for each process that may be under way."""

MOST_PROCESSES = 4
"""Beside this one, which looks as well."""


class Listed:
    """One folder of a source.

    Attributes:
        origin: its path.
        below: its path below the source, empty or ending with a slash.
        count: of its files.
        seen: its files, as `scanning.look` says.
    """

    def __init__(self, origin: str, below: str, seen: Seen) -> None:
        self.origin, self.below, self.count, self.seen = origin, below, seen.files, seen.stats

    @cached_property
    def stats(self) -> list[Stat]:
        """Its files."""
        return stats_of(self.seen)


class _Place(NamedTuple):
    origin: str
    below: str

    def inside(self, name: str) -> _Place:
        return _Place(f"{self.origin.rstrip('/')}/{name}", f"{self.below}{name}/")


def walk(origin: str) -> Iterator[Listed]:
    """A folder and those below it.

    Raises:
        InvalidRequest: as `scanning.look`.
    """
    with _Scouts() as scouts:
        levels = [scouts.look([_Place(origin, "")])]
        while levels:
            found = next(levels[-1], None)
            if found is None:
                levels.pop()
                continue
            place, seen = found
            yield Listed(place.origin, place.below, seen)
            if seen.folders:
                levels.append(scouts.look([place.inside(name) for name in seen.folders]))


class _Scouts:
    """The processes of a walk, of which there are none until there is much to look at."""

    def __init__(self) -> None:
        self._count = min(processors() - 1, MOST_PROCESSES)
        self._threads: ThreadPoolExecutor | None = None
        self._own = threading.local()
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> _Scouts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.communicate()

    def look(self, places: Sequence[_Place]) -> Iterator[tuple[_Place, Seen]]:
        """Looks at folders that lie side by side."""
        if len(places) < MANY or self._count < 1:
            for place in places:
                yield place, look(place.origin)
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="scout")
        ahead = AHEAD * self._count
        waiting: deque[_Group] = deque()
        for at in range(0, len(places), GROUP):
            waiting.append(_Group(places[at : at + GROUP], self._threads, self._asked))
            if len(waiting) > ahead:
                yield from self._first(waiting)
        while waiting:
            yield from self._first(waiting)

    def _first(self, waiting: deque[_Group]) -> Iterator[tuple[_Place, Seen]]:
        """What the first group holds; while it is under way, this process looks at the last ones that nobody began."""
        first = waiting.popleft()
        left = reversed(waiting)
        while not first.done() and (last := next(left, None)) is not None:
            last.take()
        yield from zip(first.places, first.result(), strict=True)

    def _asked(self, folders: list[str]) -> list[Seen]:
        """Asks the process of this thread, which has one as long as it can be had."""
        if not hasattr(self._own, "process"):
            self._own.process = start("trunkline.client.scout")
            if self._own.process is not None:
                self._processes.append(self._own.process)
        process: subprocess.Popen[bytes] | None = self._own.process
        if process is not None:
            try:
                return _answer(process, folders)
            except Closed:
                self._own.process = None  # it never ran, or was ended by somebody
        return [look(folder) for folder in folders]


def _answer(process: subprocess.Popen[bytes], folders: list[str]) -> list[Seen]:
    assert process.stdin is not None
    assert process.stdout is not None
    pipes.send(process.stdin, pipes.Look([os.fsencode(folder) for folder in folders]))
    match pipes.receive(process.stdout):
        case pipes.Looked(found):
            return [Seen(count, stats, [os.fsdecode(name) for name in names]) for count, stats, names in found]
        case pipes.Failed(code, message):
            raise by_code(code)(message)
    raise Closed


class _Group:
    """Folders that are looked at together."""

    def __init__(
        self, places: Sequence[_Place], threads: ThreadPoolExecutor, ask: Callable[[list[str]], list[Seen]]
    ) -> None:
        self.places = places
        self._asked = threads.submit(ask, [place.origin for place in places])
        self._here: list[Seen] | None = None

    def done(self) -> bool:
        """Whether it is known what they hold."""
        return self._here is not None or self._asked.done()

    def take(self) -> None:
        """Looks at them in this process, unless another one has begun."""
        if self._here is None and self._asked.cancel():
            self._here = [look(place.origin) for place in self.places]

    def result(self) -> list[Seen]:
        """What they hold."""
        return self._asked.result() if self._here is None else self._here
