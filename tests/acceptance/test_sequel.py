"""The seven steps of the next day. `scripts.tutorial.sequel` checks what each must show as it is played."""

from __future__ import annotations

import pytest
from scripts.tutorial.sequel import STEPS

from .conftest import NextDay

NAMES = [step.__name__ for step in STEPS]


@pytest.mark.parametrize("number", range(1, len(STEPS) + 1), ids=NAMES)
def test_step(next_day: NextDay, number: int) -> None:
    next_day.play_to(number)


def test_everything_is_whole_afterwards(next_day: NextDay) -> None:
    day = next_day.play_to(len(STEPS))
    assert "error" not in day.player.run("pachctl fsck").out.lower().replace("no errors", "")
