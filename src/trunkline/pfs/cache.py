"""What clients remember at the server: messages by key, the least recently used of them forgotten.

Invariants: there are at most `MOST` entries; the file sets that an entry names live at least as long as it. What
was read is written down only with the next `put`, which alone needs to know; so reading costs no write.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from trunkline.catalog import Catalog, Tx
from trunkline.kernel.clock import Clock
from trunkline.kernel.errors import Refused
from trunkline.pfs import leases

MOST = 10_000
"""Entries that are remembered."""


class Cache:
    """The entries. Thread-safe.

    Args:
        most: entries that are remembered.
    """

    def __init__(self, catalog: Catalog, clock: Clock, most: int = MOST) -> None:
        self._catalog, self._clock, self._most = catalog, clock, most
        self._lock = threading.Lock()
        self._read: dict[str, None] = {}  # keys read since the last put, the latest last

    def put(self, key: str, content: bytes, file_sets: Sequence[str] = (), tag: str = "") -> None:
        """Remembers some bytes under a key, in place of what was there.

        Args:
            file_sets: ids of file sets that the bytes speak of, and that are kept with them.
            tag: for `clear`.

        Raises:
            NotFound: a file set is gone.
        """
        with self._lock:
            read, self._read = list(self._read), {}

        def write(tx: Tx) -> None:
            now = self._clock.now()
            for name in file_sets:
                leases.need(tx, name, now)
            newest = _newest(tx)
            for number, name in enumerate(read, start=newest + 1):
                tx.run("UPDATE cache_entries SET used = ? WHERE name = ?", (number, name))
            _forget(tx, key)
            tx.run(
                "INSERT INTO cache_entries (name, content, tag, used) VALUES (?, ?, ?, ?)",
                (key, content, tag, newest + len(read) + 1),
            )
            for name in dict.fromkeys(file_sets):
                tx.run("INSERT INTO cache_file_sets (entry, file_set) VALUES (?, ?)", (key, name))
            self._evict(tx)

        self._catalog.write(write)

    def get(self, key: str) -> bytes:
        """The bytes under a key.

        Raises:
            Refused: there are none.
        """
        with self._catalog.read() as tx:
            row = tx.row("SELECT content FROM cache_entries WHERE name = ?", (key,))
        if row is None:
            raise Refused(f"cache entry {key[:60]!r} not found (sql: no rows in result set): put it first")
        with self._lock:
            self._read.pop(key, None)
            self._read[key] = None
            if len(self._read) > self._most:
                del self._read[next(iter(self._read))]
        return bytes(row["content"])

    def clear(self, tag_prefix: str) -> None:
        """Forgets the entries whose tag begins so; all of them for the empty prefix."""
        chosen = "(SELECT name FROM cache_entries WHERE substr(tag, 1, CAST(? AS INTEGER)) = ?)"

        def write(tx: Tx) -> None:
            tx.run(f"DELETE FROM cache_file_sets WHERE entry IN {chosen}", (len(tag_prefix), tag_prefix))
            tx.run(f"DELETE FROM cache_entries WHERE name IN {chosen}", (len(tag_prefix), tag_prefix))

        self._catalog.write(write)

    def _evict(self, tx: Tx) -> None:
        row = tx.row("SELECT count(*) AS count FROM cache_entries")
        over = 0 if row is None else int(row["count"]) - self._most
        if over <= 0:
            return
        for row in list(tx.rows("SELECT name FROM cache_entries ORDER BY used LIMIT ?", (over,))):
            _forget(tx, row["name"])


def _newest(tx: Tx) -> int:
    row = tx.row("SELECT max(used) AS used FROM cache_entries")
    return 0 if row is None or row["used"] is None else int(row["used"])


def _forget(tx: Tx, key: str) -> None:
    tx.run("DELETE FROM cache_file_sets WHERE entry = ?", (key,))
    tx.run("DELETE FROM cache_entries WHERE name = ?", (key,))
