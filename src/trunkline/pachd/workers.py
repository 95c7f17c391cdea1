"""Worker processes: as many as there is work for, never more than the setting, none when nothing runs.

Invariants: a worker's death is told to the dispatcher at once, so that its batch goes to another one; workers get
their token over standard input and nothing secret in their environment; they end when pachd does, because
their standard input does. They are started from one thread that lives as long as pachd, since the kernel ties
them to the thread that started them.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from trunkline.kernel import meters
from trunkline.kernel.config import Settings
from trunkline.kernel.ids import new_id

log = logging.getLogger("trunkline.pachd")

STARTED = meters.counter("workers_started", "Worker processes that were started.")
ENDED = meters.counter("workers_died", "Worker processes that ended by themselves.")

IDLE_SECONDS = 60.0
"""How long a worker without work is kept, because the next job may come."""

_LOOK_SECONDS = 0.05
_YOUNG_SECONDS = 5.0
"""A worker that ends before it is this old, without having been told to, counts as a failed start."""

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 15.0
"""Pauses before another start after failed ones, so that a broken set-up does not spin."""


FAILED_STARTS = 3
"""In a row, before pipelines that wait for workers are shown as crashing."""


class Demand(Protocol):
    """Who knows how many workers there is work for, and wants to know of deaths."""

    def wanted_workers(self) -> Mapping[int, int]:
        """By pipeline: how many workers could be busy now, those that are busy included."""
        ...

    def silent_workers(self) -> frozenset[str]:
        """Workers that are out of order, although their processes may live."""
        ...

    def worker_gone(self, worker: str) -> None:
        """The worker died."""
        ...


class _Worker:
    def __init__(self, name: str, process: subprocess.Popen[bytes], scratch: Path) -> None:
        self.name, self.process, self.scratch = name, process, scratch
        self.started = time.monotonic()


class WorkerPool:
    """Starts, watches and ends workers from a thread of its own.

    Args:
        busy: whether there may be work soon, so that it pays to look often.
        most: workers at a time; None for as many as there is work for.
        kind: what the names of its workers begin with.
    """

    def __init__(
        self,
        settings: Settings,
        demand: Demand,
        token: str,
        busy: Callable[[], bool] = lambda: False,
        *,
        most: int | None = None,
        kind: str = "worker",
    ) -> None:
        self._settings, self._demand, self._token, self._busy = settings, demand, token, busy
        self._most, self._kind = most, kind
        self._variables = dict(settings.passed_on)
        self._workers: list[_Worker] = []
        self._address = ""
        self._changed = threading.Event()
        self._stopping = False
        self._idle_since: float | None = None
        self._failures = 0
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._run, name=kind, daemon=True)

    def start(self, address: str) -> None:
        """Begins to start workers, which will call pachd at this address."""
        self._address = address
        self._thread.start()

    def look(self) -> None:
        """Says that the demand may have changed."""
        self._changed.set()

    def stop(self) -> None:
        """Ends every worker, and waits for that."""
        self._stopping = True
        self._changed.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def alive(self) -> int:
        """Workers that run now."""
        return sum(worker.process.poll() is None for worker in self._workers)

    @property
    def trouble(self) -> str:
        """Why workers do not come up, if they do not; empty otherwise."""
        if self._failures < FAILED_STARTS:
            return ""
        return f"workers end as soon as they start: {_last_line(self._output)} (log: {self._output})"

    @property
    def _output(self) -> Path:
        return self._settings.logs_path / "workers.out"

    def _run(self) -> None:
        while not self._stopping:
            # Work is offered a moment after a job was taken up; so look again soon while any pipeline is busy.
            self._changed.wait(_LOOK_SECONDS if self._workers or self._busy() else None)
            self._changed.clear()
            try:
                self._bury()
                self._adjust()
            except Exception:
                log.exception("workers could not be looked after")
        for worker in self._workers:
            self._end(worker)

    def _bury(self) -> None:
        """Tells of the dead; ends those that are as good as dead, so that others can take their places."""
        silent = self._demand.silent_workers()
        for worker in list(self._workers):
            if worker.name in silent and worker.process.poll() is None:
                log.warning("worker is silent, and is ended", extra={"worker": worker.name})
                worker.process.kill()
            code = worker.process.poll()
            if code is None:
                continue
            self._workers.remove(worker)
            ENDED.add()
            log.warning("worker ended", extra={"worker": worker.name, "code": code})
            self._demand.worker_gone(worker.name)
            shutil.rmtree(worker.scratch, ignore_errors=True)
            if time.monotonic() - worker.started < _YOUNG_SECONDS:
                self._failures += 1
                pause = min(_FIRST_PAUSE * 2**self._failures, _LONGEST_PAUSE)
                self._not_before = time.monotonic() + pause

    def _adjust(self) -> None:
        if any(time.monotonic() - worker.started > _YOUNG_SECONDS for worker in self._workers):
            self._failures = 0
        wanted = sum(self._demand.wanted_workers().values())
        if self._most is not None:
            wanted = min(wanted, self._most)
        if time.monotonic() >= self._not_before:
            self._workers += [self._spawn() for _ in range(wanted - len(self._workers))]
        if wanted or not self._workers:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since > IDLE_SECONDS:
            for worker in list(self._workers):
                self._end(worker)
                self._workers.remove(worker)

    def _spawn(self) -> _Worker:
        STARTED.add()
        name = f"{self._kind}-{new_id()[:12]}"
        scratch = self._settings.scratch_path / name
        scratch.mkdir(mode=0o755)
        config = {
            "address": self._address,
            "token": self._token,
            "worker": name,
            "store": str(self._settings.store_path),
            "bucket": self._settings.bucket,
            "cloud": dict(self._settings.cloud) if self._settings.bucket else {},
            "store_cache": self._settings.store_cache,
            "scratch": str(scratch),
            "home": str(self._settings.home),
            "isolation": self._settings.isolation,
            "lease_seconds": self._settings.lease_seconds,
            "variables": self._variables,
        }
        with self._output.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "trunkline.worker"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                cwd=scratch,
                env=self._variables,
                start_new_session=True,
            )
        assert process.stdin is not None, "it was asked for"
        try:
            process.stdin.write(msgspec.json.encode(config) + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            log.exception("worker ended before it could be told its settings", extra={"worker": name})
        log.info("worker started", extra={"worker": name, "worker_pid": process.pid})
        return _Worker(name, process, scratch)

    def _end(self, worker: _Worker) -> None:
        """Closes its standard input, which ends it; kills it if it does not."""
        if worker.process.stdin is not None:
            worker.process.stdin.close()
        try:
            worker.process.wait(5)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
        self._demand.worker_gone(worker.name)
        shutil.rmtree(worker.scratch, ignore_errors=True)


def _last_line(path: Path) -> str:
    """What the last worker said before it ended."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "they say nothing"
    return next((line.strip() for line in reversed(lines) if line.strip()), "they say nothing")
