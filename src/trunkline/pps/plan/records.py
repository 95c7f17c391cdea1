"""A datum as the datum map of a job keeps it: key the id, value the hash, weight the bytes of its inputs.

The aux lists the inputs, so that a datum can be shown, staged and traced without looking at the commits again.
Invariant: id and hash are those of spec 02, section 4.4: the id says which inputs by name and path, the hash says
with which content and under which salt; same id and same hash means same work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from trunkline.kernel.errors import Corrupt, Refused
from trunkline.kernel.ids import DatumId
from trunkline.maps import Entry
from trunkline.pps.plan.operators.base import Elements
from trunkline.pps.spec import PfsInput

LONGEST_LIST = 16 << 20
"""Bytes of a datum's list of inputs; some 150,000 of them."""


class TooManyInputs(Refused):
    """A datum of a group has more inputs than a worker can be told of."""


class InputRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One input of a datum.

    Attributes:
        name: the folder below /pfs.
        path: the match: a file, or a directory with its trailing `/`, or `/`.
        hash: content hash of the file, digest of the directory's key range.
        size: bytes, of all files below for a directory.
        leaf: the index of the pfs input in the spec's input, in the order of `inputs.leaves`.
        join_on, group_by: the expanded keys, for inputs that have them.
    """

    name: str
    path: str
    hash: bytes
    size: int
    leaf: int
    join_on: str = ""
    group_by: str = ""

    @property
    def is_dir(self) -> bool:
        """Whether the input stands for everything below its path."""
        return self.path.endswith("/")


class DatumRecord(msgspec.Struct, frozen=True):
    """An entry of a datum map. `key` is the raw id, `hash` names its outcome, `size` is in bytes."""

    key: bytes
    hash: bytes
    size: int
    inputs: tuple[InputRecord, ...]

    @property
    def id(self) -> DatumId:
        """The id as clients see it."""
        return DatumId(self.key.hex())


_decoder = msgspec.msgpack.Decoder(tuple[InputRecord, ...])
_encode = msgspec.msgpack.Encoder().encode


def decode(entry: Entry) -> DatumRecord:
    """The datum of an entry that `Encoder.entry` made.

    Raises:
        Corrupt: the entry is not that of a datum.
    """
    key, value, weight, aux = entry
    try:
        return DatumRecord(key, value, weight, _decoder.decode(aux))
    except msgspec.MsgspecError as error:
        raise Corrupt(f"datum {key.hex()}: its inputs cannot be read ({error}); run pachctl fsck") from error


class Encoder:
    """Turns the datums of one plan into entries; `leaves` are the pfs inputs of the input expression, in order."""

    def __init__(self, leaves: Sequence[PfsInput], salt: str) -> None:
        self._names = [leaf.name for leaf in leaves]
        self._prefixes = [_sized(leaf.name) + _sized(leaf.repo) + _sized(leaf.branch) for leaf in leaves]
        self._begun = [hashlib.blake2b(prefix, digest_size=32) for prefix in self._prefixes]
        self._salt = salt.encode()

    def id(self, elements: Elements) -> bytes:
        """The raw id of a datum."""
        digest = self._begun[elements[0].leaf].copy()
        digest.update(_sized(elements[0].path))
        for element in elements[1:]:
            digest.update(self._prefixes[element.leaf] + _sized(element.path))
        return digest.digest()

    def entry(self, key: bytes, elements: Elements) -> Entry:
        """The map entry of a datum, whose raw id the caller has worked out.

        Raises:
            TooManyInputs: they would not go to a worker in one message.
        """
        text = b"".join((key.hex().encode(), *(element.hash for element in elements), self._salt))
        value = hashlib.blake2b(text, digest_size=32).digest()
        names = self._names
        aux = _encode([(names[one.leaf], one.path, one.hash, one.size, one.leaf, *one.keys) for one in elements])
        if len(aux) > LONGEST_LIST:
            raise TooManyInputs(
                f"a datum of {len(elements)} inputs ({elements[0].path} is one) is too large: "
                "group by something finer, or use a glob that matches directories"
            )
        return key, value, sum(element.size for element in elements), aux


def _sized(text: str) -> bytes:
    data = text.encode()
    return data + len(data).to_bytes(8, "big")
