"""The small examples: their pipelines are well formed, and their pages use their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.pps import draft

FOLDER = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["cron/report.json"])
def test_a_small_example(name: str) -> None:
    made = draft.make((FOLDER / name).read_text())
    assert made.recipe is not None
    page = (FOLDER / name).parent / "README.md"
    assert f"pachctl create pipeline -f examples/{name}" in page.read_text()
