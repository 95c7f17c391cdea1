"""What every runtime offers: sandboxes in which the commands of many datums run, one after the other.

Whoever calls knows nothing of mounts, containers or pods. `trunkline.testing.runtimes` has the conformance
suite that each implementation passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from trunkline.kernel.errors import FailedPrecondition, StorageFailed
from trunkline.worker.model import Environment


class SandboxRefused(FailedPrecondition):
    """The sandbox cannot be opened as asked; trying again does not help."""

    code = "sandbox-refused"


class CannotStart(FailedPrecondition):
    """The command cannot be started, and no further try will change that."""

    code = "cannot-start"


class SandboxLost(StorageFailed):
    """The sandbox ended under the command; another one may be opened."""

    code = "sandbox-lost"


class SecretFiles(dict[str, bytes]):
    """Contents of files that are secret, by absolute path; no text that is made of them shows one."""

    def __repr__(self) -> str:
        return f"SecretFiles({', '.join(sorted(self))})"

    __str__ = __repr__


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Which sandbox is wanted.

    Attributes:
        staging: an existing folder, which user code sees as /pfs.
        image: as the pipeline names it; for messages.
        environment: what the image means here; none: the machine itself.
        user: whom commands run as, in the pipeline's words; empty: the worker's own user.
        secrets: files that user code finds besides its datum, and nobody else does; it cannot change them.
    """

    staging: Path
    image: str = ""
    environment: Environment | None = None
    user: str = ""
    secrets: SecretFiles = msgspec.field(default_factory=SecretFiles)


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. Paths are as user code sees them.

    Attributes:
        env: the whole environment; nothing is added.
        stdin: what standard input holds; none: it is empty.
        timeout: seconds after which all processes of the command are killed.
        memory: bytes of memory; soon after they have more together, all processes of the command are killed.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str = "/"
    stdin: bytes | None = None
    timeout: float | None = None
    memory: int | None = None


class Ended(msgspec.Struct, frozen=True):
    """How a command ended.

    Attributes:
        code: the exit code, or the negative number of the signal that ended it.
        timed_out: it was killed because its time was up.
        out_of_memory: it was killed because it had more memory than it may have.
    """

    code: int
    timed_out: bool = False
    out_of_memory: bool = False


class Linked(msgspec.Struct, frozen=True):
    """What a symbolic link leads to: one of these for each regular file, or one problem.

    Attributes:
        path: the link's path, or for a link to a folder that of a file below it.
        target: the real path of the file, as user code sees it.
        file: an open descriptor for reading, the receiver's to close; -1 with a problem, and for a named pipe.
        problem: why it cannot be followed, in words; else empty.
    """

    path: str
    target: str = ""
    file: int = -1
    problem: str = ""


class Output(Protocol):
    """Takes what a command writes to standard output and standard error, in the order written."""

    def room(self) -> bool:
        """Whether more may come now; if not, the command has to wait once its pipe is full."""
        ...

    def write(self, data: bytes) -> None:
        """Takes bytes, without blocking."""
        ...


class Sandbox(Protocol):
    """A place where commands run, one at a time. No process that a command started outlives it."""

    @property
    def mode(self) -> str:
        """How user code sees /pfs: `namespace`, `substitution`, or what another runtime calls it."""
        ...

    @property
    def owner(self) -> tuple[int, int] | None:
        """Uid and gid that staged files must belong to; none: the worker's own."""
        ...

    @property
    def account(self) -> tuple[str, str]:
        """Name and home folder of the user that commands run as."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the log of the job ought to say about this sandbox."""
        ...

    def visible(self, text: str) -> str:
        """A text in which paths below /pfs are as user code must write them here."""
        ...

    def run(self, command: Command, output: Output) -> Ended:
        """Runs a command to its end, and ends whatever it leaves behind.

        Raises:
            CannotStart: no such program, no permission, no such working directory.
            SandboxLost: the sandbox is gone.
        """
        ...

    def kill(self) -> None:
        """Kills the command that runs now, if one does. May be called from another thread."""
        ...

    def settle(self) -> None:
        """Returns when everything that the running command has written so far was handed to its output."""
        ...

    def follow(self, links: Sequence[str]) -> Iterator[Linked]:
        """Follows symbolic links (full paths as user code sees them) with the rights of user code.

        May be called while a command runs, from another thread than `run`.

        Raises:
            SandboxLost: the sandbox is gone, or something ended this before all links were followed.
        """
        ...

    def close(self) -> None:
        """Ends the sandbox and everything in it; may be repeated."""
        ...


class Runtime(Protocol):
    """Opens sandboxes."""

    def open(self, request: Request) -> Sandbox:
        """A fresh sandbox.

        Raises:
            SandboxRefused: not on this machine, or not with that user or environment.
        """
        ...
