"""The benchmark runs; its figures are for people."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "maps.py"


@pytest.mark.parametrize("disk", [False, True])
def test_it_prints_a_line_for_each_operation(tmp_path: Path, disk: bool) -> None:
    command = [sys.executable, str(SCRIPT), "--sizes", "300", *(["--disk", str(tmp_path)] if disk else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    printed = [line.split()[1] for line in done.stdout.splitlines()]
    assert printed == ["what", "build", "scan", "get", "edit", "diff", "slice", "digest", "totals"]
    assert list(tmp_path.iterdir()) == []
