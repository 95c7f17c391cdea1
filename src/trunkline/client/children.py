"""Processes of a put: programs of this package, started with the paths of this one, and spoken to by pipes.

Invariant: what a terminal sends reaches only the put, which ends them.
"""

from __future__ import annotations

import os
import subprocess
import sys

_PROGRAM = "import sys; sys.path[:] = sys.argv[2:]; __import__(sys.argv[1], fromlist=['main']).main()"


def start(module: str) -> subprocess.Popen[bytes] | None:
    """A process that runs `main` of a module; None if there can be none."""
    try:
        return subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", _PROGRAM, module, *sys.path],  # no `site`: the path is given
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
    except OSError:
        return None


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
