"""The limit of the gRPC library: a server in Python with nothing behind it, which streams one message again and again.

Run as a program it prints its address, then serves `pfs_v2.API/ListFile` until its standard input ends: as many
messages as the request's `number` says, of the size and kind that a listing of the benchmark has.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.wire import pfs_pb2 as pfs


def sample() -> pfs.FileInfo:
    """A message like those of a listing."""
    repo = pfs.Repo(name="flat", type="user", project=pfs.Project(name="default"))
    file = pfs.File(commit=pfs.Commit(repo=repo, id="0" * 32), path="/flat/f0000000", datum="default")
    info = pfs.FileInfo(file=file, file_type=pfs.FILE, size_bytes=100, hash=bytes(32))
    info.committed.GetCurrentTime()
    return info


def _list(request: pfs.ListFileRequest, context: Any) -> Iterator[pfs.FileInfo]:
    message = sample()
    for _ in range(request.number):
        yield message


def _modify(requests: Iterator[pfs.ModifyFileRequest], context: Any) -> Empty:
    for request in requests:
        request.WhichOneof("body")
    return Empty()


def _version(request: Any, context: Any) -> Empty:
    return Empty()


def serve() -> None:
    """Serves until standard input ends."""
    methods = {
        "ListFile": grpc.unary_stream_rpc_method_handler(
            _list, pfs.ListFileRequest.FromString, pfs.FileInfo.SerializeToString
        ),
        "ModifyFile": grpc.stream_unary_rpc_method_handler(
            _modify, pfs.ModifyFileRequest.FromString, Empty.SerializeToString
        ),
        "InspectRepo": grpc.unary_unary_rpc_method_handler(
            _version, pfs.InspectRepoRequest.FromString, Empty.SerializeToString
        ),
    }
    sizes = [(f"grpc.max_{way}_message_length", 20 << 20) for way in ("send", "receive")]
    server = grpc.server(ThreadPoolExecutor(256), options=sizes)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pfs_v2.API", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"127.0.0.1:{port}", flush=True)
    sys.stdin.read()
    server.stop(1).wait()


@contextmanager
def bare() -> Iterator[str]:
    """The address of such a server, in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    serve()
