"""Sizes and times as people read them; the words of the tables of the tutorial."""

from __future__ import annotations

import pytest

from trunkline.kernel import units
from trunkline.kernel.errors import InvalidRequest


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0B"),
        (1, "1B"),
        (207, "207B"),
        (1023, "1023B"),
        (1024, "1KiB"),
        (1536, "1.5KiB"),
        (4696, "4.586KiB"),
        (42271, "41.28KiB"),
        (28447, "27.78KiB"),
        (1024**2, "1MiB"),
        (5 * 1024**3 + 1, "5GiB"),
        (1024**8, "1YiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "Less than a second"),
        (0.99, "Less than a second"),
        (1, "1 second"),
        (1.9, "1 second"),
        (59.9, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (5399, "About an hour"),
        (5400, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (13 * 86400, "13 days"),
        (14 * 86400, "2 weeks"),
        (59 * 86400, "8 weeks"),
        (60 * 86400, "2 months"),
        (729 * 86400, "24 months"),
        (730 * 86400, "2 years"),
    ],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert units.duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[("0", 0), ("100", 100), ("10MB", 10_000_000), ("1k", 1000), ("1.5 GB", 1_500_000_000), ("2KiB", 2000)],
        *[("3 p", 3 * 10**15), ("0.5b", 0), ("1.0000001m", 1_000_000)],
    ],
)
def test_sizes_are_read_in_powers_of_a_thousand(text: str, expected: int) -> None:
    assert units.decimal_size(text) == expected


@pytest.mark.parametrize("text", ["", "MB", "-1", "1,5", "1 xB", "1  k", "1e3", "1.", "١", "9" * 40, "inf"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InvalidRequest, match="invalid size"):
        units.decimal_size(text)


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("0", 0),
        ("64M", 64_000_000),
        ("1Gi", 2**30),
        ("1.5Ki", 1536),
        ("1e3", 1000),
        ("+7k", 7000),
        ("100m", 1),
        (".5", 1),
        ("9" * 30, 2**62),
    ],
)
def test_quantities_of_clusters(text: str, bytes_: int) -> None:
    assert units.quantity(text) == bytes_


@pytest.mark.parametrize("text", ["", ".", "-1", "1KB", "1 G", "Gi", "x", "1e", "1e1000", "١"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(InvalidRequest, match="invalid quantity"):
        units.quantity(text)
