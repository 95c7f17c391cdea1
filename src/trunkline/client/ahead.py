"""Small files one after the other; by several threads, a few ahead of whoever wants them, where the disk is slow.

Where files are in memory, threads cost more than they are worth, since they take turns at the interpreter; so there
are none until a group of files took long to read.
Invariants: contents come in the order in which they were asked for; no more than `GROUP_BYTES` for each thread wait.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from trunkline.client.localfiles import read_small

GROUP_FILES = 32
GROUP_BYTES = 4 << 20

MOST_THREADS = 32

SLOW = 0.0005
"""Seconds for a file; what is in memory takes a tenth of that."""

Wanted = tuple[str, int]
"""A path, and the size that the file had."""


class Ahead:
    """The threads of one put, of which there may be none yet. A context manager."""

    def __init__(self, threads: int) -> None:
        """Args:
        threads: how many; less than one is one.
        """
        self._count = max(1, min(threads, MOST_THREADS))
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def contents(self, wanted: Iterable[Wanted]) -> Iterator[bytes | None]:
        """What is in each of some files; None for one that is longer than it was.

        Raises:
            InvalidRequest: one cannot be read.
        """
        waiting: deque[Future[list[bytes | None]]] = deque()
        for group in _groups(wanted):
            if self._threads is None:
                yield from self._here(group)
                continue
            waiting.append(self._threads.submit(_read, group))
            if len(waiting) > self._count:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()

    def _here(self, group: list[Wanted]) -> list[bytes | None]:
        begin = time.monotonic()
        found = _read(group)
        if self._count > 1 and time.monotonic() - begin > SLOW * len(group):
            self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="read")
        return found


def _read(group: list[Wanted]) -> list[bytes | None]:
    return [read_small(path, size) for path, size in group]


def _groups(wanted: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    group: list[Wanted] = []
    weight = 0
    for one in wanted:
        group.append(one)
        weight += one[1]
        if len(group) >= GROUP_FILES or weight >= GROUP_BYTES:
            yield group
            group, weight = [], 0
    if group:
        yield group
