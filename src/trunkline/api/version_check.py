"""What a client is told if its version and the server's do not go together.

Invariant: a warning is one line that begins with `WARNING: ` and says what to do.
"""

from __future__ import annotations

from trunkline.wire.version_pb2 import Version


def warnings(client: Version | None, server: Version) -> list[str]:
    """The warnings for a client of this version; None if it did not say."""
    if client is None:
        return ["WARNING: the client did not send its version, so it is likely too old: use a newer client"]
    if _is_development(client) or _is_development(server):
        return []
    mine, theirs = _text(server), _text(client)
    if (_is_early(client) or _is_early(server)) and mine != theirs:
        return [
            f"WARNING: client {theirs} and server {mine}: a pre-release goes only with exactly its own version: "
            "use the same version on both sides"
        ]
    if (client.major, client.minor) < (server.major, server.minor):
        return [f"WARNING: client {theirs} is much older than server {mine}: use a client that matches the server"]
    if (client.major, client.minor) > (server.major, server.minor):
        return [f"WARNING: client {theirs} is much newer than server {mine}: use a client that matches the server"]
    return []


def _is_development(version: Version) -> bool:
    return (version.major, version.minor, version.micro) == (0, 0, 0)


def _is_early(version: Version) -> bool:
    """Whether it is a pre-release; what follows a plus is only a build."""
    return version.additional.startswith("-")


def _text(version: Version) -> str:
    return f"{version.major}.{version.minor}.{version.micro}{version.additional.partition('+')[0]}"
