"""Ends the worker with the pachd that started it, however pachd ended.

Two ways, because each has a gap: the kernel kills the worker when the thread that started it ends (but not
if that happened before the worker could ask for it), and standard input, whose other end pachd holds, comes
to its end.
"""

from __future__ import annotations

import os
import signal
import threading

from trunkline.worker.runtimes.runner import linux


def hold() -> None:
    """Ties this process to its parent from now on."""
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)


def read_line(descriptor: int = 0) -> bytes:
    """The first line of standard input, and nothing behind it; less if the input ends before."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            break
        line += byte
    return bytes(line)


def watch(descriptor: int = 0) -> None:
    """Ends this process, from another thread, when standard input comes to its end."""
    threading.Thread(target=_watch, args=(descriptor,), name="lifeline", daemon=True).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 4096):
        pass
    # Not an orderly exit: whatever the worker is busy with, its batch belongs to another one now.
    os._exit(3)
