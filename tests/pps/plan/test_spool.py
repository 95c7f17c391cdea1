"""Sorting with little memory."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.kernel.errors import StorageFailed, StorageFull
from trunkline.pps.plan import spool
from trunkline.pps.plan.spool import Spool

KEYS = st.binary(max_size=3)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(KEYS, st.none() | st.tuples(KEYS, st.integers(0, 9)))), st.integers(1, 20))
def test_sorted_by_key_and_by_arrival(records: list[Any], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch, Spool(limit) as sorter:
        patch.setattr(spool, "BLOCK", 3)
        for number, (key, value) in enumerate(records):
            sorter.add((key, value, number))
        expected = sorted(((key, value, number) for number, (key, value) in enumerate(records)), key=lambda r: r[0])
        for _ in range(2):
            found = [(key, value if value is None else tuple(value), number) for key, value, number in sorter.sorted()]
            assert found == expected
        assert sorter.count == len(records)


def test_a_full_disk_and_a_broken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, error in ((errno.ENOSPC, StorageFull), (errno.EIO, StorageFailed)):

        def refuse(*_: object, number: int = number, **__: object) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr(spool.tempfile, "TemporaryFile", refuse)
        with Spool(1) as sorter, pytest.raises(error):
            sorter.add((b"a",))


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    with Spool(1, tmp_path) as sorter:
        sorter.add((b"a",))
        sorter.add((b"b",))
        assert list(tmp_path.iterdir()) == []
        assert [record[0] for record in sorter.sorted()] == [b"a", b"b"]
