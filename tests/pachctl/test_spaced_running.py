"""The spaced grammar against a running pachd with workers: from nothing to the logs of a job."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SPEC = """\
pipeline: {name: upper}
input: {pfs: {repo: data, glob: /*}}
transform:
  image: any:1
  cmd: [sh]
  stdin: ["echo works on $data", "tr a-z A-Z < $data > /pfs/out/$(basename $data)"]
"""


class Shell:
    """`pachctl` as a process of its own, in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PACH", "TRUNKLINE"))}
        self._environ = {**kept, "HOME": str(folder), "TRUNKLINE_HOME": str(folder / "home"), "TRUNKLINE_PORT": "0"}

    def __call__(self, line: str, stdin: str = "", code: int = 0) -> str:
        """What a command line prints."""
        command = [sys.executable, "-m", "trunkline.pachctl", *line.split()]
        done = subprocess.run(
            command, env=self._environ, cwd=self.folder, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done
        return done.stdout


@pytest.fixture
def pachctl(tmp_path: Path) -> Iterator[Shell]:
    """A home where nothing runs yet."""
    shell = Shell(tmp_path)
    yield shell
    shell("stop-pachd")


def test_from_nothing_to_logs(pachctl: Shell) -> None:
    pachctl("create repo data")
    (pachctl.folder / "p.yaml").write_text(SPEC)
    (pachctl.folder / "in").mkdir()
    for name in ("a", "b"):
        (pachctl.folder / "in" / name).write_text(f"text of {name}")
    pachctl("create pipeline -f p.yaml")
    pachctl("put file -r data@master:/ -f in")
    commit = pachctl("list commit data -n 1 --full-timestamps").splitlines()[1].split()[2]
    assert " success " in pachctl(f"wait job upper@{commit}")
    assert pachctl("get file upper@master:/a") == "TEXT OF A"
    assert re.search(rf"default upper +{commit} .* 2 \+ 0 / 2 +18B 18B success", pachctl("list job -p upper"))
    assert re.search(rf"^{commit} +1 +▇▇▇▇▇▇▇▇ ", pachctl("list job"), re.M)
    assert "State: success\n" in pachctl(f"inspect job upper@{commit}")
    datums = pachctl(f"list datum upper@{commit}").splitlines()[1:]
    assert sorted(row.split()[1:3] for row in datums) == [
        [f"data@{commit}:/a", "success"],
        [f"data@{commit}:/b", "success"],
    ]
    datum = datums[0].split()[0]
    assert f"ID\t{datum}\n" in pachctl(f"inspect datum upper@{commit} {datum}")
    lines = pachctl(f"logs --job upper@{commit}").splitlines()
    assert sorted(lines) == ["works on /pfs/data/a", "works on /pfs/data/b"]
    assert "running / success" in pachctl("list pipeline")
    assert pachctl("delete project default", stdin="n\n", code=1).startswith("This will delete pipeline upper\n")


def test_load_test(pachctl: Shell) -> None:
    (pachctl.folder / "load.yaml").write_text("{commits: 2, files: 3, most_bytes: 1000}")
    answer = json.loads(pachctl("run pps-load-test load.yaml --seed 7"))
    assert list(answer) == ["state_id"]
    project = answer["state_id"]
    assert "load-copy" in pachctl(f"list pipeline --project {project}")
    again = json.loads(pachctl(f"run pps-load-test load.yaml --seed 7 --state-id {project}"))
    assert again == answer
    assert len(pachctl(f"list commit load --project {project} --origin USER").splitlines()) == 5
    (pachctl.folder / "dag.yaml").write_text(SPEC.replace("data, ", "load, ").replace("echo works on $data", "exit 1"))
    pachctl("run pps-load-test load.yaml --dag dag.yaml", code=1)
