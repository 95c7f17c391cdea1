"""One big file of random bytes in and out by pachctl, beside `dd` and `cat`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.pfs import harness
from benchmarks.pfs.harness import Pachd, seconds
from benchmarks.pfs.report import Figure, at_least, at_most, beside

NAME = "bigfile"
SHORT = {"mib": 256, "rounds": 3}
FULL = {"mib": 1_024, "rounds": 3}
BARE_PUT = """
import os, queue, sys, threading
from blake3 import blake3
pieces = queue.Queue(6)
def write():
    place = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)
    while piece := pieces.get():
        os.write(place, piece)
    os.fdatasync(place)
writer = threading.Thread(target=write)
writer.start()
source = os.open(sys.argv[1], os.O_RDONLY)
whole = blake3()
while piece := os.read(source, 2 << 20):
    blake3(piece).digest()
    whole.update(piece)
    pieces.put(piece)
pieces.put(b"")
writer.join()
"""
"""What cannot be left out of a put, in two threads: nothing is cut, and all goes to one file."""

BARE_GET = """
import os, sys
from blake3 import blake3
source = os.open(sys.argv[1], os.O_RDONLY)
while piece := os.read(source, 2 << 20):
    blake3(piece).digest()
    sys.stdout.buffer.write(piece)
"""
"""What cannot be left out of a get, in one thread."""


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """Rounds with fresh bytes each; medians of the ratios of a round."""
    size = sizes["mib"] << 20
    with harness.pachd(folder) as server, harness.scratch(folder) as beside_it:
        server.repo("big")
        rounds = [_round(server, beside_it / f"file{number}", size) for number in range(sizes["rounds"])]
    put, _, dd, get, cat, chunks, busy, busy_getting, bare_put, bare_get = (
        statistics.median(column) for column in zip(*rounds, strict=True)
    )
    rate = size / 1e6
    return [
        beside("put", rate / put, " MB/s"),
        beside("put: seconds of a processor, of client and server", busy, " s"),
        beside("dd bs=4M conv=fdatasync", rate / dd, " MB/s"),
        at_least("put by dd", statistics.median(one[2] / one[0] for one in rounds), 0.7),
        beside("limit: read, hash twice and write to one file in Python, MB/s", rate / bare_put),
        beside("put by that limit, times as long", statistics.median(one[0] / one[8] for one in rounds)),
        at_least("put again is faster, times", statistics.median(one[0] / one[1] for one in rounds), 5),
        at_most("new chunks of that", chunks, 0),
        at_least("get to a pipe", rate / get, 600, " MB/s"),
        beside("get: seconds of a processor, of client and server", busy_getting, " s"),
        beside("cat to a pipe", rate / cat, " MB/s"),
        at_least("get by cat", statistics.median(one[4] / one[3] for one in rounds), 0.3),
        beside("limit: read, hash and write to a pipe in Python, MB/s", rate / bare_get),
        beside("get by that limit, times as long", statistics.median(one[3] / one[9] for one in rounds)),
    ]


def _round(server: Pachd, file: Path, size: int) -> tuple[float, ...]:
    """Seconds of put, put again, dd, get, cat; chunks that the second put made; processor seconds of put and get;
    seconds of the limits of both."""
    with file.open("wb") as handle:
        for _ in range(size >> 20):
            handle.write(os.urandom(1 << 20))
        os.fsync(handle.fileno())
    copy = file.with_suffix(".copy")
    dd = seconds(lambda: _run(f"dd if={file} of={copy} bs=4M conv=fdatasync 2>/dev/null"))
    copy.unlink()
    bare_put = seconds(lambda: subprocess.run([sys.executable, "-c", BARE_PUT, str(file), str(copy)], check=True))
    copy.unlink()
    name = ("big", "master", file.name)
    idle = server.processor()
    put = seconds(lambda: server.pachctl("put-file", *name, "-f", str(file)))
    busy = server.processor() - idle
    before = harness.chunks(server)
    again = seconds(lambda: server.pachctl("put-file", "-o", *name, "-f", str(file)))
    made = harness.chunks(server).keys() - before.keys()
    reading = " ".join((*harness.PACHCTL, "get-file", *name))
    idle = server.processor()
    get = seconds(lambda: _run(f"{reading} | cat > /dev/null", server.environ))
    busy_getting = server.processor() - idle
    cat = seconds(lambda: _run(f"cat {file} | cat > /dev/null"))
    bare = f"{sys.executable} -c '{BARE_GET}' {file}"
    bare_get = seconds(lambda: _run(f"{bare} | cat > /dev/null"))
    _run(f"{reading} | cmp - {file}", server.environ)
    file.unlink()
    return put, again, dd, get, cat, len(made), busy, busy_getting, bare_put, bare_get


def _run(line: str, environ: dict[str, str] | None = None) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-c", line], check=True, env=environ)
