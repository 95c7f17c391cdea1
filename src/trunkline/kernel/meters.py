"""Numbers about what this process does, counted where it happens: plain values in memory, for whoever shows them.

A meter is made once, at the head of the module that counts, and has a few values of its labels: names of RPCs and
states, never of repos, jobs or users. Invariants: counters only grow; counting raises nothing, waits for nothing but a
lock that is held for a moment, and is thread-safe. What of it leaves the process is `pachd`'s.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

Labels = tuple[str, ...]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of a histogram of times."""


class Distribution(NamedTuple):
    """What a histogram has seen: for each bound, and at the end for none, how many were not above it; and the sum."""

    cumulative: Sequence[int]
    sum: float


class Counter:
    """A sum for each combination of labels.

    Args:
        name: in the form of Prometheus, without `_total`.
        help: what is counted, in a few words.
        labels: names; values are given with each count.
    """

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self.name, self.help, self.labels = name, help, labels
        self._lock = threading.Lock()
        self._values: dict[Labels, float] = {} if labels else {(): 0.0}

    def add(self, amount: float = 1, *labels: str) -> None:
        """Counts."""
        with self._lock:
            self._values[labels] = self._values.get(labels, 0.0) + amount

    def values(self) -> list[tuple[Labels, float]]:
        """The sums so far, in the order of their labels."""
        with self._lock:
            return sorted(self._values.items())


class Histogram:
    """How values of one kind are distributed, for each combination of labels; arguments as for `Counter`."""

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self.name, self.help, self.labels = name, help, labels
        self._lock = threading.Lock()
        self._buckets: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """Notes one value."""
        place = bisect_left(SECONDS, seconds)
        with self._lock:
            buckets = self._buckets.get(labels)
            if buckets is None:
                buckets = self._buckets[labels] = [0] * (len(SECONDS) + 1)
            buckets[place] += 1
            self._sums[labels] = self._sums.get(labels, 0.0) + seconds

    def values(self) -> list[tuple[Labels, Distribution]]:
        """What was seen so far, in the order of its labels."""
        with self._lock:
            found = [(key, list(buckets), self._sums[key]) for key, buckets in self._buckets.items()]
        return sorted((key, Distribution(list(accumulate(buckets)), total)) for key, buckets, total in found)


METERS: list[Counter | Histogram] = []
"""All meters of the process, in the order in which they were made."""


def counter(name: str, help: str, *labels: str) -> Counter:
    """A counter that is shown."""
    made = Counter(f"trunkline_{name}", help, *labels)
    METERS.append(made)
    return made


def histogram(name: str, help: str, *labels: str) -> Histogram:
    """A histogram that is shown."""
    made = Histogram(f"trunkline_{name}", help, *labels)
    METERS.append(made)
    return made
