"""What every operator of an input expression offers to the one above it.

A relation is seen on two sides: OLD, over the input commits of the base job, and NEW, over those of the job that is
planned. Invariants of an implementation: `all` gives each datum of a side once; `changed` gives those datums of a
side that the other side lacks or has otherwise, each once, at the cost of the change times a logarithm; `find`
agrees with `all`. An operator asks those below it for nothing else, so a new kind of input is one new module.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple, Protocol, TypeAlias


class Side(Enum):
    """Before the change, or after it."""

    OLD = 0
    NEW = 1

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.NEW if self is Side.OLD else Side.OLD


class Element(NamedTuple):
    """A matched path as part of a datum.

    Attributes:
        leaf: the index of the pfs input that matched it.
        path: a file's, or a directory's with its trailing `/`.
        hash: content hash of a file, digest of the key range of a directory.
        size: bytes.
        keys: its expanded join_on and group_by; empty for inputs that have none.
    """

    leaf: int
    path: str
    hash: bytes
    size: int
    keys: tuple[str, ...] = ()


Elements: TypeAlias = tuple[Element, ...]
"""A datum on its way through the operators."""

Key: TypeAlias = tuple[tuple[int, str], ...]
"""What makes two datums the same one: for each element its label and its path. Two pfs inputs have one label if
they agree in name, repo and branch, which is what goes into a datum's id besides the path."""


class Operator(Protocol):
    """A relation of datums on two sides."""

    @property
    def labels(self) -> frozenset[int]:
        """The labels that may occur in the keys of its datums."""
        ...

    def all(self, side: Side) -> Iterator[Elements]:
        """Every datum of a side."""
        ...

    def changed(self, side: Side) -> Iterator[Elements]:
        """The datums of a side that the other side does not have in exactly this form."""
        ...

    def find(self, key: Key, at: int, side: Side) -> Iterator[tuple[int, Elements]]:
        """The datums of a side whose key begins at position `at` of the given key; each with the position after."""
        ...
