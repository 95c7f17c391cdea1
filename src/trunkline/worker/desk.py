"""What is at hand while a batch is worked on: its sandbox, its log, its lease, its reporter.

Opens the sandbox when it is first needed, and another one when it is lost.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence

from trunkline.content.reader import ContentReader
from trunkline.kernel.errors import TrunklineError
from trunkline.maps.maps import Maps
from trunkline.objects.open import READ_AHEAD
from trunkline.objects.protocol import ObjectStore
from trunkline.worker.config import WorkerConfig
from trunkline.worker.copies import Copies
from trunkline.worker.environ import variables
from trunkline.worker.gather import Gatherer
from trunkline.worker.lease import Lease
from trunkline.worker.logs import BatchLog
from trunkline.worker.model import Batch
from trunkline.worker.now import Now
from trunkline.worker.program import Program
from trunkline.worker.reporter import Reporter
from trunkline.worker.runtimes.protocol import Command, Request, Runtime, Sandbox, SecretFiles
from trunkline.worker.runtimes.reasons import unknown_image
from trunkline.worker.staging import Stager
from trunkline.worker.tree import Tree

_ROOM = 1 << 20
"""Bytes; a disk with less room than this is full."""


class Bench:
    """What a worker keeps from batch to batch: the staging folder, the caches, the runtime, the last sandbox."""

    def __init__(self, config: WorkerConfig, store: ObjectStore, runtime: Runtime, now: Now) -> None:
        self.config = config
        self.store = store
        self.now = now
        self._runtime = runtime
        self.tree = Tree(config.staging)
        reader = ContentReader(store, ahead=READ_AHEAD if config.bucket else 0)
        copies = Copies(reader, config.scratch / "copies", config.cache_bytes)
        self.stager = Stager(Maps(store), reader, copies, self.tree)
        self.gatherer = Gatherer(self.tree, self.stager)
        self._key: object = None
        self._sandbox: Sandbox | None = None
        self._program: Program | None = None

    def sandbox(self, batch: Batch, note: Callable[[str], None]) -> Sandbox:
        """The sandbox of a batch: one for each job, environment and set of secrets.

        Args:
            note: told what the job's log ought to say about a fresh one.

        Raises:
            SandboxRefused: it cannot be had here.
        """
        transform = batch.transform
        files = {each.path: each.value for each in transform.secrets if each.path}
        key = (batch.project, batch.pipeline, batch.job, transform.environment, transform.user, files)
        if self._sandbox is None or self._key != key:
            self.put_away()
            request = Request(
                staging=self.config.staging,
                image=transform.image,
                environment=transform.environment,
                user=transform.user,
                secrets=SecretFiles(files),
            )
            self._sandbox = self._runtime.open(request)
            self._key = key
            self.tree.owner = self._sandbox.owner
            for each in [*self._sandbox.warnings, *_remarks(batch)]:
                note(each)
        return self._sandbox

    @property
    def has_program(self) -> bool:
        """Whether user code is alive that works on many datums."""
        return self._program is not None and self._program.alive

    def program(self, batch: Batch, sandbox: Sandbox) -> Program:
        """The user code of a batch whose datums are worked on by one run of it; started if need be."""
        if self._program is None or not self._program.alive:
            self.end_program()
            env = variables(self.config, batch, None, sandbox.account)
            command = Command(
                argv=batch.transform.cmd,
                env=env,
                cwd=working_dir(batch),
                stdin=standard_input(batch.transform.stdin),
                memory=batch.transform.memory,
            )
            self._program = Program(sandbox, command, self.config.worker, self.now)
        return self._program

    def end_program(self) -> None:
        """Ends user code that works on many datums, if there is any."""
        if self._program is not None:
            with contextlib.suppress(TrunklineError):  # the datum that it failed has told of it
                self._program.end()
        self._program = None

    def put_away(self) -> None:
        """Ends the sandbox that is open."""
        self.end_program()
        if self._sandbox is not None:
            self._sandbox.close()
        self._sandbox = None


def _remarks(batch: Batch) -> list[str]:
    """What the log of a job ought to say about its pipeline."""
    transform = batch.transform
    remarks = []
    if transform.environment is None and transform.image:
        remarks.append(unknown_image(transform.image))
    return remarks


def working_dir(batch: Batch) -> str:
    """Where the commands of a batch start."""
    return batch.transform.working_dir or "/"


def standard_input(lines: Sequence[str]) -> bytes | None:
    """What a command finds on its standard input; none if no lines were given."""
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape") if lines else None


class Desk:
    """Everything that the datums of one batch share."""

    def __init__(self, bench: Bench, batch: Batch, log: BatchLog, lease: Lease, reporter: Reporter) -> None:
        self._bench = bench
        self.config = bench.config
        self.stager = bench.stager
        self.gatherer = bench.gatherer
        self.batch = batch
        self.log = log
        self.lease = lease
        self.reporter = reporter

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox that user code of this batch runs in. Raises SandboxRefused."""
        sandbox = self._bench.sandbox(self.batch, self.log.note)
        self.lease.attach(sandbox.kill)
        return sandbox

    @property
    def program(self) -> Program:
        """The one run of user code that works on the datums of this batch. Raises SandboxRefused."""
        return self._bench.program(self.batch, self.sandbox)

    @property
    def has_program(self) -> bool:
        """Whether such a run is alive."""
        return self._bench.has_program

    def end_program(self) -> None:
        """Ends it."""
        self._bench.end_program()

    def shortage(self) -> str:
        """What else has to be said when user code failed while the disk was full; empty when it is not."""
        found = os.statvfs(self.config.scratch)
        if found.f_bavail * found.f_frsize >= _ROOM and (found.f_favail or not found.f_files):
            return ""
        return "; the disk that /pfs lies on is full: free some space, or put TRUNKLINE_HOME on a larger disk"

    def reopen(self) -> None:
        """Puts a sandbox away that was lost; the next one is opened when it is needed."""
        self._bench.put_away()
