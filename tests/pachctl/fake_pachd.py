"""Stands in for pachd where a real process is needed: `fake_pachd.py [--fail TEXT|--slow] --home DIR`.

It keeps pachd's promises to pachctl: the lock of the home, `pachd.json` while it serves, SIGTERM and the Shutdown
call to end it, exit code 12 if another one serves the home.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.wire import trunkline_pb2, trunkline_pb2_grpc, version_pb2, version_pb2_grpc


class State(trunkline_pb2_grpc.ServerServicer):
    """`trunkline.v1.Server`."""

    def __init__(self, home: str, stopping: threading.Event, deaf: bool) -> None:
        self._home = home
        self._stopping = stopping
        self._deaf = deaf

    def Status(self, request, context):
        return trunkline_pb2.ServerStatus(version="0.1.0", home=self._home, pid=os.getpid(), max_workers=4)

    def Shutdown(self, request, context):
        if self._deaf:
            context.abort(grpc.StatusCode.INTERNAL, "does not listen")
        self._stopping.set()
        return Empty()


class Version(version_pb2_grpc.APIServicer):
    """`versionpb_v2.API`."""

    def GetVersion(self, request, context):
        return version_pb2.Version(major=2, minor=11, micro=6)


def main() -> None:
    """Serves until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--fail", default="")
    parser.add_argument("--deaf", action="store_true")
    given = parser.parse_args()
    if given.fail:
        sys.exit(f"\n{given.fail}\n\n")
    run = given.home / "run"
    run.mkdir(parents=True, exist_ok=True)
    lock = (run / "pachd.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(12)
    with (given.home / "starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    server = grpc.server(ThreadPoolExecutor(2))
    trunkline_pb2_grpc.add_ServerServicer_to_server(State(str(given.home), stopping, given.deaf), server)
    version_pb2_grpc.add_APIServicer_to_server(Version(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    record = {"pid": os.getpid(), "address": f"127.0.0.1:{port}", "started": 0}
    (run / "pachd.json.new").write_text(json.dumps(record))
    (run / "pachd.json.new").replace(run / "pachd.json")
    while not stopping.wait(0.1):  # see trunkline.pachd.main
        pass
    (run / "pachd.json").unlink()
    server.stop(1).wait()


if __name__ == "__main__":
    main()
