"""The runner's main: read what the sandbox is to be, become it, then run one command after the other.

Frames in: `open` (once), `run`, `kill`, `follow`. Frames out: `ready` or `refused`, then for each command
`exit` or `failed`, for each link `file` or `problem`, and `done` (or `cut`). Invariant: when the worker's end of the
connection closes, everything that was started here ends.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
import signal
import sys

from trunkline.worker.runtimes.runner import frames, linux, secretfiles, users
from trunkline.worker.runtimes.runner.follow import Follower
from trunkline.worker.runtimes.runner.launch import CannotStart, Program, start
from trunkline.worker.runtimes.runner.memory import Limit
from trunkline.worker.runtimes.runner.reaper import NamespaceReaper, SubreaperReaper, collect
from trunkline.worker.runtimes.runner.view import Refused, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trunkline.worker.runtimes.runner.reaper import Reaper

# What is left to user code that runs as root: what containers usually leave, but devices and chroot.
_KEPT_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 14, 23, 29, 31})
_ALL_CAPABILITIES = 64
# Milliseconds between two looks for processes that have ended without anybody being told.
_LOOK = 1000
_LOOK_OFTEN = 5


class Request:
    """The `open` frame: what the sandbox is to be."""

    def __init__(self, fields: list[bytes]) -> None:
        texts = [os.fsdecode(each) for each in fields[1:6]]
        self.namespace = texts[0] == "namespace"
        self.staging, self.environment, self.work, self.user = texts[1:]
        self.masks = [os.fsdecode(each) for each in frames.unpack(fields[6])]
        parts = frames.unpack(fields[7])
        self.secrets = {os.fsdecode(path): value for path, value in zip(parts[::2], parts[1::2], strict=True)}


class Server:
    """Runs commands, one at a time, until the worker hangs up."""

    def __init__(self, connection: _socket.socket, request: Request, user: users.Identity | None) -> None:
        self._connection = connection
        self._user = user
        self._namespace = request.namespace
        self._reaper: Reaper = NamespaceReaper() if request.namespace else SubreaperReaper()
        hidden, stands_for = ([], "") if request.namespace else (request.masks, request.staging)
        self._follower = Follower(connection, hidden, stands_for)
        self._memory = Limit(0)
        self._awaited: set[int] = set()
        self._ended: dict[int, int] = {}

    def serve(self) -> None:
        """Returns when the worker hangs up."""
        try:
            while True:
                fields, files = frames.receive(self._connection)
                if fields[0] == b"run":
                    self._run(fields, files)
                elif fields[0] == b"follow":
                    self._follow(fields, b"")
        except frames.Broken:
            return
        finally:
            self._reaper.sweep()

    def _run(self, fields: list[bytes], files: list[int]) -> None:
        argv, env = frames.unpack(fields[2]), frames.unpack(fields[3])
        try:
            program = Program(argv, env, fields[4], files[0], files[1])
            main = start(program, self._user, die_with_parent=not self._namespace)
        except CannotStart as error:
            frames.send(self._connection, [b"failed", fields[1], error.step.encode(), b"%d" % error.number])
            return
        finally:
            for each in files:
                os.close(each)
        self._memory = Limit(int(fields[5]))
        status = self._wait(main, fields[1])
        why = b"memory" if self._memory.exceeded else b""
        self._memory = Limit(0)
        self._reaper.sweep()
        frames.send(self._connection, [b"exit", fields[1], b"%d" % os.waitstatus_to_exitcode(status), why])

    def _follow(self, fields: list[bytes], number: bytes) -> None:
        """Has links followed; an order to kill the command with this number ends that too."""
        status = self._wait(self._follower.start(frames.unpack(fields[1]), self._user), number)
        frames.send(self._connection, [b"done" if status == 0 else b"cut"])

    def _wait(self, awaited: int, number: bytes) -> int:
        """The wait status of a child process; takes orders for the command with this number meanwhile."""
        ended = _descriptor_of(awaited)
        self._awaited.add(awaited)
        try:
            poll = select.poll()
            if ended >= 0:
                poll.register(ended, select.POLLIN)
            poll.register(self._connection.fileno(), select.POLLIN)
            while True:
                pause = (self._memory.pause or _LOOK) if ended >= 0 else _LOOK_OFTEN
                ready = [each for each, _ in poll.poll(pause)]
                self._ended |= {pid: status for pid, status in collect().items() if pid in self._awaited}
                if awaited in self._ended:
                    return self._ended.pop(awaited)
                if self._memory.look():
                    self._reaper.kill()
                if self._connection.fileno() in ready:
                    fields, _ = frames.receive(self._connection)
                    # An order that comes late must not hit the next command.
                    if fields[:2] == [b"kill", number]:
                        self._reaper.kill()
                    elif fields[0] == b"follow":
                        self._follow(fields, number)
        finally:
            self._awaited.discard(awaited)
            if ended >= 0:
                os.close(ended)


def main() -> None:
    """Runs the runner; the first argument is the number of the open connection."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, int(sys.argv[1]))
    os.set_inheritable(connection.fileno(), False)
    try:
        fields, _ = frames.receive(connection)
    except frames.Broken:
        return
    request = Request(fields)
    try:
        if request.namespace:
            _unshare()
            _become_first(connection)
            View(request.staging, request.environment, request.work, request.masks).build()
            secretfiles.place(request.secrets)
            _drop_capabilities()
        else:
            linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        user = _user(request)
    except Refused as error:
        frames.send(connection, [b"refused", b"view", str(error).encode()])
    except secretfiles.NoPlace as error:
        frames.send(connection, [b"refused", b"secrets", str(error).encode()])
    except users.UnknownUser as error:
        frames.send(connection, [b"refused", b"user", str(error).encode()])
    except OSError as error:
        frames.send(connection, [b"refused", b"view", f"cannot set the sandbox up: {error}".encode()])
    else:
        told = user or users.own()
        owner = [b"%d" % user.uid, b"%d" % user.gid] if user else [b"", b""]
        frames.send(connection, [b"ready", *owner, os.fsencode(told.home), os.fsencode(told.name)])
        Server(connection, request, user).serve()


def _descriptor_of(pid: int) -> int:
    """A descriptor that becomes ready when the process ends; -1 where the kernel has no such thing."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1


def _unshare() -> None:
    """Takes this process into namespaces of its own; as an ordinary user, by way of a user namespace."""
    wanted = linux.CLONE_NEWNS | linux.CLONE_NEWPID
    if os.geteuid() == 0:
        try:
            linux.unshare(wanted)
        except OSError:
            pass  # root in a container without the right; it may still have that of an ordinary user
        else:
            return
    uid, gid = os.geteuid(), os.getegid()
    try:
        linux.unshare(wanted | linux.CLONE_NEWUSER)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    except OSError as error:
        raise Refused(f"the kernel refuses namespaces to uid {uid}: {error.strerror}") from None


def _become_first(connection: _socket.socket) -> None:
    """Goes on as process 1 of the new PID namespace; the process outside waits for it and ends with it."""
    pid = os.fork()
    if pid == 0:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    connection.close()
    _, status = os.waitpid(pid, 0)
    os._exit(0 if status == 0 else 1)


def _drop_capabilities() -> None:
    linux.prctl(linux.PR_CAP_AMBIENT, linux.PR_CAP_AMBIENT_CLEAR_ALL)
    for each in range(_ALL_CAPABILITIES):
        if each not in _KEPT_CAPABILITIES:
            try:
                linux.prctl(linux.PR_CAPBSET_DROP, each)
            except OSError as error:
                if error.errno == errno.EINVAL:
                    return  # beyond the last one that this kernel knows
                raise


def _user(request: Request) -> users.Identity | None:
    """Whom user code is to be run as; none: the worker's own user.

    Raises:
        UnknownUser: nobody of that name, or no right to become that user.
    """
    if not request.user:
        return None
    found = users.find(request.user)
    mine = users.own()
    if found.uid == mine.uid and (found.gid == mine.gid or mine.uid != 0):
        return None
    if not _can_be(found, "/"):
        raise users.UnknownUser(
            f"user {request.user!r}: the worker runs as {mine.name} (uid {mine.uid}) and cannot become uid "
            f"{found.uid}; start pachd as root, or leave `user` out of the pipeline"
        )
    if not request.namespace and not _can_be(found, request.staging):
        raise users.UnknownUser(
            f"user {request.user!r} may not enter {request.staging}, which stands for /pfs here; "
            "choose a TRUNKLINE_HOME that everybody may enter"
        )
    return found


def _can_be(user: users.Identity, folder: str) -> bool:
    """Whether this process could become that user, and go to that folder then."""
    pid = os.fork()
    if pid == 0:
        try:
            user.take_on()
            os.chdir(folder)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
