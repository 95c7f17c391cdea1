"""A sandbox of the process runtime, as the worker holds it: the near end of the connection to its runner.

Invariants: a command's output is read only while there is room for it, and whatever happens to that, the
deadline is kept and an order to kill gets through. While a command runs, what comes from the runner is read by
the thread that attends to it, which hands on what another thread waits for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Iterator, Sequence

import msgspec

from trunkline.worker.runtimes import reasons
from trunkline.worker.runtimes.keptfiles import KeptFiles
from trunkline.worker.runtimes.protocol import CannotStart, Command, Ended, Linked, Output, Request, SandboxLost
from trunkline.worker.runtimes.runner import frames
from trunkline.worker.runtimes.substitution import Substitution

_READ = 1 << 16
_FULL_PAUSE = 0.01
_Frame = tuple[list[bytes], list[int]]


class Setup(msgspec.Struct, frozen=True):
    """What the runner said of the sandbox when it was ready, and what the log ought to say of it."""

    mode: str
    owner: tuple[int, int] | None
    account: tuple[str, str]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, mode: str, answer: list[bytes], warnings: tuple[str, ...]) -> Setup:
        """Reads a `ready` frame."""
        owner = (int(answer[1]), int(answer[2])) if answer[1] else None
        return cls(mode, owner, (os.fsdecode(answer[4]), os.fsdecode(answer[3])), warnings)


class ProcessSandbox:
    """As `trunkline.worker.runtimes.protocol.Sandbox` says."""

    def __init__(
        self,
        connection: socket.socket,
        request: Request,
        setup: Setup,
        substitution: Substitution | None,
        kept: KeptFiles | None = None,
    ) -> None:
        self._connection = connection
        self._request = request
        self._setup = setup
        self._substitution = substitution
        self._kept = kept
        self._sending = threading.Lock()
        self._number = 0
        self._running = False
        self._closed = False
        self._taking = threading.Condition()
        self._reading = -1
        self._taken = 0
        self._handed_on: queue.SimpleQueue[_Frame | None] = queue.SimpleQueue()

    @property
    def mode(self) -> str:
        """As the protocol says."""
        return self._setup.mode

    @property
    def owner(self) -> tuple[int, int] | None:
        """As the protocol says."""
        return self._setup.owner

    @property
    def account(self) -> tuple[str, str]:
        """As the protocol says."""
        return self._setup.account

    @property
    def warnings(self) -> tuple[str, ...]:
        """As the protocol says."""
        return self._setup.warnings

    def visible(self, text: str) -> str:
        """As the protocol says."""
        return self._substitution.text(text) if self._substitution is not None else text

    def run(self, command: Command, output: Output) -> Ended:
        """As the protocol says."""
        if any("\0" in each for each in (*command.argv, *command.env, *command.env.values(), command.cwd)):
            raise CannotStart(f"{command.argv[0]!r} cannot be started: its arguments or variables hold a NUL")
        wanted = self._substitution.command(command) if self._substitution is not None else command
        reading, writing = os.pipe()
        stdin = _standard_input(wanted.stdin)
        try:
            try:
                self._order(wanted, stdin, writing)
            finally:
                os.close(writing)
                os.close(stdin)
            os.set_blocking(reading, False)
            self._reading = reading
            return self._attend(command, output)
        finally:
            with self._taking:
                self._reading = -1
                self._taking.notify_all()
            os.close(reading)
            with self._sending:
                self._running = False
                # From here on, whoever follows links hears the runner himself.
                self._handed_on.put(None)
                if self._closed:
                    self._connection.close()

    def settle(self) -> None:
        """As the protocol says."""
        with self._taking:
            if self._reading >= 0:
                target = self._taken + _unread(self._reading)
                self._taking.wait_for(lambda: self._taken >= target or self._reading < 0)

    def kill(self) -> None:
        """As the protocol says."""
        with self._sending, contextlib.suppress(frames.Broken):
            if self._running:
                frames.send(self._connection, [b"kill", b"%d" % self._number])

    def follow(self, links: Sequence[str]) -> Iterator[Linked]:
        """As the protocol says."""
        with self._sending:
            handed_on = self._handed_on if self._running else None
        self._send([b"follow", frames.pack([os.fsencode(self.visible(each)) for each in links])], [])
        while True:
            frame = handed_on.get() if handed_on is not None else self._receive()
            if frame is None:
                handed_on = None  # the command has ended meanwhile
                continue
            fields, files = frame
            if fields[0] == b"done":
                return
            if fields[0] == b"cut":
                raise SandboxLost("following the symbolic links of /pfs/out was ended from outside; it is tried again")
            path = self._as_pfs(os.fsdecode(fields[1]))
            if fields[0] == b"problem":
                yield Linked(path, problem=fields[2].decode("utf-8", "replace"))
            else:
                yield Linked(path, self._as_pfs(os.fsdecode(fields[2])), files[0] if files else -1)

    def close(self) -> None:
        """As the protocol says."""
        with self._sending:
            self._closed = True
            # A thread that waits for a command learns of it, and closes the connection itself.
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            if not self._running:
                self._connection.close()
            if self._kept is not None:
                self._kept.remove()

    def _order(self, command: Command, stdin: int, output: int) -> None:
        argv = frames.pack([os.fsencode(each) for each in command.argv])
        env = frames.pack([os.fsencode(f"{name}={value}") for name, value in command.env.items()])
        with self._sending:
            self._number += 1
            self._running = True
            self._handed_on = queue.SimpleQueue()
        number = b"%d" % self._number
        memory = b"%d" % (command.memory or 0)
        self._send([b"run", number, argv, env, os.fsencode(command.cwd), memory], [stdin, output])

    def _attend(self, command: Command, output: Output) -> Ended:
        """Hands output on until the command has ended; kills it when its time is up."""
        deadline = None if command.timeout is None else time.monotonic() + command.timeout
        timed_out, reading = False, self._reading
        while True:
            room = output.room()
            pause = None if room else _FULL_PAUSE
            if deadline is not None and not timed_out:
                left = deadline - time.monotonic()
                if left <= 0:
                    timed_out = True
                    self.kill()
                    continue
                pause = left if pause is None else min(pause, left)
            ready = _wait(self._connection.fileno(), reading if room else -1, pause)
            if reading in ready and not self._take(output):
                reading = -1
            if self._connection.fileno() in ready:
                fields, files = self._receive()
                if fields[0] not in (b"exit", b"failed"):
                    self._handed_on.put((fields, files))
                    continue
                if reading >= 0:
                    while self._take(output):
                        pass
                if fields[0] == b"failed":
                    raise reasons.cannot_start(self._request, command, fields[2].decode(), int(fields[3]))
                return Ended(int(fields[2]), timed_out, fields[3] == b"memory")

    def _take(self, output: Output) -> bool:
        """Hands on what is there. Returns whether more may come."""
        with self._taking:
            try:
                data = os.read(self._reading, _READ)
            except BlockingIOError:
                return False
            if data:
                output.write(data)
            self._taken += len(data)
            self._taking.notify_all()
            return bool(data)

    def _as_pfs(self, path: str) -> str:
        if self._substitution is not None:
            staging = self._substitution.staging
            if path == staging or path.startswith(staging + "/"):
                return "/pfs" + path[len(staging) :]
        return path

    def _send(self, fields: list[bytes], files: list[int]) -> None:
        try:
            with self._sending:
                frames.send(self._connection, fields, files)
        except frames.Broken as error:
            raise _lost(error) from None

    def _receive(self) -> tuple[list[bytes], list[int]]:
        try:
            return frames.receive(self._connection)
        except frames.Broken as error:
            raise _lost(error) from None


def _lost(error: frames.Broken) -> SandboxLost:
    return SandboxLost(f"the sandbox of user code ended unexpectedly ({error}); the datum will be tried again")


def _standard_input(content: bytes | None) -> int:
    """A file, not a pipe: nobody has to feed it, and user code may leave it unread."""
    if content is None:
        return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    file = os.memfd_create("stdin", os.MFD_CLOEXEC)
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _wait(connection: int, reading: int, pause: float | None) -> set[int]:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if reading >= 0:
        poll.register(reading, select.POLLIN)
    return {each for each, _ in poll.poll(None if pause is None else max(1, int(pause * 1000) + 1))}


def _unread(pipe: int) -> int:
    """Bytes that wait in a pipe."""
    (number,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return int(number)
