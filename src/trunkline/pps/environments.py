"""Local environments: what an image name means to the process runtime.

An environment is a folder that user code sees on top of the machine's root, variables, and a search path.
Invariant: its digest says what user code would find, by content; so a job's record can say which programs made
a result, and two environments of one digest are the same one. The worker lays the folder out; here it is only
described.
"""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from blake3 import blake3

from trunkline.catalog import Row, Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import AlreadyExists, InvalidRequest, NotFound, StorageFailed
from trunkline.pfs.change import Change

_PIECE = 1024 * 1024


class Environment(msgspec.Struct, frozen=True):
    """An environment; `root` is an absolute folder, or empty for none."""

    image: str
    root: str = ""
    variables: dict[str, str] = {}
    search_path: tuple[str, ...] = ()
    created: Nanos = Nanos(0)


def create(change: Change, given: Environment, *, update: bool = False) -> Environment:
    """Registers an environment, or replaces one of the same image name with `update`.

    Raises:
        InvalidRequest: a bad name, variable or path.
        NotFound: the root, or a folder of the search path, is not there.
        AlreadyExists: the image name is taken (without `update`).
    """
    _check(given)
    old = find(change.tx, given.image)
    if old is not None and not update:
        raise AlreadyExists(f'environment "{given.image}" already exists: replace it with --update, or delete it first')
    change.tx.run("DELETE FROM environments WHERE image = ?", (given.image,))
    created = change.now if old is None else old.created
    change.tx.run(
        "INSERT INTO environments (image, root, variables, search_path, created) VALUES (?, ?, ?, ?, ?)",
        (
            given.image,
            given.root,
            json.dumps(given.variables, ensure_ascii=False, sort_keys=True),
            json.dumps(given.search_path, ensure_ascii=False),
            created,
        ),
    )
    return msgspec.structs.replace(given, created=created)


def find(tx: Tx, image: str) -> Environment | None:
    """The environment of an image name; None if the name is not registered here."""
    row = tx.row("SELECT * FROM environments WHERE image = ?", (image,))
    return None if row is None else _environment(row)


def select(tx: Tx) -> list[Environment]:
    """All environments, by image name."""
    return [_environment(row) for row in tx.rows("SELECT * FROM environments ORDER BY image")]


def delete(change: Change, image: str) -> None:
    """Removes an environment from the list; its folder stays.

    Raises:
        NotFound: no such environment.
    """
    if not change.tx.run("DELETE FROM environments WHERE image = ?", (image,)):
        raise NotFound(f'environment "{image}" not found: see the list of environments for what there is')


def _environment(row: Row) -> Environment:
    return Environment(
        image=row["image"],
        root=row["root"],
        variables=json.loads(row["variables"]),
        search_path=tuple(json.loads(row["search_path"])),
        created=row["created"],
    )


def _check(given: Environment) -> None:
    if not given.image or not given.image.isprintable():
        raise InvalidRequest(f"environment name {given.image!r} invalid: give the image as pipelines name it")
    if given.root and Path(given.root).resolve() == Path("/"):
        raise InvalidRequest(
            f'environment "{given.image}": the root {given.root} is the machine itself: leave it empty instead'
        )
    if given.root:
        _check_folder(given.image, "root", given.root)
    for folder in given.search_path:
        _check_folder(given.image, "search path", folder)
        if ":" in folder:
            raise InvalidRequest(f'environment "{given.image}": the search path {folder} contains a colon')
    for name, value in given.variables.items():
        if not name or "=" in name or "\0" in name + value:
            raise InvalidRequest(
                f'environment "{given.image}": variable {name!r} invalid: a name is not empty and has no "=", '
                "and neither name nor value has a NUL character"
            )


def _check_folder(image: str, what: str, folder: str) -> None:
    if not Path(folder).is_absolute() or "\0" in folder:
        raise InvalidRequest(f'environment "{image}": the {what} {folder!r} is not an absolute path')
    if not Path(folder).is_dir():
        raise NotFound(f'environment "{image}": the {what} {folder} not found, or not a folder: make it first')


class Digests:
    """Works out digests of environments, reading a file again only when its size or time changed. Thread-safe."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int, bytes]] = {}
        self._lock = threading.Lock()

    def digest(self, root: str, variables: Mapping[str, str], search_path: Sequence[str]) -> str:
        """BLAKE3 over the variables, the search path, and every path, mode and content below the root, in hex.

        Raises:
            StorageFailed: the root cannot be read.
        """
        total = blake3()
        _feed(total, *(f"{name}={value}" for name, value in sorted(variables.items())))
        _feed(total, *search_path)
        _feed(total, "root" if root else "")
        try:
            for path in _walk(root) if root else ():
                self._add(total, root, path)
        except OSError as error:
            raise StorageFailed(
                f"the environment's root {root} cannot be read ({error.strerror}: {error.filename}): "
                "check that it is there and readable"
            ) from error
        return total.hexdigest()

    def _add(self, total: blake3, root: str, path: str) -> None:
        found = os.lstat(path)
        name = os.path.relpath(path, root)
        if stat.S_ISLNK(found.st_mode):
            content = b"link " + os.fsencode(Path(path).readlink())
        elif stat.S_ISREG(found.st_mode):
            content = b"file " + self._content(path, found)
        else:
            content = b"directory" if stat.S_ISDIR(found.st_mode) else b"other"
        _feed(total, name, oct(found.st_mode), content)

    def _content(self, path: str, found: os.stat_result) -> bytes:
        with self._lock:
            known = self._known.get(path)
        if known is not None and known[:2] == (found.st_size, found.st_mtime_ns):
            return known[2]
        hasher = blake3()
        with Path(path).open("rb") as file:
            while piece := file.read(_PIECE):
                hasher.update(piece)
        digest = hasher.digest()
        with self._lock:
            self._known[path] = (found.st_size, found.st_mtime_ns, digest)
        return digest


def _walk(root: str) -> Iterator[str]:
    """Everything below a folder, sorted, links not followed."""
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        yield entry.path
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)


def _feed(total: blake3, *parts: str | bytes) -> None:
    """Adds parts so that no two different lists of parts look alike."""
    total.update(len(parts).to_bytes(8, "big"))
    for part in parts:
        data = os.fsencode(part)
        total.update(len(data).to_bytes(8, "big") + data)
