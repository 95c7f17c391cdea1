"""Many small files from a folder by `pachctl put-file -r`, then again with a hundred of them changed.

The peers: `git add . && git commit` and `dvc add` of the same folder in the same run. git as it comes does not wait for
the disk; with `core.fsync=all` it does, as we do, so both are shown.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.pfs import harness
from benchmarks.pfs.harness import seconds
from benchmarks.pfs.report import Figure, at_least, at_most, beside

NAME = "manyfiles"
SHORT = {"files": 10_000, "changed": 100}
FULL = {"files": 100_000, "changed": 100}
BODY = 1_024
FOLDERS = 1_000
LIMIT = """
import os, sys
from blake3 import blake3
def look(folder):
    for entry in os.scandir(folder):
        if entry.is_dir():
            look(entry.path)
        else:
            entry.stat()
            place = os.open(entry.path, os.O_RDONLY)
            blake3(os.read(place, 1 << 20)).digest()
            os.close(place)
look(sys.argv[1])
"""
"""What cannot be left out, in one process: nothing is stored, and no name is remembered."""

LOOK = """
import os, sys
def look(folder):
    for entry in os.scandir(folder):
        if entry.is_dir():
            look(entry.path)
        else:
            entry.stat()
look(sys.argv[1])
"""
"""The same for files that did not change."""


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """Ours first, then the peers on a copy that is just as warm."""
    files, changed = sizes["files"], sizes["changed"]
    with harness.pachd(folder) as server, harness.scratch(folder) as beside_it:
        source = beside_it / "source"
        paths = _make(source, files)
        server.repo("many")
        words = ("put-file", "-r", "-o", "many", "master", "-f", str(source))
        idle = server.processor()
        first = seconds(lambda: server.pachctl(*words))
        busy = server.processor() - idle
        limit, least = (
            min(seconds(lambda code=code: subprocess.run([sys.executable, "-c", code, str(source)])) for _ in range(3))
            for code in (LIMIT, LOOK)
        )
        start = min(seconds(lambda: server.pachctl("list-repo")) for _ in range(3))
        before = harness.chunks(server)
        for path in random.sample(paths, changed):
            path.write_bytes(os.urandom(BODY))
        again = seconds(lambda: server.pachctl(*words))
        after = harness.chunks(server)
        bodies = sum(size for key, size in after.items() if key not in before) / BODY
        plain, durable = (_git(source, fsync) for fsync in (False, True))
        dvc, reason = _dvc(source, folder)
    return [
        at_least("files a second", files / first, 20_000),
        beside("seconds of a processor, of client and server", busy, " s"),
        beside("git add and commit, files a second", files / plain),
        at_least("git by ours", plain / first, 2.5),
        beside("git with core.fsync=all by ours", durable / first),
        Figure("dvc add by ours", "none", "≥ 20", None, reason)
        if dvc is None
        else at_least("dvc add by ours", dvc / first, 20),
        beside("limit: find, read and hash each file in Python, files a second", files / limit),
        beside("ours by that limit, times as long", first / limit),
        at_most(f"again with {changed} changed, by the first", again / first, 0.2),
        beside("again, seconds", again, " s"),
        beside("limit: find and look at each file in Python", least, " s"),
        beside("and pachctl's start with one call (list-repo)", start, " s"),
        beside("again by both together, times as long", again / (least + start)),
        at_most("file bodies stored by that", bodies, 1.1 * changed),
    ]


def _make(source: Path, files: int) -> list[Path]:
    each = max(1, files // FOLDERS)
    paths = [source / f"d{number // each:04d}" / f"f{number:06d}" for number in range(files)]
    for number, path in enumerate(paths):
        if number % each == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(os.urandom(BODY))
    os.sync()
    return paths


def _git(source: Path, fsync: bool) -> float:
    """Seconds of add and commit in a new repository; as it comes, or durable."""

    harness.git(source, "init", "-q")
    for key, value in (("gc.auto", "0"), ("user.name", "b"), ("user.email", "b@b")):
        harness.git(source, "config", key, value)
    if fsync:
        harness.git(source, "config", "core.fsync", "all")
    try:
        return seconds(lambda: (harness.git(source, "add", "."), harness.git(source, "commit", "-q", "-m", "all")))
    finally:
        shutil.rmtree(source / ".git")


def _dvc(source: Path, folder: Path) -> tuple[float | None, str]:
    """Seconds of `dvc add`, from an environment that is made for it; or why there is none."""
    with harness.scratch(folder) as place:
        python = place / "venv" / "bin" / "python"
        try:
            subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True, capture_output=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "dvc"], check=True, capture_output=True, timeout=900)
        except (subprocess.SubprocessError, OSError) as error:
            return None, f"dvc cannot be installed here ({type(error).__name__})"
        work = place / "work"
        work.mkdir()
        source = source.rename(work / "data")
        environ = os.environ | {"DVC_NO_ANALYTICS": "1", "HOME": str(place)}

        def dvc(*words: str) -> None:
            subprocess.run([python, "-m", "dvc", "-q", *words], cwd=work, check=True, env=environ)

        dvc("init", "--no-scm")
        return seconds(lambda: dvc("add", "data")), ""
