"""The client configuration file of the original: found, read, its oldest form understood; never written here.

A file that is missing or empty is the same as one with a single context `default` without an address. Only
commands whose purpose is to change the file write it, by way of `configfile`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trunkline.kernel.errors import InvalidRequest, NotFound

IN_CONTAINER = Path("/pachctl/config.json")


class Context(NamedTuple):
    """One named server in the configuration.

    Attributes:
        name: of the context.
        pachd_address: as written; empty for none.
        server_cas: PEM certificates; empty for the system's.
        session_token: sent with each call; empty for none.
        file: where it was read.
        project: names are looked for in it; empty for `default`.
        transaction: id of the one that changes are added to; empty for none.
    """

    name: str
    pachd_address: str = ""
    server_cas: bytes = b""
    session_token: str = ""
    file: Path = Path()
    project: str = ""
    transaction: str = ""


def config_path(environ: Mapping[str, str], in_container: Path = IN_CONTAINER) -> Path:
    """`PACH_CONFIG`, or the file of a container, or `~/.pachyderm/config.json`."""
    given = environ.get("PACH_CONFIG")
    if given:
        return Path(given).expanduser()
    if in_container.is_file():
        return in_container
    return Path(environ.get("HOME") or Path.home()) / ".pachyderm" / "config.json"


def active_context(environ: Mapping[str, str], path: Path) -> Context:
    """The context that `PACH_CONTEXT` names, or else the file's active one.

    Raises:
        InvalidRequest: the file cannot be read, or is not what it should be.
        NotFound: there is no context of that name.
    """
    config = upgraded(read(path))
    contexts = _mapping(config.get("contexts"), path, "v2.contexts")
    wanted = environ.get("PACH_CONTEXT") or config.get("active_context") or ""
    if not wanted:
        return Context("default", file=path)
    if wanted not in contexts:
        if wanted == "default" and not environ.get("PACH_CONTEXT"):
            return Context("default", file=path)
        raise NotFound(f"context does not exist: {wanted}")
    fields = _mapping(contexts[wanted], path, f"context {wanted}")
    return Context(
        name=wanted,
        pachd_address=str(fields.get("pachd_address") or ""),
        server_cas=_certificates(fields.get("server_cas"), wanted, path),
        session_token=str(fields.get("session_token") or ""),
        file=path,
        project=str(fields.get("project") or ""),
        transaction=str(fields.get("active_transaction") or ""),
    )


def read(path: Path) -> dict[str, Any]:
    """The whole file as JSON; nothing if there is none, or if it is empty.

    Raises:
        InvalidRequest: it cannot be read, or is not a JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f'could not read config at "{path}": {error}') from None
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        raise InvalidRequest(f'could not parse config json at "{path}"') from None
    return _mapping(value, path, "the file")


def upgraded(config: dict[str, Any]) -> dict[str, Any]:
    """The second form; what the first one said becomes the context `default`."""
    if isinstance(config.get("v2"), dict):
        return dict(config["v2"])
    old = config.get("v1")
    if not isinstance(old, dict):
        return {}
    return {"active_context": "default", "contexts": {"default": dict(old)}}


def _mapping(value: object, path: Path, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f'could not parse config json at "{path}": {what} is not an object')
    return value


def _certificates(value: object, name: str, path: Path) -> bytes:
    if not value:
        return b""
    import base64
    import binascii

    try:
        return base64.b64decode(str(value), validate=True)
    except binascii.Error:
        raise InvalidRequest(
            f'could not parse config json at "{path}": server_cas of context {name} is not base64'
        ) from None
