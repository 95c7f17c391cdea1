"""User code with `datum_batching`: started once, it works on one datum after the other.

Invariants: what it writes goes to the log of the datum that it works on; a datum whose end it did not report is
never a success; when it is ended, nothing of it is left.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import msgspec

from trunkline.kernel.errors import TrunklineError
from trunkline.worker.logs import UserOutput
from trunkline.worker.now import Now
from trunkline.worker.runtimes.protocol import Command, Ended, Sandbox
from trunkline.worker.service import WorkerServer, WorkerService
from trunkline.worker.turns import Finished, Turns

PORT = "PPS_WORKER_GRPC_PORT"
"""The variable that tells user code where its worker is."""


class Program:
    """One run of user code. Everything here is called by the thread that works on datums."""

    def __init__(self, sandbox: Sandbox, command: Command, worker: str, now: Now) -> None:
        """Starts it.

        Args:
            command: without a datum's variables, and without the port, which is added here.
        """
        self._sandbox = sandbox
        self._turns = Turns()
        self._server = WorkerServer(WorkerService(worker, now, self._turns))
        self._output = _Output()
        self._ended: Ended | TrunklineError = Ended(0)
        self._variables = {**command.env, PORT: str(self._server.port)}
        command = msgspec.structs.replace(command, env=self._variables)
        self._thread = threading.Thread(target=self._run, args=(command,), name="program", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it may be given another datum."""
        return self._thread.is_alive()

    def changes(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Those variables of a datum that are not as the program was given them at its start.

        Only these are told for each datum, because the SDK takes 40 µs to read a line of /pfs/.env.
        """
        given = self._variables
        return {name: value for name, value in variables.items() if name != PORT and given.get(name) != value}

    def work(self, variables: Mapping[str, str], output: UserOutput, timeout: float | None) -> Finished:
        """Has it work on the datum that lies in /pfs.

        Returns:
            How that ended; user code that is over, or out of time, is ended wholly first.
        """
        self._output.point_to(output)
        try:
            self._turns.offer(variables)
            finished = self._turns.wait(timeout)
            if finished.over or finished.timed_out:
                self.end()
            else:
                self._sandbox.settle()
        finally:
            self._output.point_to(None)
            output.end()
        return finished

    def end(self) -> Ended:
        """Kills it, if it runs, and returns how it has ended.

        Raises:
            CannotStart: it could not be started.
            SandboxLost: the sandbox is gone.
        """
        self._turns.end()
        while self._thread.is_alive():
            # Again and again, because it may just be about to start.
            self._sandbox.kill()
            self._thread.join(0.05)
        self._server.stop()
        if isinstance(self._ended, TrunklineError):
            raise self._ended
        return self._ended

    def _run(self, command: Command) -> None:
        try:
            self._ended = self._sandbox.run(command, self._output)
        except TrunklineError as error:
            self._ended = error
        finally:
            self._turns.end()


class _Output:
    """Where the output of the program goes: to the log of its datum; between datums it has to wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._target: UserOutput | None = None
        self._early = b""

    def point_to(self, target: UserOutput | None) -> None:
        """What is written from now on goes there."""
        with self._lock:
            self._target = target
            if target is not None and self._early:
                target.write(self._early)
                self._early = b""

    def room(self) -> bool:
        """As `trunkline.worker.runtimes.protocol.Output` says."""
        with self._lock:
            return self._target is not None and self._target.room()

    def write(self, data: bytes) -> None:
        """As the protocol says."""
        with self._lock:
            if self._target is None:
                self._early += data
            else:
                self._target.write(data)
