"""One datum: its tries, each from a fresh copy of its inputs, until one succeeds or none is left.

Invariants: every try is counted, an error handler runs after every try that user code failed, and what no
further try can change (no such program, altered data) fails the datum at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from trunkline.kernel.errors import Corrupt, FailedPrecondition, NotFound, TrunklineError
from trunkline.kernel.units import size
from trunkline.worker.desk import Desk, standard_input, working_dir
from trunkline.worker.environ import dotenv, plain, variables
from trunkline.worker.gather import Gathered
from trunkline.worker.logs import UserOutput
from trunkline.worker.model import Datum, State, Statistics
from trunkline.worker.program import Program
from trunkline.worker.reporter import Draft
from trunkline.worker.runtimes.protocol import Command, Ended, SandboxLost

_LONGEST_REASON = 2000
"""Characters of what user code says of itself."""


class UserCodeFailed(TrunklineError):
    """User code ended with a code that is not accepted, or took too long."""

    code = "user-code-failed"


class DatumRun:
    """One datum of a batch, from its first try to its draft."""

    def __init__(self, desk: Desk, datum: Datum) -> None:
        self._desk = desk
        self._datum = datum
        self._transform = desk.batch.transform
        self._statistics = Statistics()
        self._recovered = False

    def run(self) -> Draft:
        """Tries the datum.

        Raises:
            Lost, Restart, PachdGone: as `trunkline.worker.lease.Lease.check`.
        """
        if not self._transform.cmd:
            return self._failed("invalid pipeline transform, no command specified")
        reason = ""
        while self._statistics.tries < max(1, self._transform.tries):
            self._statistics.tries += 1
            hopeless = False
            try:
                return self._draft(State.SUCCESS, gathered=self._attempt())
            except UserCodeFailed as error:
                reason = f"{error}{self._desk.shortage()}"
                self._handle_error()
            except SandboxLost as error:
                reason = str(error)
                self._desk.reopen()
            except TrunklineError as error:
                reason = str(error)
                hopeless = isinstance(error, FailedPrecondition | NotFound | Corrupt)
            self._desk.lease.check()
            tries = f"try {self._statistics.tries} of {self._transform.tries}"
            self._desk.log.note(f"{tries} failed: {reason}", self._datum.id)
            if hopeless:
                break
        return self._failed(reason)

    def _attempt(self) -> Gathered:
        desk = self._desk
        program = desk.program if self._transform.datum_batching else None
        env = variables(desk.config, desk.batch, self._datum, desk.sandbox.account)
        if program is not None:
            env = program.changes(env)
        with self._timed("download_time"):
            shown = plain(env, desk.batch)  # in a file, and told to whoever asks the worker: no secrets
            visible = {name: desk.sandbox.visible(value) for name, value in shown.items()}
            staged = desk.stager.stage(self._datum, dotenv(visible), keep_scratch=desk.has_program)
            self._statistics.download_bytes = staged
        desk.lease.check()
        with self._timed("process_time"):
            try:
                if program is not None:
                    self._work(program, visible)
                else:
                    self._judge(self._command(self._transform.cmd, self._transform.stdin, env))
            except UserCodeFailed:
                desk.stager.check()  # a lazy input that could not be read is the better reason
                raise
        self._statistics.download_bytes += desk.stager.finish()
        desk.lease.check()
        with self._timed("upload_time"), desk.reporter.writer() as writer:
            return desk.gatherer.gather(self._datum, desk.sandbox, writer)

    def _work(self, program: Program, variables: dict[str, str]) -> None:
        """Has user code that is started once work on this datum.

        Raises:
            UserCodeFailed: it said so, took too long, or has ended.
        """
        output = UserOutput(self._desk.log, self._datum.id)
        finished = program.work(variables, output, self._transform.timeout)
        if finished.timed_out or finished.over:
            ended = program.end()
            self._judge(Ended(ended.code, finished.timed_out, ended.out_of_memory))
            raise UserCodeFailed("user code exited prematurely: it has to ask for the next datum until it is ended")
        if finished.error:
            raise UserCodeFailed(" ".join(finished.error.split())[:_LONGEST_REASON])

    def _command(self, cmd: Sequence[str], stdin: Sequence[str], env: dict[str, str]) -> Ended:
        output = UserOutput(self._desk.log, self._datum.id)
        command = Command(
            argv=cmd,
            env=env,
            cwd=working_dir(self._desk.batch),
            stdin=standard_input(stdin),
            timeout=self._transform.timeout,
            memory=self._transform.memory,
        )
        try:
            return self._desk.sandbox.run(command, output)
        finally:
            output.end()

    def _judge(self, ended: Ended) -> None:
        if ended.out_of_memory:
            most = size(self._transform.memory or 0)
            raise UserCodeFailed(f"user code used more memory than resource_limits.memory ({most}): raise the limit")
        if ended.timed_out:
            raise UserCodeFailed(f"user code ran longer than datum_timeout ({self._transform.timeout:g}s)")
        if ended.code < 0:
            raise UserCodeFailed(f"user code was ended by signal {-ended.code}")
        if ended.code != 0 and ended.code not in self._transform.accept_return_code:
            raise UserCodeFailed(f"exit status {ended.code}")

    def _handle_error(self) -> None:
        """Runs the error handler, if there is one, in the tree that the failed try has left."""
        if not self._transform.err_cmd:
            return
        desk = self._desk
        desk.lease.check()
        desk.end_program()
        env = variables(desk.config, desk.batch, self._datum, desk.sandbox.account)
        try:
            with self._timed("process_time"):
                ended = self._command(self._transform.err_cmd, self._transform.err_stdin, env)
            self._judge(ended)
        except SandboxLost as error:
            desk.log.note(f"err_cmd failed: {error}", self._datum.id)
            desk.reopen()
        except TrunklineError as error:
            desk.log.note(f"err_cmd failed: {error}", self._datum.id)
        else:
            self._recovered = True

    def _failed(self, reason: str) -> Draft:
        return self._draft(State.RECOVERED if self._recovered else State.FAILED, reason)

    def _draft(self, state: State, reason: str = "", gathered: Gathered | None = None) -> Draft:
        if gathered is not None:
            self._statistics.upload_bytes = gathered.size
        environment = self._transform.environment
        return Draft(
            id=self._datum.id,
            state=state,
            reason=reason,
            files=gathered.files if gathered is not None else (),
            statistics=self._statistics,
            image_digest=environment.digest if environment is not None else "",
        )

    @contextmanager
    def _timed(self, field: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            spent = getattr(self._statistics, field) + time.monotonic() - start
            setattr(self._statistics, field, spent)
