"""The split, and what `prepare.py` refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from scripts.tutorial.data import EXAMPLE

spec = importlib.util.spec_from_file_location("diabetes_prepare", EXAMPLE / "prepare.py")
assert spec is not None
assert spec.loader is not None
prepare = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prepare)


def test_the_split_keeps_file_order(tmp_path: Path) -> None:
    rows = prepare.load()
    assert (prepare.TRAIN, prepare.TEST, prepare.HOLDOUT) == (354, 44, 44)
    prepare.write(rows, tmp_path)
    written = (tmp_path / "training_prod.csv").read_text().splitlines()[1:]
    written += (tmp_path / "holdout.csv").read_text().splitlines()[1:]
    assert written == prepare.table(rows).splitlines()[1:]


def test_writing_twice_gives_the_same_files(tmp_path: Path) -> None:
    rows = prepare.load()
    for folder in ("a", "b", "b"):
        prepare.write(rows, tmp_path / folder)
    for file in (tmp_path / "a").rglob("*.*"):
        assert file.read_bytes() == (tmp_path / "b" / file.relative_to(tmp_path / "a")).read_bytes()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("age,sex\n1,2\n", "has the columns age,sex"),
        (",".join(prepare.COLUMNS) + "\n", "has 0 rows, not 442"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(ValueError, match=reason):
        prepare.load(tmp_path / "other.csv")
