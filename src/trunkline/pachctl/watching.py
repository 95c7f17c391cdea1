"""How far jobs are, on a terminal, while a command waits for them: a line for each, written over as they go on.

Invariants: nothing is written if standard error is no terminal, or if it is over within a second; what was written is
wiped away in the end. The public API has no stream of progress, so what jobs have done is asked for twice a second,
and only while somebody looks; the waiting itself is not done here, and goes on should an answer fail.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TextIO

from trunkline.kernel.errors import TrunklineError
from trunkline.pachctl import jobsets
from trunkline.pachctl.connect import Server
from trunkline.pachctl.views import jobs as view
from trunkline.wire import pps_pb2 as pps

PATIENCE = 1.0
"""Seconds before anything is shown."""

PAUSE = 0.5
"""Seconds between two looks."""

FAREWELL = 5.0
"""Seconds that an answer which is under way is waited for in the end."""

MOST = 10
"""Jobs that are shown at once."""

BAR = 20
"""Characters of a bar."""

Look = Callable[[], Sequence[pps.JobInfo]]
Chosen = Callable[[pps.JobInfo], bool]

_ENDED = (pps.JOB_SUCCESS, pps.JOB_FAILURE, pps.JOB_KILLED, pps.JOB_UNRUNNABLE)


def _every(_: pps.JobInfo) -> bool:
    return True


def of_sets(server: Server, sets: Sequence[str], chosen: Chosen = _every) -> Look:
    """What the jobs of some commit sets have done so far.

    Args:
        chosen: which of them are looked at.
    """
    return lambda: [info for one in sets for info in jobsets.of_set(server, one) if chosen(info)]


class Watching:
    """A context manager: shows what `look` sees while its body waits.

    Args:
        show: whether to show anything at all.
    """

    def __init__(self, look: Look, stream: TextIO | None = None, *, show: bool = True) -> None:
        self._look, self._stream = look, stream or sys.stderr
        self._over = threading.Event()
        self._lines = 0
        self._thread: threading.Thread | None = None
        if show and self._stream.isatty():
            self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Watching:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(FAREWELL)

    def _run(self) -> None:
        pause = PATIENCE
        while not self._over.wait(pause):
            pause = PAUSE
            try:
                infos = self._look()
            except TrunklineError:
                break  # the waiting itself will tell of it, if it matters
            if not self._over.is_set():
                self._draw(block(infos, _width(self._stream)))
        self._draw([])

    def _draw(self, lines: Sequence[str]) -> None:
        back = f"\x1b[{self._lines}F\x1b[J" if self._lines else ""
        self._stream.write(back + "".join(f"{line}\n" for line in lines))
        self._stream.flush()
        self._lines = len(lines)


def block(infos: Sequence[pps.JobInfo], width: int) -> list[str]:
    """The lines that say how far jobs are; those that go on come before those that have ended.

    Args:
        width: of the terminal; a line is shorter, since one that wraps could not be wiped away.
    """
    going = [info for info in infos if info.state not in _ENDED]
    ended = [info for info in infos if info.state in _ENDED]
    shown = [*going, *ended][:MOST]
    longest = max((len(_name(info)) for info in shown), default=0)
    lines = [_line(info, longest) for info in shown]
    if len(infos) > len(shown):
        lines.append(f"and {len(infos) - len(shown)} more; {len(ended)} of {len(infos)} jobs have ended")
    return [line[: max(1, width - 1)] for line in lines]


def _line(info: pps.JobInfo, longest: int) -> str:
    said = f"{_name(info):<{longest}} {view.state(info.state):<10}"
    if not info.data_total:
        return said.rstrip()
    done = info.data_processed + info.data_skipped + info.data_recovered + info.data_failed
    share = min(1.0, done / info.data_total)
    bar = "#" * int(share * BAR)
    failed = f", {info.data_failed:,} failed" if info.data_failed else ""
    return f"{said} [{bar:<{BAR}}] {share:4.0%} {done:,}/{info.data_total:,} datums{failed}"


def _name(info: pps.JobInfo) -> str:
    pipeline = info.job.pipeline
    project = pipeline.project.name
    return pipeline.name if project in ("", "default") else f"{project}/{pipeline.name}"


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
