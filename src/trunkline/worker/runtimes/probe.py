"""Asks the kernel which kind of sandbox user code can have here, by opening one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from trunkline.worker.runtimes.process import ProcessRuntime
from trunkline.worker.runtimes.protocol import Request, SandboxRefused


def probe(isolation: str) -> tuple[str, str]:
    """How user code will see /pfs, found out in a child process.

    Args:
        isolation: `auto`, `namespace` or `substitution`, as set.

    Returns:
        The mode (`namespace` or `substitution`; empty if neither can be had as set) and, unless it is
        `namespace`, the reason.
    """
    if isolation == "substitution":
        return "substitution", "as set by TRUNKLINE_ISOLATION"
    with tempfile.TemporaryDirectory(prefix="trunkline-probe-") as folder:
        staging = Path(folder) / "pfs"
        staging.mkdir()
        runtime = ProcessRuntime(Path(folder) / "view", [], isolation)
        try:
            sandbox = runtime.open(Request(staging=staging))
        except SandboxRefused as error:
            return "", str(error)
        sandbox.close()
        runtime.close()
        return sandbox.mode, runtime.refusal
