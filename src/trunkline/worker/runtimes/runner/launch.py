"""Starts user code: fork, become the right process in the right place, exec.

Invariant: between fork and exec every failure is told to the parent with the step and the errno, so that
"no such program" and "may not be run" are never mistaken for an exit code of user code.
"""

# pathlib alone would double the time that the runner takes to start:
# ruff: noqa: PTH113, PTH118

from __future__ import annotations

import errno
import os
import signal

from trunkline.worker.runtimes.runner import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trunkline.worker.runtimes.runner.users import Identity

_RESTORED = (signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ)


class CannotStart(Exception):
    """The program could not be started.

    Attributes:
        step: `cwd`, `user`, `missing` (no such program), `interpreter` (its `#!` line names none), `exec`.
        number: the errno.
    """

    def __init__(self, step: str, number: int) -> None:
        super().__init__(f"{step}: {os.strerror(number)}")
        self.step = step
        self.number = number


class Program:
    """What is to be run: bytes as the kernel takes them, and open files for the standard streams."""

    def __init__(self, argv: list[bytes], env: list[bytes], cwd: bytes, stdin: int, output: int) -> None:
        self.argv = argv
        self.env = dict(each.split(b"=", 1) for each in env)
        self.cwd = cwd
        self.stdin = stdin
        self.output = output


def start(program: Program, user: Identity | None, *, die_with_parent: bool) -> int:
    """Starts the program in a session of its own.

    Returns:
        Its process id; the program itself is running when this returns.

    Raises:
        CannotStart: it is not running.
    """
    if user is not None:
        # So that it may open /dev/stdout by name.
        os.fchown(program.output, user.uid, user.gid)
    ends = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(program, user, ends[1], die_with_parent=die_with_parent)
    os.close(ends[1])
    try:
        told = os.read(ends[0], 256)
    finally:
        os.close(ends[0])
    if told:
        os.waitpid(pid, 0)
        step, _, number = told.decode().partition(" ")
        raise CannotStart(step, int(number))
    return pid


def _child(program: Program, user: Identity | None, tell: int, *, die_with_parent: bool) -> None:
    """Becomes the program, or says why not; never returns."""
    step = "exec"
    try:
        os.setsid()
        os.umask(0o022)
        for number in _RESTORED:
            signal.signal(number, signal.SIG_DFL)
        if program.stdin != 0:
            os.dup2(program.stdin, 0)
        os.dup2(program.output, 1)
        os.dup2(program.output, 2)
        step = "user"
        if user is not None:
            user.take_on()
        if die_with_parent:
            # After the change of user, which clears it.
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        step = "cwd"
        os.chdir(program.cwd)
        step = "exec"
        _exec(program)
    except CannotStart as error:
        os.write(tell, f"{error.step} {error.number}".encode())
    except OSError as error:
        os.write(tell, f"{step} {error.errno or errno.EIO}".encode())
    except BaseException:
        os.write(tell, f"{step} {errno.EIO}".encode())
    finally:
        os._exit(127)


def _exec(program: Program) -> None:
    name = program.argv[0]
    if b"/" in name:
        _try(name, program)
        raise CannotStart("missing", errno.ENOENT)
    denied = False
    for folder in program.env.get(b"PATH", b"").split(b":"):
        try:
            _try(os.path.join(folder or b".", name), program)
        except CannotStart as error:
            if error.number != errno.EACCES:
                raise
            denied = True
    if denied:
        raise CannotStart("exec", errno.EACCES)
    raise CannotStart("missing", errno.ENOENT)


def _try(path: bytes, program: Program) -> None:
    """Returns only if there is no such file."""
    try:
        os.execve(path, program.argv, program.env)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        number = error.errno or errno.EIO
    if number in (errno.ENOENT, errno.ENOTDIR):
        if os.path.isfile(path):
            raise CannotStart("interpreter", number)
        return
    raise CannotStart("exec", number)
