"""Fetches the emulators of Google Cloud Storage and Azure that `make stores` tests against.

They are programs of others, fetched by Go and npm into a folder that is not committed, each once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".stores"
GCS, GCS_VERSION = FOLDER / "bin" / "fake-gcs-server", "v1.56.1"
AZURE, AZURE_VERSION = FOLDER / "npm" / "node_modules" / ".bin" / "azurite-blob", "3.35.0"


def main() -> None:
    """Fetches what is missing; a missing tool ends it with a line that says how to get it."""
    FOLDER.mkdir(exist_ok=True)
    if not GCS.exists():
        go = _tool("go", "install Go (https://go.dev/dl)")
        more = {"GOBIN": str(GCS.parent), "GOPATH": str(FOLDER / "go"), "GOFLAGS": "-modcacherw"}
        _run([go, "install", f"github.com/fsouza/fake-gcs-server@{GCS_VERSION}"], more)
    if not AZURE.exists():
        npm = _tool("npm", "install Node.js (https://nodejs.org)")
        _run([npm, "install", "--no-audit", "--no-fund", "--prefix", str(FOLDER / "npm"), f"azurite@{AZURE_VERSION}"])


def _tool(name: str, remedy: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(f"{name} is missing, and make stores fetches an emulator with it: {remedy}")
    return found


def _run(command: list[str], more: dict[str, str] | None = None) -> None:
    print("$", *command, flush=True)
    subprocess.run(command, check=True, env=os.environ | (more or {}))


if __name__ == "__main__":
    main()
