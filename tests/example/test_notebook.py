"""The notebook runs from top to bottom and writes the same files as `prepare.py`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from scripts.tutorial.data import EXAMPLE

from .conftest import Ran

NOTEBOOK = EXAMPLE / "explore.ipynb"


def test_it_is_stored_without_outputs_and_with_stable_ids() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        assert cell["id"].replace("-", "").isalpha()
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_it_writes_what_the_pipelines_start_from(ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(EXAMPLE / "prepare.py", tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = next(n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
    source = str(ran.copy.source) if ran.copy.source else None
    given = nbformat.v4.new_code_cell(f"source = {source!r}\nout = 'written'")
    notebook.cells.insert(place + 1, given)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for name in ("training_prod.csv", "holdout.csv", "test/1.json", "test/2.json", "test/3.json"):
        assert (tmp_path / "written" / name).read_bytes() == (ran.folder / name).read_bytes()
    shown = {cell["id"]: cell["outputs"] for cell in notebook.cells if cell.cell_type == "code"}
    strongest = shown["correlations"][0]["data"]["text/plain"].splitlines()
    assert [line.split()[0] for line in strongest[:2]] == ["bmi", "ltg"]
