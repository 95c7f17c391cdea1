"""Random histories of the versioned world, with and without pipelines, against its model; fsck after each.

A failure prints how to play its history again, and every step.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.testing.history import MANY, Player
from trunkline.testing.history_pfs import PfsHistory
from trunkline.testing.history_pps import PpsHistory

HISTORIES = 250
AT_ONCE = 10
"""Histories of one test, so that the tests can be spread over processors."""


@pytest.mark.parametrize("first", range(0, HISTORIES, AT_ONCE))
def test_histories(tmp_path: Path, first: int) -> None:
    """Three of five histories have pipelines."""
    for seed in range(first, first + AT_ONCE):
        kind: type[Player] = PfsHistory if seed % 5 < 2 else PpsHistory
        history = kind(tmp_path / str(seed), seed)
        history.run(MANY)
        history.close()


def test_histories_are_made_from_their_seed_alone(tmp_path: Path) -> None:
    traces = []
    for place in ("one", "two"):
        history = PpsHistory(tmp_path / place, 7)
        history.run(MANY)
        # Ids that the real thing chose itself are not the same twice.
        traces.append([line.split("@")[0].split(" [")[0] for line in history.trace])
        history.close()
    assert traces[0] == traces[1]
