"""Files in a bucket, beside the library that speaks to it: put and get of one long file and of many small ones.

The server is moto's, as a process of its own on this machine. `--delay` lays so many milliseconds before each answer,
as a real service does.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.store import S3Store

from trunkline.catalog import SqliteCatalog
from trunkline.kernel.clock import SystemClock
from trunkline.kernel.secrets import Secrets
from trunkline.objects.open import READ_AHEAD, open_store
from trunkline.pfs import modify, repos
from trunkline.pfs.files import View
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.testing.proxy import FaultyProxy

THREADS = 16
"""Of the peer, for the small files."""

KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-bench", "AWS_REGION": "us-east-1"}


@contextmanager
def server() -> Iterator[str]:
    """The address of a server of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, "the server ended"
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


class Peer:
    """The bare library: one object for each file."""

    def __init__(self, endpoint: str) -> None:
        config = {key.lower(): value for key, value in KEYS.items()} | {"aws_endpoint": endpoint}
        options = {"allow_http": True, "timeout": timedelta(seconds=300)}
        self.store = S3Store("bench", prefix="peer", config=config, client_options=options)

    def put(self, files: dict[str, bytes]) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda item: obstore.put(self.store, *item), files.items()))

    def get(self, names: list[str]) -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(lambda name: len(bytes(obstore.get(self.store, name).bytes())), names))


class Ours:
    """The versioned file system on a bucket, without a cache on disk."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        url = f"s3://bench/ours?endpoint={endpoint}&timeout=300"
        self.store = open_store(url, folder=folder / "x", cloud=Secrets(KEYS), cache=folder / "cache", cache_bytes=0)
        self.folder = folder
        self.pfs = self._open()
        self.pfs.change(lambda change: repos.create(change, RepoRef("data")))

    def _open(self) -> Pfs:
        return Pfs(SqliteCatalog(self.folder / "catalog.db"), self.store, SystemClock(), ahead=READ_AHEAD)

    def put(self, files: dict[str, bytes]) -> None:
        operations: list[modify.Operation] = []
        for name, data in files.items():
            operations += [modify.Delete(f"/{name}", ""), modify.Append(f"/{name}", "", data)]
        modify.write(self.pfs, CommitRef(RepoRef("data"), branch="master"), operations)

    def get(self, names: list[str]) -> int:
        fresh = self._open()  # nothing in its memory
        with fresh.catalog.read() as tx:
            commit = modify.tx_commit(tx, CommitRef(RepoRef("data"), branch="master"))
        assert commit is not None
        view = View(fresh.maps, fresh.reader, fresh.content(commit))
        nodes = (view.find(name) for name in names)
        return sum(len(piece) for node in nodes if node is not None for piece in view.read(node))


def measure(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=64 << 20)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds before each answer")
    given = parser.parse_args()
    with server() as address, tempfile.TemporaryDirectory() as folder:
        endpoint = f"http://{address}"
        if given.delay:
            proxy, pause = FaultyProxy(address), threading.Event()
            proxy.rule = lambda method, path: pause.wait(given.delay / 1000) and None
            endpoint = proxy.endpoint
        urllib.request.urlopen(urllib.request.Request(f"http://{address}/bench", method="PUT"), timeout=30).close()
        peer, ours = Peer(endpoint), Ours(endpoint, Path(folder))
        long = {"long": os.urandom(given.bytes)}
        small = {f"small/{n % 100:02}/{n:06}": os.urandom(1000) for n in range(given.files)}
        print(f"{'work':28} {'obstore':>9} {'ours':>9}   ours/obstore")
        for name, files in (("one file", long), ("small files", small)):
            size = sum(map(len, files.values()))
            for verb, work in (("put", "put"), ("get", "get"), ("put again", "put")):
                argument = list(files) if work == "get" else files
                theirs = measure(lambda one=peer, call=work, what=argument: getattr(one, call)(what))
                mine = measure(lambda one=ours, call=work, what=argument: getattr(one, call)(what))
                label = f"{verb} {len(files)} {name}, {size >> 20} MiB"
                print(f"{label:28} {theirs:8.2f}s {mine:8.2f}s   {mine / theirs:.2f}")


if __name__ == "__main__":
    main()
