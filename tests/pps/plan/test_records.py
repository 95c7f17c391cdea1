"""Ids and hashes by hand, and what a datum map holds."""

from __future__ import annotations

import hashlib

import pytest

from trunkline.kernel.errors import Corrupt
from trunkline.pps.plan import records
from trunkline.pps.plan.operators.base import Element
from trunkline.pps.plan.records import Encoder, InputRecord
from trunkline.pps.spec import PfsInput

LEAVES = [
    PfsInput(project="other", name="one", repo="images", branch="master"),
    PfsInput(name="two", repo="é", branch="b"),
]
DATUM = (Element(0, "/a/", b"h" * 32, 5), Element(1, "/ü.txt", b"g" * 32, 7))

GOLDEN = "9c94bc45aa9b2dfbdafe1e062ee225c9b88c9f36ef10ba09c38b57110481d92a"


def test_the_id_and_the_hash_are_those_of_the_specification() -> None:
    """Spec 02, section 4.4; the project is no part of the id, the length is in bytes."""
    encoder = Encoder(LEAVES, "salt")
    text = b""
    for field in ("one", "images", "master", "/a/", "two", "é", "b", "/ü.txt"):
        text += field.encode() + len(field.encode()).to_bytes(8, "big")
    key = hashlib.blake2b(text, digest_size=32).digest()
    assert encoder.id(DATUM) == key
    assert key.hex() == GOLDEN, "ids never change, or every datum would be a new one"
    entry = encoder.entry(key, DATUM)
    hashed = key.hex().encode() + b"h" * 32 + b"g" * 32 + b"salt"
    assert entry[:3] == (key, hashlib.blake2b(hashed, digest_size=32).digest(), 12)


def test_a_record_can_be_read_without_the_spec() -> None:
    encoder = Encoder(LEAVES, "salt")
    key = encoder.id(DATUM)
    record = records.decode(encoder.entry(key, DATUM))
    assert record.id == key.hex()
    assert record.size == 12
    assert record.inputs == (
        InputRecord("one", "/a/", b"h" * 32, 5, 0),
        InputRecord("two", "/ü.txt", b"g" * 32, 7, 1),
    )
    assert [one.is_dir for one in record.inputs] == [True, False]


def test_keys_of_joins_and_groups_have_their_place() -> None:
    encoder = Encoder(LEAVES, "")
    element = Element(0, "/a", b"h" * 32, 5, ("join", "group"))
    record = records.decode(encoder.entry(encoder.id((element,)), (element,)))
    assert (record.inputs[0].join_on, record.inputs[0].group_by) == ("join", "group")


def test_ids_differ_where_plain_concatenation_would_not() -> None:
    leaves = [PfsInput(name="a", repo="bc", branch="m"), PfsInput(name="ab", repo="c", branch="m")]
    encoder = Encoder(leaves, "")
    assert encoder.id((Element(0, "/x", b"", 0),)) != encoder.id((Element(1, "/x", b"", 0),))


def test_a_damaged_record_is_named() -> None:
    with pytest.raises(Corrupt, match="datum 00"):
        records.decode((b"\0", b"h", 1, b"\xc1"))
