from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.catalog import SqliteCatalog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def catalog(path: Path) -> Iterator[SqliteCatalog]:
    made = SqliteCatalog(path)
    yield made
    made.close()
