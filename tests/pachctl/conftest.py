"""A real gRPC server with fakes behind it, and a way to run command lines against it."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import grpc
import pytest

from trunkline.kernel.clock import ManualClock
from trunkline.pachctl.app import App
from trunkline.pachctl.main import run
from trunkline.wire import admin_pb2_grpc, pfs_pb2_grpc, pps_pb2_grpc, trunkline_pb2_grpc, version_pb2_grpc

from .fake_pfs import FakePfs
from .fake_pps import FakeAdmin, FakeEnvironments, FakePps, FakeSmall, FakeState

if TYPE_CHECKING:
    from .spaced import Real


class Result(NamedTuple):
    """What a command line did."""

    code: int
    out: str
    err: str
    raw: bytes


class Pachd:
    """The fakes, their server, and command lines against it."""

    def __init__(self, home: Path) -> None:
        self.clock = ManualClock()
        self.pfs = FakePfs(self.clock)
        self.pps = FakePps()
        self.admin = FakeAdmin()
        self.environments = FakeEnvironments()
        self.state = FakeState()
        self.server = grpc.server(ThreadPoolExecutor(4))
        pfs_pb2_grpc.add_APIServicer_to_server(self.pfs, self.server)
        pps_pb2_grpc.add_APIServicer_to_server(self.pps, self.server)
        version_pb2_grpc.add_APIServicer_to_server(FakeSmall(), self.server)
        admin_pb2_grpc.add_APIServicer_to_server(self.admin, self.server)
        trunkline_pb2_grpc.add_EnvironmentsServicer_to_server(self.environments, self.server)
        trunkline_pb2_grpc.add_ServerServicer_to_server(self.state, self.server)
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.environ = {"PACHD_ADDRESS": self.address, "HOME": str(home)}
        self.server.start()

    def run(self, *words: str, stdin: bytes = b"") -> Result:
        """Runs `pachctl WORD…`."""
        return invoke(words, self.environ, clock=self.clock, stdin=stdin)

    def ok(self, *words: str, stdin: bytes = b"") -> str:
        """Runs a command line that must succeed; what it printed."""
        result = self.run(*words, stdin=stdin)
        assert (result.code, result.err) == (0, ""), result
        return result.out


def invoke(words, environ, *, clock=None, stdin: bytes = b"", daemon=("false",)) -> Result:
    """Runs a command line in this process."""
    form = {"encoding": "utf-8", "errors": "backslashreplace", "write_through": True}  # as in the program itself
    out, err = (io.TextIOWrapper(io.BytesIO(), **form) for _ in range(2))
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(list(words), App(environ=environ, clock=clock, daemon=daemon))
    finally:
        sys.stdin = before
    raw = out.buffer.getvalue()
    return Result(code, raw.decode(errors="replace"), err.buffer.getvalue().decode(), raw)


@pytest.fixture
def pachd(tmp_path: Path) -> Iterator[Pachd]:
    """A server with empty fakes."""
    server = Pachd(tmp_path)
    yield server
    server.server.stop(None)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    """A real pachd with nothing in it."""
    from tests.pachctl.spaced import Real

    made = Real(tmp_path)
    yield made
    made.stop()
