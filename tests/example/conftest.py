"""The data copies at hand, each prepared and run through the four stages once."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.tutorial.data import EXAMPLE, Copy, copies, source_option


def run_stage(stage: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Runs one stage as a pipeline would: by its own first line, with the example's variables."""
    search = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [EXAMPLE / "environments" / stage / stage, *flags],
        env={"PATH": search, "PYTHONPATH": str(EXAMPLE / "lib"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass(frozen=True)
class Ran:
    """One data copy, and the folder with everything that came out of it."""

    copy: Copy
    folder: Path
    said: dict[str, str]


@pytest.fixture(scope="session", params=copies(), ids=lambda copy: copy.name)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """`prepare.py`, `train`, `qcpre`, `qcontrol` and `infer`, one after the other."""
    copy, at = request.param, tmp_path_factory.mktemp(request.param.name)
    command = [sys.executable, EXAMPLE / "prepare.py", "--out", at, *source_option(copy)]
    subprocess.run(command, check=True, timeout=120)
    said = {}
    for stage, flags in {
        "train": (f"-inFile={at}/training_prod.csv", f"-outDir={at}/model"),
        "qcpre": (f"-inFile={at}/holdout.csv", f"-outDir={at}/patients"),
        "qcontrol": (
            f"-inModelFile={at}/model/model.json",
            f"-inTestDir={at}/patients",
            "-threshold=100",
            f"-outDir={at}/passed",
        ),
        "infer": (f"-inModelDir={at}/passed", f"-inVarDir={at}/test", f"-outDir={at}/predictions"),
    }.items():
        done = run_stage(stage, *flags)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        said[stage] = done.stdout
    return Ran(copy, at, said)
