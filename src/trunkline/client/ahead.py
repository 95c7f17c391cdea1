"""Small files read by several threads, a few ahead of whoever wants them: for disks that are slow to answer.

Where files are in memory already it costs no more than reading them one by one.
Invariants: contents come in the order in which they were asked for; no more than `GROUP_BYTES` for each thread wait.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from trunkline.kernel.errors import InvalidRequest

GROUP_FILES = 32
GROUP_BYTES = 4 << 20

MOST_THREADS = 32

_READ = os.O_RDONLY | os.O_CLOEXEC

Wanted = tuple[str, int]
"""A path, and the size that the file had."""


class Ahead:
    """The threads of one put. A context manager."""

    def __init__(self, threads: int) -> None:
        """Args:
        threads: how many; less than one is one.
        """
        self._count = max(1, min(threads, MOST_THREADS))
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="read")

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def contents(self, wanted: Iterable[Wanted]) -> Iterator[bytes | None]:
        """What is in each of some files; None for one that is longer than it was.

        Raises:
            InvalidRequest: one cannot be read.
        """
        waiting: deque[Future[list[bytes | None]]] = deque()
        for group in _groups(wanted):
            waiting.append(self._threads.submit(_read, group))
            if len(waiting) > self._count:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def read_small(path: str, size: int) -> bytes | None:
    """A file's content; None if it is longer than it was.

    Raises:
        InvalidRequest: it cannot be read.
    """
    try:
        descriptor = os.open(path, _READ)
        try:
            data = os.read(descriptor, size + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}") from None
    return data if len(data) <= size else None


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
