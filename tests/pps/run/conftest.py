from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pps.run.factory import Factory


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks again soon at what nobody is woken for: jobs that were killed, leases that expired."""
    monkeypatch.setattr("trunkline.pps.processing.LOOK", 0.02)
    monkeypatch.setattr("trunkline.pps.dispatch.PATIENCE", 0.02)


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[Factory]:
    made = Factory(tmp_path)
    yield made
    made.close()
