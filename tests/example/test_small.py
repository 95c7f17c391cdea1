"""The small examples: their pipelines are well formed, and their pages use their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.pps import draft
from trunkline.testing import catalogs

FOLDER = Path(__file__).parents[2] / "examples"


EXAMPLES = (
    "cron/report.json",
    "egress/sqlite.json",
    "egress/postgres.json",
    "spout/readings.json",
    "spout/hourly.json",
)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_small_example(name: str, tmp_path: Path) -> None:
    catalog = catalogs.opened(tmp_path / "catalog.db")
    with catalog.read() as tx:
        made = draft.make(tx, (FOLDER / name).read_text())
    catalog.close()
    assert made.recipe is not None
    page = (FOLDER / name).parent / "README.md"
    assert f"pachctl create pipeline -f examples/{name}" in page.read_text()
