"""The pipeline files are written as they were in 2018, and name what the example really has."""

from __future__ import annotations

import json
import os

import pytest
from scripts.tutorial.data import EXAMPLE

STAGES = {"model": "train", "qc_pre_process": "qcpre", "qcontrol": "qcontrol", "infer": "infer"}


@pytest.mark.parametrize("name", STAGES)
def test_spec(name: str) -> None:
    text = (EXAMPLE / f"{name}.json").read_text()
    spec = json.loads(text)
    assert text == json.dumps(spec, indent=2) + "\n"
    assert spec["pipeline"] == {"name": name}
    stage = STAGES[name]
    assert spec["transform"]["image"] == f"diabetes/{stage}:1"
    assert spec["transform"]["cmd"][0] == f"/{stage}"
    assert os.access(EXAMPLE / "environments" / stage / stage, os.X_OK)
    assert spec["parallelism_spec"] == {"constant": "10" if name == "infer" else "1"}
    atoms = [each["atom"] for each in spec["input"].get("cross", [spec["input"]])]
    for atom in atoms:
        assert list(atom) == ["repo", "glob"]
        assert any(f"/pfs/{atom['repo']}" in argument for argument in spec["transform"]["cmd"])
    assert [atom["glob"] for atom in atoms if atom["repo"] == "attributes"] == ["/*"] * (name == "infer")
