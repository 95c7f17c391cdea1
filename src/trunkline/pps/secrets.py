"""Secrets: kept for pipelines that name them, and handed to the user code of these alone.

Invariants: values are sealed before they reach the catalog and opened only for a job whose datums are about to be
handed out; nothing that is listed, logged or raised has one. A secret is no part of what a datum is identified by: when
it changes, results stay, and later datums get the new one (`design/0018-secrets.md`). How user code sees it is the
worker's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from trunkline.catalog import Row, Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import AlreadyExists, FailedPrecondition, NotFound
from trunkline.pfs.change import Change
from trunkline.pps.manifest import Manifest, Values
from trunkline.pps.spec import SecretMount
from trunkline.pps.vault import Vault

LONGEST_VARIABLE = 131_071
"""Bytes of `NAME=value` that Linux hands to a program."""


class Secret(msgspec.Struct, frozen=True):
    """What may be told of a secret; `fields` are the names of its values."""

    name: str
    type: str
    fields: tuple[str, ...]
    created: Nanos


class Handed(msgspec.Struct, frozen=True):
    """One value for user code: as a variable, or as a file at an absolute path; the other is empty."""

    variable: str
    path: str
    value: bytes

    def __repr__(self) -> str:
        return f"Handed({self.variable or self.path})"


class SecretMissing(FailedPrecondition):
    """A pipeline names a secret, or a key of one, that is not there."""

    code = "secret-missing"


def create(change: Change, manifest: Manifest, sealed: bytes, key_id: str) -> None:
    """Keeps a secret.

    Args:
        sealed, key_id: of `Vault.seal`.

    Raises:
        AlreadyExists: there is one of that name.
    """
    if _row(change.tx, manifest.name) is not None:
        raise AlreadyExists(f'failed to create secret: secrets "{manifest.name}" already exists')
    change.tx.run(
        "INSERT INTO secrets (name, type, fields, sealed, key_id, created) VALUES (?, ?, ?, ?, ?, ?)",
        (manifest.name, manifest.type, json.dumps(sorted(manifest.values)), sealed, key_id, change.now),
    )


def delete(change: Change, name: str) -> None:
    """Removes a secret; jobs that need it fail from now on.

    Raises:
        NotFound: there is none.
    """
    inspect(change.tx, name)
    change.tx.run("DELETE FROM secrets WHERE name = ?", (name,))


def inspect(tx: Tx, name: str) -> Secret:
    """What is known of a secret, but its values.

    Raises:
        NotFound: there is none.
    """
    row = _row(tx, name)
    if row is None:
        raise NotFound(f'failed to get secret: secrets "{name}" not found')
    return _secret(row)


def select(tx: Tx) -> list[Secret]:
    """All secrets, by name."""
    return [_secret(row) for row in tx.rows("SELECT * FROM secrets ORDER BY name")]


def check(tx: Tx, mounts: Sequence[SecretMount]) -> None:
    """Looks whether the secrets that a pipeline names are there.

    Raises:
        SecretMissing: one is not, or has no such key.
    """
    for mount in mounts:
        row = _row(tx, mount.name)
        if row is None:
            raise _missing(mount.name, "")
        if mount.key and mount.key not in _secret(row).fields:
            raise _missing(mount.name, mount.key)


def hand_out(tx: Tx, vault: Vault, mounts: Sequence[SecretMount]) -> tuple[Handed, ...]:
    """The values that a pipeline names, in the order of its spec.

    Raises:
        SecretMissing: as `check`.
        FailedPrecondition: one cannot be opened here, or cannot be a variable (NUL, length).
        StorageFailed: see `Vault.open`.
    """
    check(tx, mounts)
    found: list[Handed] = []
    for mount in mounts:
        values = _values(tx, vault, mount.name)
        if mount.mount_path:
            folder = mount.mount_path.rstrip("/")
            found += [Handed("", f"{folder}/{key}", value) for key, value in sorted(values.items())]
        if mount.env_var:
            _check_variable(mount, values[mount.key])
            found.append(Handed(mount.env_var, "", values[mount.key]))
    return tuple(found)


def value(tx: Tx, vault: Vault, name: str, key: str) -> bytes:
    """One value, for pachd's own use.

    Raises:
        SecretMissing, FailedPrecondition, StorageFailed: as `hand_out`.
    """
    check(tx, [SecretMount(name=name, key=key)])
    return _values(tx, vault, name)[key]


def _check_variable(mount: SecretMount, value: bytes) -> None:
    what = f'secret "{mount.name}" key "{mount.key}"'
    if b"\0" in value:
        raise FailedPrecondition(
            f"{what} holds a NUL character, which no variable can ({mount.env_var}): use mount_path"
        )
    size = len(mount.env_var.encode()) + 1 + len(value)
    if size > LONGEST_VARIABLE:
        raise FailedPrecondition(f"{what} is too long for a variable ({mount.env_var}, {size} bytes): use mount_path")


def _values(tx: Tx, vault: Vault, name: str) -> Values:
    row = _row(tx, name)
    assert row is not None, "it was checked in this transaction"
    return Values(vault.open(name, bytes(row["sealed"]), row["key_id"]))


def _row(tx: Tx, name: str) -> Row | None:
    return tx.row("SELECT * FROM secrets WHERE name = ?", (name,))


def _secret(row: Row) -> Secret:
    return Secret(row["name"], row["type"], tuple(json.loads(row["fields"])), row["created"])


def _missing(name: str, key: str) -> SecretMissing:
    what = f'missing Kubernetes secret "{name}"' + (f' key "{key}"' if key else "")
    return SecretMissing(f"{what}: make it with pachctl create secret, then update or rerun the pipeline")
