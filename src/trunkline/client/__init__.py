"""The thick client: cuts, hashes and deduplicates on this side, and sends only what the store lacks.

`connect` an address, then `trunkline.client.putting.put` and `trunkline.client.getting.reach`. Where pachd runs on
the same machine for the same user, bytes go straight between files and the store's folder. gRPC is imported with the
first connection, not with the package: the processes that read for a put do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trunkline.client.connection import Connection, connect

__all__ = ["Connection", "connect"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trunkline.client import connection

    return getattr(connection, name)
