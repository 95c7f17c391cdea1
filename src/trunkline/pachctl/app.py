"""What every command is given: the environment, the clock, and (once asked for) the way to the server.

Invariant: nothing connects, and no server is started, before a command asks for `server`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from trunkline.kernel.clock import Clock, Nanos, SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.pachctl.config import Context
    from trunkline.pachctl.connect import Server

PACHD = (sys.executable, "-m", "trunkline.pachd")
"""How a local pachd is started; `--home DIR` is appended."""


@dataclass
class Flags:
    """The flags that commands of the spaced grammar share, as they were given.

    Attributes:
        spaced: whether the command is of that grammar.
        raw: print messages instead of tables.
        output: `json`, `yaml`, or empty, which is `json`.
        project: that of `--project`, if it was given.
        full_timestamps: times instead of ages.
        color: whether colours may be used.
        rpc_timeout: of each call, in seconds.
    """

    spaced: bool = False
    raw: bool = False
    output: str = ""
    project: str | None = None
    full_timestamps: bool = False
    color: bool = True
    rpc_timeout: float | None = None


class App:
    """The state of one invocation.

    Attributes:
        environ: the environment, as given to the program.
        clock: where ages are counted from.
        daemon: the command that starts a local pachd.
        verbose: whether to say which server is used.
        flags: what commands share.
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
        self.flags = Flags()
        self._server: Server | None = None

    @property
    def home(self) -> Path:
        """The folder of the local pachd."""
        from trunkline.kernel.config import home_from

        return home_from(self.environ)

    @property
    def memory(self) -> Path | None:
        """Where to remember which files were put; nowhere for a user without a home."""
        from pathlib import Path

        base = self.environ.get("XDG_CACHE_HOME")
        home = self.environ.get("HOME")
        if base and Path(base).is_absolute():
            return Path(base) / "trunkline" / "files"
        return Path(home) / ".cache" / "trunkline" / "files" if home else None

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
            self._server.timeout = self.flags.rpc_timeout
            if self.flags.spaced:
                from trunkline.pachctl.warnings import warn

                warn(self, self._server)
        return self._server

    @cached_property
    def context(self) -> Context:
        """The active context of the configuration file.

        Raises:
            InvalidRequest: a configuration file that cannot be read.
            NotFound: `PACH_CONTEXT` names no context.
        """
        from trunkline.pachctl import config

        return config.active_context(self.environ, config.config_path(self.environ))

    @property
    def project(self) -> str:
        """The project that names are looked for in: that of `--project`, the active context's, `default`.

        The hyphenated grammar knows no projects; there it is always `default`.
        """
        if not self.flags.spaced:
            return "default"
        return self.flags.project or self.context.project or "default"

    @property
    def colors(self) -> bool:
        """Whether words may be coloured: standard output is a terminal, and nobody said no."""
        return self.flags.color and "NO_COLOR" not in self.environ and sys.stdout.isatty()

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
