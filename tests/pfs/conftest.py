from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pfs.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A world with nothing in it; whatever a test did to it, it is sound in the end."""
    made = House(tmp_path)
    yield made
    assert made.problems() == []
    made.close()
