"""Histories over the whole file system against its model: some in each test run, a thousand in `make histories`."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from trunkline.testing.history import MANY, Player
from trunkline.testing.history_pfs import PfsHistory
from trunkline.testing.history_pps import PpsHistory
from trunkline.testing.history_surface import SurfaceHistory

FEW, AT_ONCE = 60, 20
THOUSAND = int(os.environ.get("TRUNKLINE_HISTORIES", "1000"))
LONG = 80
"""Steps of a history in the long run."""


def play(kind: type[Player], folder: Path, seed: int, steps: int) -> None:
    history = kind(folder, seed)
    try:
        history.run(steps)
    finally:
        history.close()
        shutil.rmtree(folder)


@pytest.mark.parametrize("first", range(0, FEW, AT_ONCE))
def test_histories_of_everything(tmp_path: Path, first: int) -> None:
    """The same in CI each time, elsewhere others."""
    start = first if os.environ.get("CI") else random.randrange(10**6)
    for seed in range(start, start + AT_ONCE):
        play(SurfaceHistory, tmp_path / str(seed), seed, MANY)


@pytest.mark.histories
@pytest.mark.parametrize("first", range(0, THOUSAND, AT_ONCE))
def test_a_thousand_histories(tmp_path: Path, first: int) -> None:
    """Seven of ten over the whole file system, one over its core alone, two with pipelines."""
    start = int(os.environ.get("TRUNKLINE_SEED", "0")) + first
    kinds = [SurfaceHistory] * 7 + [PfsHistory] + [PpsHistory] * 2
    for seed in range(start, start + AT_ONCE):
        play(kinds[seed % 10], tmp_path / str(seed), seed, LONG)


EVERYTHING = {"start", "finish", "write", "branch", "create", "delete", "clear", "squash", "drop", "transaction"}
EVERYTHING |= {"file", "compose", "renew", "add", "read"}
REFUSED = {"start", "finish", "write", "branch", "transaction", "add", "renew", "read"}


def test_histories_use_everything(tmp_path: Path) -> None:
    """Each kind of step is taken, succeeds and is refused."""
    done: set[str] = set()
    refused: set[str] = set()
    for seed in range(40):
        history = SurfaceHistory(tmp_path / str(seed), seed)
        history.witness = lambda said, well: (done if well else refused).add(said.split()[0].strip("(',:"))
        history.run(MANY)
        history.close()
        if done >= EVERYTHING and refused >= REFUSED:
            return
    raise AssertionError(f"never done: {EVERYTHING - done}, never refused: {REFUSED - refused}")
