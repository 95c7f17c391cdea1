"""Pipelines without processes: the real planner, dispatcher and runner, one thread as worker, functions as user code.

Invariant: what is noted in `ran` is exactly what user code ran on, once for each time that it ran.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from trunkline.content.entry import from_entry
from trunkline.content.writer import ContentWriter
from trunkline.kernel.errors import Cancelled
from trunkline.maps import Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs.pfs import Pfs
from trunkline.pps import rows
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.logbook import Logbook
from trunkline.pps.outcomes import DatumReport
from trunkline.pps.outputs import output_map
from trunkline.pps.pps import Pps
from trunkline.pps.rows import Stats
from trunkline.pps.runner import JobRunner, Standing
from trunkline.pps.states import DatumState
from trunkline.pps.tickets import Batch, WorkDatum

Staged = Mapping[str, bytes]
"""Files below /pfs, by path: `/<input name>/…`."""

Leaf = tuple[str, str, str, str]
"""An input of a datum: name, repo, branch, path (a directory's with its slash)."""


class Ran(NamedTuple):
    """One run of user code."""

    pipeline: str
    inputs: tuple[Leaf, ...]
    staged: tuple[tuple[str, bytes], ...]


class Failed(Exception):
    """User code gave up; the text is the reason."""


def user_code(command: Sequence[str], staged: Staged) -> dict[str, bytes]:
    """What the commands of histories do: the first word says what to write, the second whether `bad` is an error.

    Raises:
        Failed: a file holds `bad`, and the second word is `strict`.
    """
    if "strict" in command[1:] and any(b"bad" in data for data in staged.values()):
        raise Failed("exit code 1")
    whole = b"".join(data for _, data in sorted(staged.items()))
    name = "_".join(sorted({path.replace("/", "_") for path in staged}))
    match command[0]:
        case "copy":
            return dict(staged)
        case "name":
            return {f"/{name}.txt": whole}
        case "same":
            return {"/same": whole}
        case "deep":
            return {"/top": whole} if len(whole) % 2 else {f"/top/{name}": whole}
    return {}


class Workshop:
    """The pipelines of a world.

    Args:
        folder: for logs and temporary files.
    """

    def __init__(self, pfs: Pfs, folder: Path) -> None:
        self._pfs = pfs
        self._logbook = Logbook(folder / "logs")
        self.pps = Pps(pfs, self._logbook)
        self._dispatcher = Dispatcher(pfs.clock, 3600.0)
        self._runner = JobRunner(pfs, self._dispatcher, self.pps.digest_of, folder=folder)
        self.ran: list[Ran] = []
        self._broken: list[BaseException] = []

    def close(self) -> None:
        """Lets go of the folder."""
        self._logbook.close()
        self._dispatcher.stop()

    def run_jobs(self) -> None:
        """Runs jobs, oldest first, until none can go on."""
        done = threading.Event()
        worker = threading.Thread(target=self._work, args=(done,), name="worker")
        worker.start()
        try:
            while self._run_all():
                pass
        except Cancelled:
            if not self._broken:
                raise
        finally:
            done.set()
            worker.join()
        if self._broken:
            raise self._broken[0]
        assert self._dispatcher.problems() == []

    def _run_all(self) -> bool:
        while self._pfs.finisher.step() is not None:
            pass
        with self._pfs.catalog.read() as tx:
            waiting = [job.key for job in rows.jobs(tx, "WHERE jobs.finished IS NULL ORDER BY jobs.id")]
        return Standing.ENDED in [self._runner.run(key).standing for key in waiting]

    def _work(self, done: threading.Event) -> None:
        try:
            while not done.is_set():
                batch = self._dispatcher.next_batch("worker", 0.002)
                if batch is not None:
                    reports = [self._report(batch, datum) for datum in batch.datums]
                    self._dispatcher.report("worker", batch.id, reports, done=True)
        except BaseException as error:  # told by who waits for the jobs
            self._broken.append(error)
            self._dispatcher.stop()

    def _report(self, batch: Batch, datum: WorkDatum) -> DatumReport:
        staged = {path: data for one in datum.inputs for path, data in self._stage(one.name, one.path, one.source.root)}
        leaves = tuple((one.name, one.source.repo, one.source.branch, one.path) for one in datum.inputs)
        self.ran.append(Ran(batch.ticket.ref.pipeline.name, leaves, tuple(sorted(staged.items()))))
        try:
            made = user_code(batch.ticket.transform.cmd, staged)
        except Failed as error:
            return DatumReport(datum.id, DatumState.FAILED, str(error), stats=Stats(), tries=3)
        writer = ContentWriter(self._pfs.store)
        pending = [(path, writer.add(data)) for path, data in made.items()]
        writer.flush()
        files = [(path, one.file()) for path, one in pending]
        outputs = output_map(self._pfs.maps, datum.id, files).pack()
        return DatumReport(datum.id, DatumState.SUCCESS, outputs=outputs)

    def _stage(self, name: str, path: str, root: bytes) -> list[tuple[str, bytes]]:
        low = path.encode()
        high = prefix_end(low) if path.endswith("/") else low + b"\0"
        return [
            (f"/{name}{entry[0].decode()}", b"".join(self._pfs.reader.read(from_entry(entry))))
            for entry in self._pfs.maps.range(Root.unpack(root), low, high)
        ]
