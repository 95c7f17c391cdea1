"""docs/format.md tells the truth: its names exist, and a reader written from its words alone reads a home."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import zstandard
from blake3 import blake3

from trunkline.content.entry import to_entry
from trunkline.maps import Maps
from trunkline.objects.local import LocalStore
from trunkline.testing.content import noise, write_files

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "docs" / "format.md", PROJECT / "design" / "0002-content.md"]

LITERALS = {"array", "bin", "str", "ab", "chunks/ab/", "nodes/ab/", "pyfastcdc", "bytes.find", "RLIMIT_FSIZE"}
"""Terms that are explained on the page itself, or belong to others."""


def sources() -> str:
    files = [*PROJECT.glob("src/trunkline/**/*.py"), *PROJECT.glob("src/trunkline/catalog/migrations/*.sql")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_exists(page):
    text = page.read_text(encoding="utf-8")
    known = sources()
    names = set(re.findall(r"`([A-Za-z_][A-Za-z_./-]{2,}[0-9a-z.]*)`", text)) - LITERALS
    assert len(names) > 5
    for name in sorted(names):
        if "/" in name:
            assert (PROJECT / name).exists() or (PROJECT / "src" / "trunkline" / name).exists(), name
            continue
        for part in name.split("."):
            assert re.search(rf"\b{re.escape(part)}\b", known), name


class SecondReader:
    """Reads maps and files by the words of the page; shares no code with the product."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def object(self, kind: str, name: bytes) -> bytes:
        stored = (self._folder / kind / name.hex()[:2] / name.hex()).read_bytes()
        plain = stored[1:] if stored[0] == 0 else zstandard.ZstdDecompressor().decompress(stored[1:])
        assert blake3(plain).digest() == name
        return plain

    def entries(self, packed_root: bytes):
        assert packed_root[0] == 1
        digest, count, weight, level, address, inline = msgspec.msgpack.decode(packed_root[1:])
        found = list(self.node(level, digest, inline or self.object("nodes", address)))
        assert (len(found), sum(entry[2] for entry in found)) == (count, weight)
        return found

    def node(self, level: int, digest: bytes, plain: bytes):
        assert plain[:4] == b"TKM\x01"
        assert plain[4] == level
        end = 9 + int.from_bytes(plain[5:9], "big")
        identity, last = plain[9:end], msgspec.msgpack.decode(plain[end:])
        assert blake3(b"trunkline map node 1\0" + bytes([level]) + identity).digest() == digest
        columns = msgspec.msgpack.decode(identity)
        for item in zip(*columns, last, strict=True):
            if level == 0:
                yield item
            else:
                below = list(self.node(level - 1, item[1], self.object("nodes", item[4])))
                assert (below[-1][0], len(below)) == (item[0], item[2])
                assert sum(entry[2] for entry in below) == item[3]
                yield from below

    def file(self, entry) -> bytes:
        _, digest, size, aux = entry
        _, slices = msgspec.msgpack.decode(aux)
        content = b"".join(self.object("chunks", c)[offset : offset + length] for c, offset, length in slices)
        assert len(content) == size
        assert blake3(content).digest() == digest
        return content


@pytest.mark.parametrize("count", [1, 3000])
def test_a_second_reader(tmp_path, count):
    store = LocalStore(tmp_path)
    contents = {b"/file %06d" % n: noise(f"{n}", n % 50) for n in range(count)}
    contents[b"/long"] = noise("long", 3 << 20)
    contents[b"/text"] = b"some words that repeat\n" * 5000
    files = write_files(store, contents.values())
    entries = [to_entry(key, file) for key, file in zip(contents, files, strict=True)]
    root = Maps(store).build(sorted(entries))
    reader = SecondReader(tmp_path)
    read = reader.entries(root.pack())
    assert [entry[0] for entry in read] == sorted(contents)
    for entry in [*read[::300], *read[-2:]]:
        assert reader.file(entry) == contents[entry[0]]
