"""A whole pachd in this process, with everything that may leak out of it in view."""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from trunkline import wire
from trunkline.catalog import SqliteCatalog
from trunkline.kernel.config import Settings
from trunkline.pachd.daemon import Pachd


def methods() -> list[MethodDescriptor]:
    """Every RPC that pachd serves."""
    names = sorted(one.name for one in pkgutil.iter_modules(wire.__path__) if one.name.endswith("_pb2"))
    files = [importlib.import_module(f"{wire.__name__}.{name}") for name in names]
    services = [one for file in files for one in file.DESCRIPTOR.services_by_name.values()]
    return [method for service in services for method in service.methods]


class Tracebacks(logging.Handler):
    """Keeps what is logged with an exception: nothing that a caller sends may cause one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None:
            self.found.append(logging.Formatter().format(record))


class Target:
    """A pachd, and what it holds."""

    def __init__(self, home: Path, catalog: str = "") -> None:
        self.stopping = threading.Event()
        self.pachd = Pachd(
            Settings(home=home, port=0, max_workers=1, catalog=catalog, passed_on=dict(os.environ)), self.stopping
        )
        self.pachd.start()
        assert self.pachd._record is not None
        self.address = self.pachd._record.address
        self.catalog = self.pachd._catalog
        self.channel = grpc.insecure_channel(self.address)
        self.tracebacks = Tracebacks()
        for name in ("trunkline", "grpc"):
            logging.getLogger(name).addHandler(self.tracebacks)

    def stop(self) -> None:
        self.channel.close()
        self.pachd.stop()
        for name in ("trunkline", "grpc"):
            logging.getLogger(name).removeHandler(self.tracebacks)

    def token(self) -> str:
        """What workers show."""
        return self.pachd._token

    def client(self) -> Client:
        """The official SDK."""
        host, _, port = self.address.rpartition(":")
        return Client(host=host, port=int(port))

    def furnish_repos(self) -> None:
        """Makes repos; what is there already stays."""
        client = self.client()
        with suppress(grpc.RpcError):  # mostly it is there
            client.pfs.create_project(project=pfs.Project(name="default"))
        for name in ("data", "other", "out"):
            if not client.pfs.repo_exists(repo=pfs.Repo.from_uri(name)):
                client.pfs.create_repo(repo=pfs.Repo.from_uri(name))

    def furnish(self) -> None:
        """Makes repos with files, a branch that comes from another, and a pipeline; what is there already stays."""
        self.furnish_repos()
        client = self.client()
        branch = pfs.Branch.from_uri("data@master")
        with suppress(grpc.RpcError), client.pfs.commit(branch=branch) as commit:  # its head may be open
            for path in ("/f", "/d/x", "/d/y", "/d/e/z"):
                commit.put_file_from_bytes(path, path.encode() * 100)
        out = pfs.Branch.from_uri("out@master")
        with suppress(grpc.RpcError):
            client.pfs.create_branch(branch=out, provenance=[branch])
        given = pps.Input(pfs=pps.PfsInput(repo="data", glob="/*"))
        transform = pps.Transform(cmd=["true"])
        with suppress(grpc.RpcError):  # it is there, or something else has its name
            client.pps.create_pipeline(pipeline=pps.Pipeline(name="copy"), input=given, transform=transform)

    def ask(self, method: MethodDescriptor, **fields: Any) -> Any:
        """One sound call, for learning what there is."""
        path = f"/{method.containing_service.full_name}/{method.name}"
        make = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        request = GetMessageClass(method.input_type)(**fields)
        answer = GetMessageClass(method.output_type)
        called = make(path, request.__class__.SerializeToString, answer.FromString)(request, timeout=60)
        return list(called) if method.server_streaming else called

    # -- what may leak ----------------------------------------------------------------------------------------

    def busy(self) -> int:
        """Calls under way."""
        return self.pachd._server.calls

    def readers(self) -> int:
        """Snapshots of the catalog that are open."""
        if not isinstance(self.catalog, SqliteCatalog):
            return 0  # its pool has a limit, beyond which nobody would be answered
        return len(self.catalog._all) - len(self.catalog._idle) - 1

    def files(self) -> list[str]:
        """Open files of the store and deleted ones; the catalog's and the log's are few and known."""
        found = []
        for one in Path("/proc/self/fd").iterdir():
            try:
                name = str(one.readlink())
            except OSError:
                continue
            if "/store/" in name or "(deleted)" in name or "/scratch/" in name:
                found.append(name)
        return found

    def count(self, table: str) -> int:
        """Rows of a table."""
        with self.catalog.read() as tx:
            row = tx.row(f"SELECT count(*) AS count FROM {table}")
        assert row is not None
        return int(row["count"])


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def running(home: Path, catalog: str = "") -> Iterator[Target]:
    """A target with something in it."""
    target = Target(home, catalog)
    try:
        target.furnish()
        yield target
    finally:
        target.stop()
