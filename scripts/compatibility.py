"""Writes docs/compatibility.md from docs/compatibility.toml, and checks the file against what is built.

`python -m scripts.compatibility` writes the page; with `--check` it only says what differs. Invariant: an RPC is
listed as `none` exactly when no handler offers it.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trunkline.api.health import HealthService
from trunkline.api.metadata import MetadataService
from trunkline.api.pfs_service import PfsService
from trunkline.api.pps_service import PpsService
from trunkline.api.small_services import AdminService, EnterpriseState, VersionService
from trunkline.api.transactions import TransactionService
from trunkline.wire import (
    admin_pb2,
    auth_pb2,
    enterprise_pb2,
    health_pb2,
    metadata_pb2,
    pfs_pb2,
    pps_pb2,
    transaction_pb2,
    version_pb2,
)

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "docs" / "compatibility.toml"
PAGE = ROOT / "docs" / "compatibility.md"

SERVICES: dict[str, tuple[Any, type | None]] = {
    "pfs_v2.API": (pfs_pb2, PfsService),
    "pps_v2.API": (pps_pb2, PpsService),
    "versionpb_v2.API": (version_pb2, VersionService),
    "admin_v2.API": (admin_pb2, AdminService),
    "enterprise_v2.API": (enterprise_pb2, EnterpriseState),
    "auth_v2.API": (auth_pb2, None),
    "transaction_v2.API": (transaction_pb2, TransactionService),
    "metadata.API": (metadata_pb2, MetadataService),
    "grpc.health.v1.Health": (health_pb2, HealthService),
}
"""The services of the contract, and the class that offers them, if any."""

STATUSES = ("full", "partial", "none")


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
        for name in rpcs(service):
            status = said.get(name, {}).get("status", "none")
            if status not in STATUSES:
                yield f"{service}.{name} has the unknown status {status!r}"
            elif (status != "none") != built(service, name):
                yield f"{service}.{name} is listed as {status}, and it is {'' if built(service, name) else 'not '}built"


def page(data: dict[str, Any]) -> str:
    """The page."""
    lines = [
        "# Compatibility",
        "",
        "What of the public API of release 2.11, and of the command line of 1.7, works here. This page is written by",
        "`python -m scripts.compatibility` from `docs/compatibility.toml`; a test compares both with the program.",
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
        "",
        "## Pipeline specs",
        "",
        "| field | status | note |",
        "| --- | --- | --- |",
        *(f"| {row['field']} | {row['status']} | {row.get('note', '')} |" for row in data["spec"]),
    ]
    for service in SERVICES:
        said = data.get("rpc", {}).get(service, {})
        text = data.get("service", {}).get(service, {}).get("note", "")
        lines += ["", f"## RPCs of {service}", ""]
        if text:
            lines += [text, ""]
        if not said:
            continue
        lines += ["| RPC | status | note |", "| --- | --- | --- |"]
        for name in rpcs(service):
            row = said.get(name, {})
            lines.append(f"| {name} | {row.get('status', 'none')} | {row.get('note', '')} |")
    return "\n".join(lines) + "\n"


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
