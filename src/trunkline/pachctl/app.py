"""What every command is given: the environment, the clock, and (once asked for) the way to the server.

Invariant: nothing connects, and no server is started, before a command asks for `server`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trunkline.kernel.clock import Clock, Nanos, SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.pachctl.connect import Server

PACHD = (sys.executable, "-m", "trunkline.pachd")
"""How a local pachd is started; `--home DIR` is appended."""


class App:
    """The state of one invocation.

    Attributes:
        environ: the environment, as given to the program.
        clock: where ages are counted from.
        daemon: the command that starts a local pachd.
        verbose: whether to say which server is used.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        clock: Clock | None = None,
        daemon: Sequence[str] = PACHD,
    ) -> None:
        self.environ = environ
        self.clock = clock or SystemClock()
        self.daemon = tuple(daemon)
        self.verbose = False
        self._server: Server | None = None

    @property
    def home(self) -> Path:
        """The folder of the local pachd."""
        from trunkline.kernel.config import home_from

        return home_from(self.environ)

    @property
    def server(self) -> Server:
        """The configured server, or the local one, which is started if none runs.

        Raises:
            InvalidRequest: an address or a configuration file that cannot be read.
            Unreachable: the local server did not start.
        """
        if self._server is None:
            from trunkline.pachctl.connect import connect

            self._server = connect(self)
        return self._server

    def now(self) -> Nanos:
        """The time that ages are counted from."""
        return self.clock.now()

    def note(self, text: str) -> None:
        """One line on standard error that is not an error."""
        print(f"pachctl: {text}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Ends the connection, if there is one."""
        if self._server is not None:
            self._server.close()
            self._server = None
