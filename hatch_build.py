"""Build hook: generates `trunkline.wire` from the `.proto` files, so that no generated code is committed.

Runs for wheels and for editable installs; `make setup` runs it by installing the project.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WireBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles proto/trunkline/wire/*.proto into src/trunkline/wire."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        protos = sorted((root / "proto").glob("trunkline/wire/*.proto"))
        subprocess.run(
            [
                sys.executable,
                "-m",
                "grpc_tools.protoc",
                f"-I{root / 'proto'}",
                f"--python_out={root / 'src'}",
                f"--pyi_out={root / 'src'}",
                f"--grpc_python_out={root / 'src'}",
                *(str(proto.relative_to(root / "proto")) for proto in protos),
            ],
            check=True,
        )
