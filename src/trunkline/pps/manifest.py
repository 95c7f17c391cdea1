"""Reads the manifest of a Kubernetes Secret, which is how secrets come.

Invariant: no message of an error repeats a value; at the most it names the field or the key.
"""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from trunkline.kernel.errors import InvalidRequest, Refused

MOST_BYTES = 1 << 20
"""Of all values of a secret together, as in Kubernetes."""

OPAQUE = "Opaque"
_SUITE = "pachyderm"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_LONGEST_NAME = 253


class Values(dict[str, bytes]):
    """The values of a secret by key; no text that is made of them shows one."""

    def __repr__(self) -> str:
        return f"Values({', '.join(sorted(self))})"

    __str__ = __repr__


class Manifest(msgspec.Struct, frozen=True):
    """A secret as somebody wants it."""

    name: str
    type: str
    values: Values


class _Metadata(msgspec.Struct):
    name: str | None = None
    labels: dict[str, str] | None = None


class _File(msgspec.Struct):
    kind: str | None = None
    type: str | None = None
    metadata: _Metadata | None = None
    data: dict[str, str | None] | None = None
    stringData: dict[str, str] | None = None  # noqa: N815 - as Kubernetes spells it


def read(file: bytes) -> Manifest:
    """A manifest in JSON; fields that mean nothing here are passed over.

    Raises:
        InvalidRequest: not such a manifest, a bad name, or more than Kubernetes takes.
        Refused: it is labelled as another suite's.
    """
    try:
        given = msgspec.json.decode(file, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise _wrong(text) from None
    if given.kind not in (None, "", "Secret"):
        raise _wrong(f"its kind is {given.kind!r}: give a manifest of kind Secret")
    metadata = given.metadata or _Metadata()
    suite = (metadata.labels or {}).get("suite", _SUITE)
    if suite != _SUITE:
        raise Refused(f"invalid suite label set on secret: suite={suite}")
    return Manifest(_name(metadata.name or ""), given.type or OPAQUE, _values(given))


def _values(given: _File) -> Values:
    found = Values({key: _decoded(key, text or "") for key, text in (given.data or {}).items()})
    found.update({key: text.encode() for key, text in (given.stringData or {}).items()})
    for key in found:
        if _KEY.fullmatch(key) is None or key in (".", "..") or len(key) > _LONGEST_NAME:
            raise _wrong(f"the key {key!r} invalid: letters, digits, -, _ and . only, and not . or .. alone")
    size = sum(map(len, found.values()))
    if size > MOST_BYTES:
        raise _wrong(f"its values have {size} bytes, more than {MOST_BYTES}: put large data into a repo")
    return found


def _name(name: str) -> str:
    if _NAME.fullmatch(name) is None or len(name) > _LONGEST_NAME:
        raise _wrong(f"metadata.name {name!r} invalid: lower-case letters, digits, - and . only, at most 253")
    return name


def _decoded(key: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(f"data.{key} is not base64: encode it, or put it into stringData") from None


def _wrong(what: str) -> InvalidRequest:
    return InvalidRequest(f"failed to unmarshal secret: {what}")
