"""What a one-file commit costs in a repo that grows, over the public API, beside git doing the same.

`python benchmarks/commits.py [--sizes 1000 10000 100000]` prints a table. Both write to real disks and both are
durable: git runs with `core.fsync=all`. Read benchmarks/README.md before you compare anything.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc

from trunkline.wire import pfs_pb2, pfs_pb2_grpc

ROUNDS = 9
PER_FOLDER = 1000


def path_of(number: int) -> str:
    """Files lie a thousand to a folder."""
    return f"d{number // PER_FOLDER:04d}/f{number:07d}"


class Trunkline:
    """A pachd of its own, driven over gRPC."""

    def __init__(self, folder: Path) -> None:
        environ = os.environ | {"TRUNKLINE_HOME": str(folder), "TRUNKLINE_PORT": "0"}
        errors = (folder / "err").open("wb")
        self.process = subprocess.Popen([sys.executable, "-m", "trunkline.pachd"], env=environ, stderr=errors)
        record = folder / "run" / "pachd.json"
        while not record.exists():
            time.sleep(0.02)
        self.stub = pfs_pb2_grpc.APIStub(grpc.insecure_channel(json.loads(record.read_text())["address"]))
        repo = pfs_pb2.Repo(name="data", type="user", project=pfs_pb2.Project(name="default"))
        self.stub.CreateRepo(pfs_pb2.CreateRepoRequest(repo=repo))
        self.head = pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name="master"))

    def put(self, paths: Iterator[str], content: bytes) -> None:
        """One commit with these files."""

        def requests() -> Iterator[pfs_pb2.ModifyFileRequest]:
            yield pfs_pb2.ModifyFileRequest(set_commit=self.head)
            for path in paths:
                yield pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path="/" + path, raw={"value": content}))

        self.stub.ModifyFile(requests())

    def diff(self) -> None:
        """What the newest commit changed."""
        request = pfs_pb2.DiffFileRequest(new_file=pfs_pb2.File(commit=self.head, path="/"))
        list(self.stub.DiffFile(request))

    def folder(self) -> None:
        """The listing of one folder."""
        request = pfs_pb2.ListFileRequest(file=pfs_pb2.File(commit=self.head, path="/d0000/"))
        list(self.stub.ListFile(request))

    def close(self) -> None:
        """Ends the pachd."""
        self.process.terminate()
        self.process.wait()


class Git:
    """The peer: a repository with a work tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q")
        for key, value in (("core.fsync", "all"), ("gc.auto", "0"), ("user.name", "b"), ("user.email", "b@b")):
            self.git("config", key, value)

    def git(self, *arguments: str) -> None:
        """Runs git."""
        subprocess.run(["git", *arguments], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def put(self, paths: Iterator[str], content: bytes) -> None:
        """One commit with these files."""
        for path in paths:
            target = self.folder / path
            target.parent.mkdir(exist_ok=True, parents=True)
            target.write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "more")


def median(step: Callable[[], None]) -> float:
    """Milliseconds of the median round."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    sizes = parser.parse_args().sizes
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        trunkline, git = Trunkline(Path(ours)), Git(Path(theirs))
        print(f"{'files':>9} {'commit ms':>10} {'git ms':>9} {'git/ours':>9} {'diff ms':>8} {'list 1000 ms':>13}")
        have, extra = 0, iter(range(10**9))
        for size in sizes:
            trunkline.put((path_of(number) for number in range(have, size)), b"x" * 100)
            git.put((path_of(number) for number in range(have, size)), b"x" * 100)
            have = size
            one = median(lambda: trunkline.put(iter([f"extra/{next(extra)}"]), b"y"))
            other = median(lambda: git.put(iter([f"extra/{next(extra)}"]), b"y"))
            diff, listing = median(trunkline.diff), median(trunkline.folder)
            print(f"{size:>9} {one:>10.1f} {other:>9.1f} {other / one:>9.1f} {diff:>8.1f} {listing:>13.1f}")
        trunkline.close()


if __name__ == "__main__":
    main()
