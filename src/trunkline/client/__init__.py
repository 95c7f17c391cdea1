"""The thick client: cuts, hashes and deduplicates on this side, and sends only what the store lacks.

`connect` an address, then `trunkline.client.putting.put` and `trunkline.client.getting.read`. Where pachd runs on
the same machine for the same user, bytes go straight between files and the store's folder.
"""

from __future__ import annotations

from trunkline.client.connection import Connection, connect

__all__ = ["Connection", "connect"]
