"""Random histories of the versioned world against its model: 200 of 50 steps, with fsck after each.

A failure prints its seed and its steps; `pytest tests/model --seed N` plays that history alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.testing.history_pfs import PfsHistory

STEPS = 50


@pytest.mark.parametrize("group", range(10))
def test_files_and_commits(tmp_path: Path, group: int) -> None:
    for seed in range(group * 12, group * 12 + 12):
        history = PfsHistory(tmp_path / str(seed), seed)
        history.run(STEPS)
        history.close()
