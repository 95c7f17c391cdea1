"""Follows symbolic links of /pfs/out in the view, and with the rights, of the user code that made them.

So a link can give away nothing that the user code could not have copied itself. Special files are never
opened for reading: only regular files are handed out.
"""

# pathlib alone would double the time that the runner takes to start:
# ruff: noqa: PTH115, PTH116

from __future__ import annotations

import os
import stat

from trunkline.worker.runtimes.runner import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

    from trunkline.worker.runtimes.runner.users import Identity


class Follower:
    """Answers for each link with its files, a frame each: `file` or `pipe`, link's path, target's path; or a problem.

    Attributes:
        hidden: folders whose files are never handed out (where the view does not hide them itself).
        stands_for: in a view without /pfs, the folder that it stands for; else empty.
    """

    def __init__(self, connection: _socket.socket, hidden: list[str], stands_for: str) -> None:
        self._connection = connection
        self._hidden = hidden
        self._stands_for = stands_for

    def start(self, links: list[bytes], user: Identity | None) -> int:
        """Answers for all links, from a child process that has only the user's rights; returns its process id.

        It ends with 0 only if it answered for all of them.
        """
        pid = os.fork()
        if pid:
            return pid
        try:
            if user is not None:
                user.take_on()
            for link in links:
                self._follow(os.fsdecode(link))
            os._exit(0)
        finally:
            os._exit(1)

    def _follow(self, link: str) -> None:
        try:
            target = os.path.realpath(self._start(link), strict=True)
            kind = os.stat(target).st_mode
        except OSError as error:
            self._problem(link, f"its target {_text(link)} cannot be reached: {error.strerror}")
            return
        if self._is_hidden(target):
            self._problem(link, f"its target {target} is not for user code")
        elif stat.S_ISREG(kind):
            self._hand_out(link, target)
        elif stat.S_ISDIR(kind):
            self._folder(link, target)
        elif stat.S_ISFIFO(kind):
            self._name(link, target)

    def _start(self, link: str) -> str:
        text = os.readlink(link)
        if self._stands_for and (text == "/pfs" or text.startswith("/pfs/")):
            return self._stands_for + text[4:]
        return link

    def _is_hidden(self, target: str) -> bool:
        inside = f"{target}/".startswith
        if self._stands_for and inside(self._stands_for + "/"):
            return False
        return any(inside(each + "/") for each in self._hidden)

    def _folder(self, link: str, target: str) -> None:
        own = self._stands_for or "/pfs"
        if f"{own}/".startswith(target.rstrip("/") + "/"):
            self._problem(link, f"its target {target} holds /pfs itself")
            return
        try:
            with os.scandir(target) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self._problem(link, f"its target {target} cannot be read: {error.strerror}")
            return
        for entry in entries:
            if self._is_hidden(entry.path):
                continue
            if entry.is_dir(follow_symlinks=False):
                self._folder(f"{link}/{entry.name}", entry.path)
            elif entry.is_file(follow_symlinks=False):
                self._hand_out(f"{link}/{entry.name}", entry.path)
            elif stat.S_ISFIFO(entry.stat(follow_symlinks=False).st_mode):
                self._name(f"{link}/{entry.name}", entry.path)

    def _hand_out(self, link: str, target: str) -> None:
        try:
            file = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._problem(link, f"its target {target} cannot be read: {error.strerror}")
            return
        frames.send(self._connection, [b"file", os.fsencode(link), os.fsencode(target)], [file])
        os.close(file)

    def _name(self, link: str, target: str) -> None:
        """Says that a link leads to a named pipe, if it may be one that stands for a file of an input."""
        if target.startswith((self._stands_for or "/pfs") + "/"):
            frames.send(self._connection, [b"pipe", os.fsencode(link), os.fsencode(target)])

    def _problem(self, link: str, text: str) -> None:
        frames.send(self._connection, [b"problem", os.fsencode(link), text.encode("utf-8", "replace")])


def _text(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return "(unreadable)"
