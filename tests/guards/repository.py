"""What the guards look at: the files of the repository, those of git's list that are there."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "trunkline"


@cache
def files() -> list[Path]:
    """Every file that is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return sorted(path for path in paths if path.is_file())


@cache
def texts() -> dict[Path, str]:
    """The content of every file that is text."""
    found = {}
    for path in files():
        try:
            found[path] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


@cache
def modules() -> dict[Path, ast.Module]:
    """Every module of the product that was written by hand."""
    paths = sorted(path for path in SOURCE.rglob("*.py") if not path.name.endswith(("_pb2.py", "_pb2_grpc.py")))
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def said(path: Path) -> str:
    """A path as messages show it."""
    return str(path.relative_to(ROOT))
