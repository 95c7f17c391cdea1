"""Writes docs/compatibility.md from docs/compatibility.toml, and checks the file against what is built.

`python -m scripts.compatibility` writes the page; with `--check` it only says what differs. Invariants: an RPC is
listed as `none` exactly when no handler offers it; a test that is named exists; so does each field of a request.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2 as alpha_reflection

from scripts import commands
from trunkline.api.health import HealthService
from trunkline.api.metadata import MetadataService
from trunkline.api.pfs_service import PfsService
from trunkline.api.pps_service import PpsService
from trunkline.api.reflection import AlphaReflectionService, ReflectionService
from trunkline.api.small_services import AdminService, EnterpriseState, LicenceState, VersionService
from trunkline.api.storage_service import StorageService
from trunkline.api.transactions import TransactionService
from trunkline.wire import (
    admin_pb2,
    auth_pb2,
    enterprise_pb2,
    health_pb2,
    identity_pb2,
    license_pb2,
    metadata_pb2,
    pfs_pb2,
    pps_pb2,
    reflection_pb2,
    storage_pb2,
    transaction_pb2,
    version_pb2,
    worker_pb2,
)
from trunkline.worker.service import WorkerService

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "docs" / "compatibility.toml"
PAGE = ROOT / "docs" / "compatibility.md"

SERVICES: dict[str, tuple[Any, type | None]] = {
    "pfs_v2.API": (pfs_pb2, PfsService),
    "pps_v2.API": (pps_pb2, PpsService),
    "versionpb_v2.API": (version_pb2, VersionService),
    "admin_v2.API": (admin_pb2, AdminService),
    "storage.Fileset": (storage_pb2, StorageService),
    "enterprise_v2.API": (enterprise_pb2, EnterpriseState),
    "license_v2.API": (license_pb2, LicenceState),
    "auth_v2.API": (auth_pb2, None),
    "identity_v2.API": (identity_pb2, None),
    "transaction_v2.API": (transaction_pb2, TransactionService),
    "metadata.API": (metadata_pb2, MetadataService),
    "pachyderm.worker.Worker": (worker_pb2, WorkerService),
    "grpc.health.v1.Health": (health_pb2, HealthService),
    "grpc.reflection.v1.ServerReflection": (reflection_pb2, ReflectionService),
    "grpc.reflection.v1alpha.ServerReflection": (alpha_reflection, AlphaReflectionService),
}
"""The services of the contract, and the class that offers them, if any."""

DRIVEN = (
    "pfs_v2.API",
    "pps_v2.API",
    "storage.Fileset",
    "transaction_v2.API",
    "versionpb_v2.API",
    "admin_v2.API",
    "metadata.API",
    "pachyderm.worker.Worker",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)
"""Services whose every RPC is in the data, and those that are built with a test that drives them."""

STATUSES = ("full", "partial", "none")

FIELD_STATUSES = ("ignored", "refused", "partial")


def load() -> dict[str, Any]:
    """The data."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def rpcs(service: str) -> list[str]:
    """The names of all RPCs of a service, in the order of the contract."""
    module, _ = SERVICES[service]
    return [method.name for method in module.DESCRIPTOR.services_by_name[service.rpartition(".")[2]].methods]


def built(service: str, name: str) -> bool:
    """Whether a handler offers the RPC."""
    _, implementation = SERVICES[service]
    return implementation is not None and hasattr(implementation, name)


def problems(data: dict[str, Any]) -> Iterator[str]:
    """Where the data and the program disagree."""
    for service in SERVICES:
        said: dict[str, Any] = data.get("rpc", {}).get(service, {})
        for name in said:
            if name not in rpcs(service):
                yield f"{service}.{name} is in the data and not in the contract"
            elif (test := said[name].get("test")) is not None and not test_exists(test):
                yield f"{service}.{name} names the test {test}, which does not exist"
        for name in rpcs(service):
            status = said.get(name, {}).get("status", "none")
            if status not in STATUSES:
                yield f"{service}.{name} has the unknown status {status!r}"
            elif service in DRIVEN and name not in said:
                yield f"{service}.{name} is not in the data: give it a status, and a test that drives it"
            elif service in DRIVEN and status != "none" and "test" not in said[name]:
                yield f"{service}.{name} is listed as {status} without the test that drives it"
            elif (status != "none") != built(service, name):
                yield f"{service}.{name} is listed as {status}, and it is {'' if built(service, name) else 'not '}built"
    yield from _field_problems(data)
    yield from commands.problems(commands.load(), test_exists)


def _field_problems(data: dict[str, Any]) -> Iterator[str]:
    for row in data.get("field", []):
        message, _, name = row["of"].rpartition(".")
        try:
            found = descriptor_pool.Default().FindMessageTypeByName(message)
        except KeyError:
            yield f"there is no message {message}, which the data name"
            continue
        if name not in found.fields_by_name:
            yield f"{message} has no field {name}, which the data name"
        if row["status"] not in FIELD_STATUSES:
            yield f"{row['of']} has the unknown status {row['status']!r}"


def test_exists(name: str) -> bool:
    """Whether `FOLDER/FILE.py::FUNCTION` below `tests` exists."""
    file, _, function = name.partition("::")
    return re.search(rf"^def {re.escape(function)}\(", _text(ROOT / "tests" / file), re.M) is not None


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def page(data: dict[str, Any]) -> str:
    """The page."""
    lines = [
        "# Compatibility",
        "",
        "What of the public API of release 2.11, and of the command lines of 2.11 and 1.7, works here. This page is",
        "written by `python -m scripts.compatibility` from `docs/compatibility.toml` and",
        "`docs/compatibility_commands.toml`; a test compares all of it with the program.",
        "What is not built answers UNIMPLEMENTED with a line that says so.",
        "",
        "## What we do differently on purpose",
        "",
        "| the original | here | why |",
        "| --- | --- | --- |",
        *(f"| {row['original']} | {row['here']} | {row['why']} |" for row in data["difference"]),
        "",
        "## The command line",
        "",
        *data["command_line"]["text"].strip().splitlines(),
        *commands.page(commands.load(), _link),
        "",
        "## Pipeline specs",
        "",
        "| field | status | note |",
        "| --- | --- | --- |",
        *(f"| {row['field']} | {row['status']} | {row.get('note', '')} |" for row in data["spec"]),
        *_fields(data),
    ]
    for service in SERVICES:
        lines += _service(data, service)
    return "\n".join(lines) + "\n"


def _fields(data: dict[str, Any]) -> list[str]:
    """The fields of requests that do less than they say."""
    rows = data.get("field", [])
    if not rows:
        return []
    return [
        "",
        "## Fields of requests",
        "",
        "Every field of a request of `pfs_v2.API` and `pps_v2.API` works, but for these and those above.",
        "",
        "| field | status | note |",
        "| --- | --- | --- |",
        *(f"| {row['of'].partition('.')[2]} | {row['status']} | {row.get('note', '')} |" for row in rows),
    ]


def _service(data: dict[str, Any], service: str) -> list[str]:
    said = data.get("rpc", {}).get(service, {})
    text = data.get("service", {}).get(service, {}).get("note", "")
    lines = ["", f"## RPCs of {service}", ""]
    if text:
        lines += [text, ""]
    if said:
        lines += ["| RPC | status | test | note |", "| --- | --- | --- | --- |"]
        for name in rpcs(service):
            row = said.get(name, {})
            lines.append(
                f"| {name} | {row.get('status', 'none')} | {_link(row.get('test', ''))} | {row.get('note', '')} |"
            )
    return lines


def _link(test: str) -> str:
    file, _, function = test.partition("::")
    return f"[{function}](../tests/{file})" if test else ""


def main() -> int:
    """Writes or checks the page; returns the exit code."""
    data = load()
    found = list(problems(data))
    text = page(data)
    if "--check" in sys.argv:
        if PAGE.read_text(encoding="utf-8") != text:
            found.append("docs/compatibility.md is not what docs/compatibility.toml makes: run this without --check")
    else:
        PAGE.write_text(text, encoding="utf-8")
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
