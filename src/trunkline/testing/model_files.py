"""The files of a commit as a dictionary, and what writes do to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Files = dict[str, bytes]
"""Path to content."""


@dataclass(frozen=True)
class Write:
    """One operation. `copied` holds what a copy found when it was asked for; `deleted` a path, or a folder with `/`."""

    path: str = ""
    data: bytes | None = None
    deleted: str = ""
    copied: Mapping[str, bytes] | None = None
    append: bool = True


class Collision(Exception):
    """A path would be a file and a directory."""


def applied(base: Mapping[str, bytes], writes: Iterable[Write], *, final: bool = False) -> Files:
    """The files after some writes.

    Args:
        final: whether the result must be sound.

    Raises:
        Collision: it is not.
    """
    files = dict(base)
    for write in writes:
        if write.deleted.endswith("/"):
            files = {path: data for path, data in files.items() if not path.startswith(write.deleted)}
        elif write.deleted:
            files.pop(write.deleted, None)
        for path, data in ({write.path: write.data} if write.data is not None else write.copied or {}).items():
            files[path] = files.get(path, b"") + data if write.append else data
    if final:
        check(files)
    return files


def check(files: Mapping[str, bytes]) -> None:
    """Refuses a path that is a file and a directory."""
    for path in files:
        if any(other.startswith(path + "/") for other in files):
            raise Collision(path)


def below(files: Mapping[str, bytes], path: str) -> Files:
    """A file, or what is below a directory, by path relative to it (a file's is empty); a trailing slash is nothing."""
    bare = path.rstrip("/")
    if bare in files:
        return {"": files[bare]}
    folder = bare + "/"
    return {name[len(folder) :]: data for name, data in files.items() if name.startswith(folder)}


def directories(files: Iterable[str]) -> set[str]:
    """Every directory, the root included, each ending with a slash."""
    return {path[: at + 1] for path in files for at, character in enumerate(path) if character == "/"}
