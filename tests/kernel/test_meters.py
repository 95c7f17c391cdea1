"""Counters and histograms: what is counted is there, once, whoever counts."""

from __future__ import annotations

import threading

import pytest

from trunkline.kernel.meters import SECONDS, Counter, Histogram


def test_a_counter_has_a_sum_for_each_combination() -> None:
    counter = Counter("c", "", "a", "b")
    assert counter.values() == []
    counter.add(1, "x", "y")
    counter.add(2.5, "x", "y")
    counter.add(1, "x", "a")
    assert counter.values() == [(("x", "a"), 1), (("x", "y"), 3.5)]
    assert Counter("c", "").values() == [((), 0)]


def test_a_histogram_counts_what_is_not_above_a_bound() -> None:
    histogram = Histogram("h", "", "a")
    for seconds in (0.0, 0.001, 0.0011, 9.0, 11.0):
        histogram.observe(seconds, "x")
    [(labels, found)] = histogram.values()
    assert labels == ("x",)
    assert found.cumulative == [2, 3, *[3] * (len(SECONDS) - 3), 4, 5]
    assert found.sum == pytest.approx(20.0021)


def test_threads_lose_no_count() -> None:
    counter, histogram = Counter("c", ""), Histogram("h", "")

    def count() -> None:
        for _ in range(2_000):
            counter.add()
            histogram.observe(0.1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.values() == [((), 8_000)]
    assert histogram.values()[0][1].cumulative[-1] == 8_000
