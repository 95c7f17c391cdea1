"""A worker process, put together: settings, store, runtime, client, loop.

Reads its settings from the first line of standard input; when that input ends, or pachd does, it ends too.
"""

from __future__ import annotations

import os
import sys

import msgspec

from trunkline.kernel.clock import SystemClock
from trunkline.kernel.errors import TrunklineError
from trunkline.kernel.secrets import Secrets
from trunkline.objects.open import open_store
from trunkline.worker import config, lifeline
from trunkline.worker.client import Client
from trunkline.worker.desk import Bench
from trunkline.worker.loop import Loop
from trunkline.worker.now import Now
from trunkline.worker.runtimes.process import ProcessRuntime
from trunkline.worker.service import WorkerServer, WorkerService


def main() -> int:
    """Runs the worker; returns an exit code when it cannot go on."""
    lifeline.hold()
    try:
        settings = config.read(lifeline.read_line())
        lifeline.watch()
        os.umask(0o022)
        masks = [settings.home, settings.scratch, settings.store]
        runtime = ProcessRuntime(settings.scratch / "view", masks, settings.isolation)
        store = open_store(
            settings.bucket,
            folder=settings.store,
            cloud=Secrets(settings.cloud),
            cache=settings.home / "cache",
            cache_bytes=settings.store_cache,
        )
        now = Now()
        server = WorkerServer(WorkerService(settings.worker, now, None))
        bench = Bench(msgspec.structs.replace(settings, service_port=server.port), store, runtime, now)
        Loop(Client(settings), bench, SystemClock()).run()
    except TrunklineError as error:
        print(f"trunkline worker: {error}", file=sys.stderr)
        return error.exit_code
