"""A bounded memory of byte strings: the least recently used go first.

Invariant: the lengths of what is held never add up to more than the capacity.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class ByteLru(Generic[Name]):
    """Byte strings by name. Thread-safe."""

    def __init__(self, capacity: int) -> None:
        """Args:
        capacity: bytes at the most; zero or less keeps nothing.
        """
        self._capacity = capacity
        self._held: OrderedDict[Name, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes held now."""
        return self._size

    def get(self, name: Name) -> bytes | None:
        """What is held under the name, which becomes the most recently used."""
        with self._lock:
            data = self._held.get(name)
            if data is not None:
                self._held.move_to_end(name)
            return data

    def put(self, name: Name, data: bytes) -> None:
        """Holds the bytes, and lets go of others for them; what exceeds the capacity alone is not held."""
        if len(data) > self._capacity:
            return
        with self._lock:
            self._drop(name)
            self._held[name] = data
            self._size += len(data)
            while self._size > self._capacity:
                self._drop(next(iter(self._held)))

    def _drop(self, name: Name) -> None:
        old = self._held.pop(name, None)
        if old is not None:
            self._size -= len(old)
