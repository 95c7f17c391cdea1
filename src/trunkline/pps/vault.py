"""Seals the values of secrets for the catalog, and opens them again.

Invariant: whoever reads the catalog alone (a copy of it, a dump, a backup) reads no value. The key is a setting, or a
file of the home that only its owner can read, made and durable before the first value is sealed with it. AES-256-GCM,
bound to the secret's name, so that a row that was altered or moved is refused. What is a secret, and who gets it, is
left to `secrets`.
"""

from __future__ import annotations

import os
import secrets as random
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
from blake3 import blake3

from trunkline.kernel.errors import FailedPrecondition, InvalidRequest, StorageFailed

KEY_BYTES = 32
_NONCE_BYTES = 12
_CONTEXT = "trunkline 2026 id of a key of secrets"
_REMEDY = "give every pachd of this catalog the TRUNKLINE_SECRETS_KEY with which it was made, or create it again"


class Vault:
    """Thread-safe. Nothing is read or written before it is used.

    Args:
        given: the key, 64 hex digits; empty: that of the file.
        file: where the key is kept if none is given; None where several homes share a catalog.
    """

    def __init__(self, given: str = "", file: Path | None = None) -> None:
        self._given, self._file = given, file
        self._lock = threading.Lock()

    def seal(self, name: str, values: Mapping[str, bytes]) -> tuple[bytes, str]:
        """The values of a secret for the catalog, and the id of the key that opens them.

        Raises:
            FailedPrecondition: there is no key.
            StorageFailed: its file cannot be read or written.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._key(make=True)
        nonce = random.token_bytes(_NONCE_BYTES)
        plain = msgspec.msgpack.encode(dict(values))
        return nonce + AESGCM(key).encrypt(nonce, plain, name.encode()), _key_id(key)

    def open(self, name: str, sealed: bytes, key_id: str) -> dict[str, bytes]:
        """What `seal` was given.

        Raises:
            FailedPrecondition: this pachd has another key, or none; or the row was altered.
            StorageFailed: the file of the key cannot be read.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._key(make=False)
        if _key_id(key) != key_id:
            raise FailedPrecondition(f'secret "{name}" was sealed with another key: {_REMEDY}')
        try:
            plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise FailedPrecondition(f'secret "{name}" was altered in the catalog: create it again') from None
        return msgspec.msgpack.decode(plain, type=dict[str, bytes])

    def _key(self, *, make: bool) -> bytes:
        if self._given:
            return _decoded(self._given)
        if self._file is None:
            raise FailedPrecondition(
                "secrets need a key that every pachd of this catalog has: set TRUNKLINE_SECRETS_KEY to 64 hex digits "
                "(openssl rand -hex 32)"
            )
        with self._lock:
            try:
                return self._read(self._file, make=make)
            except OSError as error:
                reason = os.strerror(error.errno or 0)
                raise StorageFailed(f"the key of secrets {self._file} cannot be used ({reason})") from None

    def _read(self, file: Path, *, make: bool) -> bytes:
        if not file.exists():
            if not make:
                raise FailedPrecondition(f"the key of secrets {file} is not there: put it back, or make new secrets")
            _write_key(file)
        return _decoded(file.read_text(encoding="ascii", errors="replace").strip())


def _decoded(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidRequest("the key of secrets is wrong: it is 64 hex digits (openssl rand -hex 32)")
    return key


def _key_id(key: bytes) -> str:
    return blake3(key, derive_key_context=_CONTEXT).hexdigest(8)


def _write_key(file: Path) -> None:
    """A new key; on the disk, whole, before anything is sealed with it."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, random.token_hex(KEY_BYTES).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
