"""The process that holds messages against a jq program; started by `jqfilter`, one for each listing.

The program is somebody's. Invariants: it finds no variables of pachd's, opens no file and no connection (there is no
descriptor left to open one with), and a message that costs it too much time or memory ends this process alone.

In, on standard input, by lines: the program as a JSON text, then messages as JSON. Out, a line for each: `ok` or `bad`
with the reason for the program, then `yes`, `no`, or `bad` with the reason.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from typing import Any

SECONDS = 5.0
"""Of processor time, for one message."""

MEMORY = 256 << 20
LONGEST_REASON = 500


def main() -> None:
    """Answers until its input ends."""
    import jq

    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_AS, MEMORY),
    ):
        resource.setrlimit(kind, (most, most))
    program: Any = None
    for line in sys.stdin.buffer:
        # Without a handler the signal ends the process, in the middle of jq's own code too.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            if program is None:
                program = jq.compile(json.loads(line))
                _say("ok")
            else:
                _say("yes" if _first(program.input_text(line.decode())) else "no")
        except (ValueError, StopIteration) as error:
            _say("bad", str(error))


def _first(outputs: Any) -> bool:
    """Whether what the program gives first is true, as jq sees it; nothing at all is not."""
    for value in outputs:
        return value is not None and value is not False
    return False


def _say(answer: str, reason: str = "") -> None:
    line = " ".join([answer, *reason.split()])[:LONGEST_REASON]
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
