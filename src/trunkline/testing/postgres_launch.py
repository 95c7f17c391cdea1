"""`python postgres_launch.py PARENT USER PROGRAM ARGUMENTS…`: becomes a program that ends with the process PARENT.

As USER, if that is no empty text. A process of its own does this, and not the code that `subprocess` runs between fork
and exec: Python must not run there when gRPC has threads.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: str, user: str, program: str, *arguments: str) -> None:
    """Changes the user, ties this process to its parent, and becomes the program."""
    if user:
        entry = pwd.getpwuid(int(user))
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    # After the change of user, which would undo it.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
    if os.getppid() != int(parent):
        sys.exit("the parent is gone")
    os.execv(program, [program, *arguments])  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
