"""A process that looks at folders for a walk, and ends when nobody is there to ask.

It is started by `walking`, and speaks to it by its standard input and output.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from trunkline.client import pipes
from trunkline.client.pipes import Closed
from trunkline.client.scanning import look
from trunkline.kernel.errors import TrunklineError


def main() -> None:
    """Answers until the other side is gone."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    with suppress(Closed):
        while True:
            match pipes.receive(source):
                case pipes.Look(folders):
                    pipes.send(target, _answer(folders))
                case _:
                    return


def _answer(folders: list[bytes]) -> pipes.Looked | pipes.Failed:
    found = []
    for folder in folders:
        try:
            seen = look(os.fsdecode(folder))
        except TrunklineError as error:
            return pipes.Failed(error.code, error.message)
        found.append((seen.files, seen.stats, [os.fsencode(name) for name in seen.folders]))
    return pipes.Looked(found)
