"""`pachd`: reads the command line, serves until told to stop.

Exit codes are those of `kernel.errors`; a failure to start is one line on standard error.
"""

from __future__ import annotations

import argparse
import gc
import resource
import signal
import sys
import threading
from pathlib import Path

import msgspec

from trunkline.kernel import config, log
from trunkline.kernel.config import Settings
from trunkline.kernel.errors import TrunklineError
from trunkline.kernel.version import VERSION

_LOOK_SECONDS = 0.5
"""Between two looks at whether a signal came."""


def parse(arguments: list[str] | None = None) -> tuple[Settings, bool]:
    """The settings from environment and command line, and whether to log to standard error."""
    parser = argparse.ArgumentParser(
        prog="pachd", description="Serves one home: versioned data, and the pipelines that follow it."
    )
    parser.add_argument(
        "--home", type=Path, help="folder that holds everything (default: $TRUNKLINE_HOME or ~/.trunkline)"
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for any free one (default: 30650)")
    parser.add_argument("--log-to-stderr", action="store_true", help="log to standard error, not to the home")
    parser.add_argument("--version", action="version", version=f"pachd (trunkline) {VERSION}")
    given = parser.parse_args(arguments)
    settings = config.load()
    if given.home is not None:
        settings = msgspec.structs.replace(settings, home=given.home.expanduser().absolute())
    if given.host is not None:
        settings = msgspec.structs.replace(settings, host=given.host)
    if given.port is not None:
        settings = msgspec.structs.replace(settings, port=given.port)
    return settings, given.log_to_stderr


def main() -> None:
    """Runs pachd until SIGTERM, SIGINT or a Shutdown call."""
    try:
        settings, to_stderr = parse()
        serve(settings, to_stderr)
    except TrunklineError as error:
        print(f"pachd: {error.message}", file=sys.stderr)
        sys.exit(error.exit_code)


def serve(settings: Settings, to_stderr: bool) -> None:
    """Starts everything, waits for the end, stops everything.

    Raises:
        TrunklineError: it could not start.
    """
    from trunkline.pachd.daemon import Pachd  # heavy; not needed for --help

    # A dump of memory would have the values of secrets in it, and the workers' token. Workers inherit this.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    daemon = Pachd(settings, stopping)
    log.configure(settings.log_level, None if to_stderr else settings.logs_path / "pachd.log")
    try:
        daemon.start()
        gc.freeze()  # what is here now stays; looking through it again and again stops every call for 20 ms
        # With a timeout: a signal that comes just before a wait without one would be looked at only after it.
        while not stopping.wait(_LOOK_SECONDS):
            pass
    finally:
        daemon.stop()
