"""The commands that the example's README gives for a run by hand do what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.tutorial.data import EXAMPLE


def test_the_run_by_hand(tmp_path: Path) -> None:
    here = shutil.copytree(EXAMPLE, tmp_path / "diabetes", ignore=shutil.ignore_patterns("build"))
    by_hand = (EXAMPLE / "README.md").read_text().partition("## By hand")[2]
    commands = re.search(r"```sh\n(.*?)```", by_hand, re.DOTALL)
    assert commands is not None
    search = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    script = ["sh", "-e", "-c", commands[1]]
    subprocess.run(script, cwd=here, env=os.environ | search, check=True, timeout=120)
    predictions = sorted(file.name for file in (here / "build" / "predictions").iterdir())
    assert predictions == ["1.json", "2.json", "3.json"]
