"""The process runtime: user code as processes of this machine, each sandbox behind one runner.

Here are the sandboxes as the worker holds them; what happens on the other side of the connection is in
`trunkline.worker.runtimes.runner`. Invariant: when a sandbox is closed, or its worker dies, nothing that ran
in it is left.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from trunkline.worker.model import Environment
from trunkline.worker.runtimes.keptfiles import KeptFiles
from trunkline.worker.runtimes.protocol import Request, SandboxRefused
from trunkline.worker.runtimes.runner import frames
from trunkline.worker.runtimes.sandbox import ProcessSandbox, Setup
from trunkline.worker.runtimes.substitution import Substitution

_BOOT = "import sys; sys.path.append(sys.argv.pop(2)); from trunkline.worker.runtimes.runner.main import main; main()"
_PACKAGES = Path(__file__).parents[3]
_PATIENCE = 60.0
_FALLBACK = (
    "user code has no /pfs of its own here ({reason}): /pfs paths in its command, standard input and "
    "environment are replaced; a program that has such a path built in will not find it"
)


class ProcessRuntime:
    """Opens sandboxes on this machine.

    Attributes:
        work: an empty folder of this worker, where views are put together.
        masks: folders that user code must not see.
        isolation: `namespace`, `substitution`, or `auto`: the first if the kernel allows it, else the second.
        refusal: why the kernel does not, once it has been asked.
    """

    def __init__(self, work: Path, masks: Sequence[Path], isolation: str = "auto") -> None:
        self._work = work
        self._masks = [each.resolve() for each in masks]
        self._isolation = isolation
        self.refusal = ""
        self._refused = False
        self._ended: list[subprocess.Popen[bytes]] = []

    def open(self, request: Request) -> ProcessSandbox:
        """As the protocol says."""
        root = _environment_root(request.environment)
        for mask in self._masks:
            if mask == Path("/"):
                raise SandboxRefused("TRUNKLINE_HOME is /: choose a folder of its own, user code must not see it")
        if self._isolation != "substitution" and not self._refused:
            try:
                return self._start(request, root, "namespace")
            except _NoView as error:
                if self._isolation == "namespace":
                    raise SandboxRefused(
                        f"user code cannot get a /pfs of its own here: {error}; allow user namespaces on this "
                        "machine, or set TRUNKLINE_ISOLATION=auto"
                    ) from None
                self.refusal = str(error)
                # With an environment, that may have been the reason, and the next one may be better.
                self._refused = root is None
        try:
            return self._start(request, root, "substitution")
        except _NoView as error:
            raise SandboxRefused(f"user code cannot be run here: {error}; see the log of pachd") from None

    def close(self) -> None:
        """Waits until the runners of all closed sandboxes have ended."""
        for each in self._ended:
            each.wait()
        self._ended = []

    def _start(self, request: Request, root: Path | None, mode: str) -> ProcessSandbox:
        staging = request.staging.resolve()
        self._work.mkdir(parents=True, exist_ok=True)
        connection, process = _runner()
        fields = [mode, str(staging), str(root or ""), str(self._work.resolve()), request.user]
        secrets = request.secrets if mode == "namespace" else {}
        try:
            answer = _agree(connection, fields, self._masks, secrets)
        except BaseException:
            _give_up(connection, process)
            raise
        self._bury(process)
        if mode == "namespace":
            return ProcessSandbox(connection, request, Setup.of(mode, answer, ()), None)
        warning = _FALLBACK.format(reason=self.refusal or "as TRUNKLINE_ISOLATION says")
        setup = Setup.of(mode, answer, (warning,))
        try:
            kept = KeptFiles(self._work / "secrets", request.secrets, setup.owner)
        except BaseException:
            connection.close()
            raise
        return ProcessSandbox(connection, request, setup, Substitution(staging, root, kept.folders), kept)

    def _bury(self, started: subprocess.Popen[bytes]) -> None:
        """Collects runners that have ended; nobody waits for the kernel to take their mounts apart."""
        self._ended = [each for each in self._ended if each.poll() is None]
        self._ended.append(started)


class _NoView(Exception):
    """The kernel does not allow a view of user code's own."""


def _runner() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """A runner that has just been started, and the connection to it."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOT, str(theirs.fileno()), str(_PACKAGES)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={},
            cwd="/",
            pass_fds=[theirs.fileno()],
        )
    return ours, process


def _agree(
    connection: socket.socket, fields: Sequence[str], masks: Sequence[Path], secrets: Mapping[str, bytes]
) -> list[bytes]:
    """Tells a runner what the sandbox is to be; returns its answer that it is.

    Raises:
        SandboxRefused: the user cannot be had, or there is no place for a secret.
        _NoView: the view cannot.
    """
    connection.settimeout(_PATIENCE)
    try:
        hidden = frames.pack([os.fsencode(each) for each in masks])
        files = frames.pack([part for path, value in secrets.items() for part in (os.fsencode(path), value)])
        frames.send(connection, [b"open", *map(os.fsencode, fields), hidden, files])
        answer, _ = frames.receive(connection)
    except frames.Broken as error:
        raise _NoView(f"the runner ended ({error})") from None
    connection.settimeout(None)
    if answer[0] == b"refused":
        text = answer[2].decode("utf-8", "replace")
        raise _NoView(text) if answer[1] == b"view" else SandboxRefused(text)
    return answer


def _environment_root(environment: Environment | None) -> Path | None:
    if environment is None or not environment.root:
        return None
    root = Path(environment.root)
    if not root.is_absolute() or not root.is_dir():
        raise SandboxRefused(
            f'environment "{environment.image}": its folder {environment.root} is not there; put it back, or '
            f"register another one with pachctl create-environment {environment.image} --root DIR"
        )
    return root.resolve()


def _give_up(connection: socket.socket, process: subprocess.Popen[bytes]) -> None:
    connection.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
        return
    process.kill()
    process.wait()
