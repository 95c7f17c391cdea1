"""Who user code runs as: `name`, `uid`, `name:group` or `uid:gid`, looked up in /etc/passwd and /etc/group.

The files are read as they stand in the sandbox, so an environment may bring its own. Invariant: a text that
names nobody is an error, never root.
"""

# pathlib alone would double the time that the runner takes to start:
# ruff: noqa: PTH123

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class UnknownUser(Exception):
    """The text names no user that can be taken on here; the message says why."""


class Identity:
    """A user id, a group id, the supplementary groups and the home folder."""

    def __init__(self, uid: int, gid: int, groups: list[int], home: str, name: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home
        self.name = name

    def take_on(self) -> None:
        """Makes this process that user, for good. Raises OSError."""
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)


def own() -> Identity:
    """The user that this process is."""
    uid, gid = os.geteuid(), os.getegid()
    for row in _rows("/etc/passwd", 7):
        if row[2] == str(uid):
            return Identity(uid, gid, os.getgroups(), row[5] or "/", row[0])
    return Identity(uid, gid, os.getgroups(), "/", str(uid))


def find(text: str) -> Identity:
    """The user that a pipeline names.

    Raises:
        UnknownUser: no such user or group.
    """
    who, colon, group = text.partition(":")
    for row in _rows("/etc/passwd", 7):
        if who in (row[0], row[2]):
            name, uid, gid, home = row[0], int(row[2]), int(row[3]), row[5] or "/"
            break
    else:
        if not (who.isdecimal() and colon):
            raise UnknownUser(f"user {text!r} is not in /etc/passwd: name one that is, or give UID:GID")
        name, uid, gid, home = who, int(who), -1, "/"
    if colon:
        gid = int(group) if who.isdecimal() and group.isdecimal() else _group(text, group)
    return Identity(uid, gid, _groups_of(name, gid), home, name)


def _group(text: str, group: str) -> int:
    for row in _rows("/etc/group", 4):
        if row[0] == group:
            return int(row[2])
    raise UnknownUser(f"user {text!r}: the group {group!r} is not in /etc/group")


def _groups_of(name: str, gid: int) -> list[int]:
    member = [int(row[2]) for row in _rows("/etc/group", 4) if name in row[3].split(",")]
    return sorted({gid, *member})


def _rows(path: str, width: int) -> Iterator[list[str]]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError:
        return
    for line in lines:
        row = line.split(":")
        if len(row) >= width and row[2].isdecimal() and (width < 7 or row[3].isdecimal()):
            yield row
