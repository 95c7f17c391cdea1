"""What was read wrongly once is read again: a passing fault on the way from the medium must not count as damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.content.reader import ContentReader
from trunkline.kernel.errors import Corrupt
from trunkline.maps import Maps
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.disk import DiskCachedStore
from trunkline.testing.content import noise, read_file, write_file


class Flipping(MemoryStore):
    """Answers wrongly so many times."""

    wrong = 0

    def get(self, key: str) -> bytes:
        data = super().get(key)
        if self.wrong:
            self.wrong -= 1
            return data[:-1] + bytes([data[-1] ^ 1])
        return data


@pytest.mark.parametrize("cached", [False, True])
def test_bytes(tmp_path: Path, cached: bool) -> None:
    below = Flipping()
    store = DiskCachedStore(below, tmp_path, 1 << 20) if cached else below
    file = write_file(store, noise("a", 5000))
    below.wrong = 1
    assert read_file(store, file) == noise("a", 5000)
    assert b"".join(ContentReader(store, 0).read(file)) == noise("a", 5000)
    below.wrong = 2
    with pytest.raises(Corrupt):
        read_file(below, file)


@pytest.mark.parametrize("cached", [False, True])
def test_nodes(tmp_path: Path, cached: bool) -> None:
    below = Flipping()
    store = DiskCachedStore(below, tmp_path, 1 << 20) if cached else below
    entries = [(b"%05d" % n, b"value", n, b"") for n in range(2000)]
    root = Maps(store).build(entries)
    below.wrong = 1
    assert list(Maps(store).range(root)) == entries
    assert list(Maps(store).range(root)) == entries
