"""Keeps the code of spouts running: one thread for each spout that is not stopped, in the pachd that leads.

Invariants: a spout is run in one version at a time; when its thread ends its token is void and its open commit closed,
so that the next version finds the branch as it needs it. What running means is the keeper's (`trunkline.pps.standing`).
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from functools import partial

from trunkline.kernel.errors import Cancelled, FailedPrecondition, StorageFailed
from trunkline.kernel.ids import SetId
from trunkline.maps import Entry
from trunkline.pachd.loops import Loop
from trunkline.pps import environments, pipelines, rows, secrets, spouts
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.environments import Environment
from trunkline.pps.pps import Pps
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Pipeline, Version
from trunkline.pps.secrets import Handed
from trunkline.pps.serving import show_trouble
from trunkline.pps.spec import SecretMount, Transform
from trunkline.pps.standing import Keeper
from trunkline.pps.tickets import Ticket

log = logging.getLogger("trunkline.pachd")

_NO_INPUTS = b"\x90"
"""The inputs of a spout's datum, as the datum maps of jobs write them."""

# By the commit of the version: SQLite gives the key of a pipeline that was deleted to the next one.
_ONE = """
SELECT pipelines.id AS id, pipeline_versions.spec_commit AS made FROM pipelines
JOIN pipeline_versions ON pipeline_versions.pipeline = pipelines.id AND pipeline_versions.version = pipelines.version
WHERE pipelines.type = 'SPOUT' AND pipelines.stopped = 0 AND pipelines.state <> 'FAILURE'"""
_WANTED = f"{_ONE} ORDER BY pipelines.id"
_PAUSE = 1.0


class SpoutLoop:
    """Looks which spouts there are whenever the catalog changes, and keeps each running in a thread.

    Args:
        dispatcher: of standing work.
    """

    def __init__(self, pps: Pps, dispatcher: Dispatcher) -> None:
        self._pps, self._dispatcher = pps, dispatcher
        self._loop = Loop("spouts", pps.pfs.catalog.watch, self._step)
        self._kept: dict[int, tuple[int, threading.Thread]] = {}
        """By key of the pipeline: the commit of the version that is run (its key), and by which thread."""
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Starts the loop."""
        self._loop.start()

    def stop(self) -> None:
        """Asks the loop to end; `join` waits for that and for the spouts to be put down."""
        self._stopping.set()
        self._loop.stop()

    def join(self) -> None:
        """Waits for the end."""
        self._loop.join()
        with self._lock:
            threads = [thread for _, thread in self._kept.values()]
        for thread in threads:
            thread.join()

    def _step(self) -> bool:
        catalog = self._pps.pfs.catalog
        wanted: dict[int, int] = {}
        with catalog.leading() as leads:
            if leads:
                with catalog.read() as tx:
                    wanted = {row["id"]: row["made"] for row in tx.rows(_WANTED)}
        with self._lock:
            kept = dict(self._kept)
        for key, (made, _) in kept.items():
            if wanted.get(key) != made:
                self._dispatcher.cancel_job(_number(key))
        for key, made in wanted.items():
            if key not in kept:
                self._keep(key, made)
        return False

    def _keep(self, key: int, made: int) -> None:
        thread = threading.Thread(target=self._run, args=(key, made), name=f"spout-{key}", daemon=True)
        with self._lock:
            self._kept[key] = made, thread
        thread.start()

    def _run(self, key: int, made: int) -> None:
        """Keeps one version of a spout running until it is not wanted any more."""
        pfs = self._pps.pfs
        try:
            with pfs.catalog.read() as tx:
                if tx.row(f"{_ONE} AND pipelines.id = ? AND pipeline_versions.spec_commit = ?", (key, made)) is None:
                    return
                pipeline = rows.pipeline_by_key(tx, key)
                version = rows.version(tx, key, pipeline.version)
            _Spout(self._pps, self._dispatcher, pipeline, version).keep()
        except Cancelled:
            pass
        except FailedPrecondition as error:
            # A secret is missing, say: it is of no use to try again before the next version.
            pfs.change(partial(pipelines.fail, key=key, made=made, reason=str(error)))
        except Exception:
            log.exception("a spout could not be looked after", extra={"pipeline": key})
            self._stopping.wait(_PAUSE)
        finally:
            with self._lock:
                self._kept.pop(key, None)
            pfs.catalog.watch.notify()


class _Spout:
    """One version of a spout."""

    def __init__(self, pps: Pps, dispatcher: Dispatcher, pipeline: Pipeline, version: Version) -> None:
        self._pps, self._dispatcher, self._pipeline, self._version = pps, dispatcher, pipeline, version
        self._token = ""

    def keep(self) -> None:
        """Returns when it is not wanted any more; raises Cancelled when pachd is shutting down."""
        trouble = partial(show_trouble, self._pps.pfs, self._pipeline.key)
        keeper = Keeper(self._dispatcher, self._ticket(), self._entry(), begin=self._begin, trouble=trouble)
        try:
            keeper.keep()
        finally:
            self._pps.pfs.writers.revoke(self._token)

    def _begin(self) -> str:
        """Before each run: the run before can write no more, and what it left open is closed."""
        pfs = self._pps.pfs
        pfs.writers.revoke(self._token)
        with pfs.catalog.read() as tx:
            here = self._pipeline.key, self._version.spec_commit
            row = tx.row(f"{_ONE} AND pipelines.id = ? AND pipeline_versions.spec_commit = ?", here)
        if row is None:
            # It was stopped or updated before the loop could find its work to take back.
            self._dispatcher.cancel_job(_number(self._pipeline.key))
            return ""
        pfs.change(lambda change: spouts.close_left(change, self._pipeline.output, spouts.ENDED))
        self._token = pfs.writers.grant(self._pipeline.output)
        return self._token

    def _entry(self) -> Entry:
        """The datum that its run is to workers."""
        digest = hashlib.blake2b(f"{self._pipeline.key}/{self._version.number}".encode(), digest_size=32).digest()
        return digest, digest, 0, _NO_INPUTS

    def _ticket(self) -> Ticket:
        given = self._version.spec
        transform = given.transform or Transform()
        environment, digest = self._environment(transform.image)
        return Ticket(
            job_key=_number(self._pipeline.key),
            pipeline_key=self._pipeline.key,
            ref=JobRef(self._pipeline.ref, SetId("")),
            version=self._version.number,
            spec_commit=self._version.spec_id,
            output_branch=self._pipeline.output_branch,
            transform=transform,
            secrets=self._secrets(transform.secrets),
            environment=environment,
            environment_digest=digest,
            memory_limit=given.memory_limit,
            sources=(),
            record=lambda _: True,
            standing=True,
            log=spouts.log_of(self._pipeline.ref, self._version.spec_id),
        )

    def _secrets(self, mounts: Sequence[SecretMount]) -> tuple[Handed, ...]:
        if not mounts:
            return ()
        with self._pps.pfs.catalog.read() as tx:
            return secrets.hand_out(tx, self._pps.vault, mounts)

    def _environment(self, image: str) -> tuple[Environment | None, str]:
        with self._pps.pfs.catalog.read() as tx:
            found = environments.find(tx, image)
        try:
            return found, "" if found is None else self._pps.digest_of(found)
        except StorageFailed:
            return found, ""  # its folder is gone; the sandbox says so


def _number(pipeline: int) -> int:
    """What a spout has in the place of a job's key: it has no job."""
    return -pipeline
