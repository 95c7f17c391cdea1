"""Paths of files inside a commit: absolute, cleaned, and never able to leave their root.

Any printable Unicode path is accepted (the original allows ASCII without glob characters only). Keys of
maps are the UTF-8 bytes of cleaned paths; a directory's path ends with `/`.
"""

from __future__ import annotations

from trunkline.kernel.errors import InvalidRequest, Refused

LONGEST_PATH = 4096
"""Bytes of UTF-8; what Linux can open, since every file may be staged."""

LONGEST_ELEMENT = 255
"""Bytes of UTF-8 between two slashes; what the usual file systems can hold."""


def clean(path: str) -> str:
    """Collapses `//`, strips a trailing `/`, forces one leading `/`; the root is `/`."""
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def check(path: str) -> None:
    """Refuses a path that no file may have, as the user gave it.

    Raises:
        InvalidRequest: empty, unprintable, too long.
        Refused: contains a `.` or `..` element.
    """
    if not path:
        raise InvalidRequest("path () invalid: a file needs a path that is not empty")
    if not path.isprintable():
        raise InvalidRequest(f"path ({path!r}) invalid: only printable characters allowed")
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"path ({path!r}) invalid: not valid Unicode") from None
    parts = path.split("/")
    if "." in parts or ".." in parts:
        raise Refused(f"path ({path}) invalid: relative file paths are not allowed")
    if len(encoded) > LONGEST_ELEMENT and (
        len(encoded) > LONGEST_PATH or any(len(part.encode()) > LONGEST_ELEMENT for part in parts)
    ):
        raise InvalidRequest(
            f"path ({path[:60]}…) invalid: longer than {LONGEST_PATH} bytes, or an element longer than "
            f"{LONGEST_ELEMENT}"
        )


def file_path(path: str) -> str:
    """The cleaned path of a file that is to be written.

    Raises:
        InvalidRequest, Refused: as `check`, and for the root itself.
    """
    check(path)
    cleaned = clean(path)
    if cleaned == "/":
        raise InvalidRequest(f"path ({path}) invalid: the root is a directory, give a file's path")
    return cleaned


def as_directory(path: str) -> str:
    """The path with exactly one trailing slash, which is also the prefix of every key below it."""
    return path if path.endswith("/") else path + "/"


def ancestors(path: str) -> list[str]:
    """The directories above a file or directory, from the root down: `/a/b/c` has `/`, `/a/`, `/a/b/`."""
    parts = [part for part in path.split("/") if part][:-1]
    found = ["/"]
    for part in parts:
        found.append(found[-1] + part + "/")
    return found
