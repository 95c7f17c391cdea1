"""The page, from the page itself: every command works, every table shows what the page shows.

Cells that are times, ids or versions differ from run to run. Which blocks of the page of 2018 show another
run than the rest of it stands in `scripts.tutorial.page`, with the reason for each.
"""

from __future__ import annotations

import pytest
from scripts.tutorial import page, tables, walk
from scripts.tutorial.data import TOLERANCE

from .conftest import PAGES, Pages

BLOCKS = [
    pytest.param(name, step, id=f"{name}-{step.place}", marks=pytest.mark.xdist_group(name))
    for name, (steps, _) in PAGES.items()
    for step in steps
    if step.expected and not page.reason_not_played(step) and not page.reason_not_compared(step)
]
NAMES = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in PAGES]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_works(pages: Pages, name: str) -> None:
    _, played = pages.of(name)
    silent = [each for each in played.values() if each.said is None]
    assert len(played) == len(PAGES[name][0])
    assert all(page.reason_not_played(each.step) for each in silent)
    assert len(played) - len(silent) >= 20


@pytest.mark.parametrize(("name", "step"), BLOCKS)
def test_it_shows_what_the_page_shows(pages: Pages, name: str, step: page.Step) -> None:
    _, played = pages.of(name)
    said = played[step.place].said
    assert said is not None
    assert tables.differences(step, said.out, TOLERANCE) == []


@pytest.mark.parametrize("name", NAMES)
def test_figures(pages: Pages, name: str) -> None:
    player, _ = pages.of(name)
    walk.check_figures(player, PAGES[name][1])


def test_the_exceptions_are_few_and_real() -> None:
    left_out = {
        name: [step.place for step in steps if page.reason_not_compared(step)] for name, (steps, _) in PAGES.items()
    }
    assert left_out["docs"] == []
    if "shared" not in PAGES:
        return
    assert left_out["shared"] == [place for place, *_ in page.ANOTHER_RUN]
    steps = {step.place: step for step in PAGES["shared"][0]}
    for place, column, cell, _ in page.ANOTHER_RUN_CELLS:
        assert cell in [row[column] for row in tables.table(steps[place].expected)]
    assert [step.command for step in PAGES["shared"][0] if page.reason_not_played(step)] == [
        "kubectl get pods",
        "cd /home/pachrat/training-ai/machine-learning-with-go/ml_workflow",
    ]
