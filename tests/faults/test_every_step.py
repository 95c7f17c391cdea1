"""Each operation with a fault at each of its steps: the old state or the new one, never anything else.

First the operation is done on a copy of the world, to count its steps and to see the new state. Then once for each
step, on a fresh copy, with an error before the step; with an answer that is lost after it; with another writer who
comes between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.faults.operations import OPERATIONS, Operation
from tests.faults.world import Base, World, put

from trunkline.kernel.errors import StorageFailed, TrunklineError
from trunkline.testing.faults import AFTER, BEFORE, BETWEEN

MOST_STEPS = 16
"""Of longer operations some steps in the middle are left out."""


class Known(NamedTuple):
    """What an operation does when nothing goes wrong."""

    base: Base
    operation: Operation
    old: object
    new: object
    steps: dict[str, list[str]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(tmp_path_factory.mktemp("base"))


@pytest.fixture(params=OPERATIONS, ids=[one.name for one in OPERATIONS])
def known(request: pytest.FixtureRequest, base: Base, tmp_path: Path) -> Known:
    operation: Operation = request.param
    steps = {}
    old = new = None
    for how in (BEFORE, AFTER):
        world = base.copy(tmp_path / how)
        old = world.picture()
        world.faults.on, world.faults.how = True, how
        operation.do(world)
        world.faults.on = False
        steps[how] = world.faults.steps
        new = world.picture()
        assert world.broken() == []
        world.close()
    return Known(base, operation, old, new, steps)


def chosen(steps: list[str]) -> list[int]:
    every = list(range(len(steps)))
    return every if len(every) <= MOST_STEPS else every[: MOST_STEPS // 2] + every[-MOST_STEPS // 2 :]


def tries(known: Known, folder: Path, how: str) -> Iterator[tuple[int, str, World, TrunklineError | None]]:
    """The operation with a fault at each step in turn."""
    steps = known.steps[AFTER if how == AFTER else BEFORE]
    for number in chosen(steps):
        world = known.base.copy(folder / f"{how}{number}")
        world.faults.at, world.faults.how, world.faults.on = number, how, True
        error: TrunklineError | None = None
        try:
            known.operation.do(world)
        except TrunklineError as caught:
            error = caught
        world.faults.on = False
        yield number, f"{how} step {number} ({steps[number]})", world, error
        assert world.broken() == [], f"{how} step {number}"
        world.close()


def test_an_error_at_any_step_undoes_everything(known: Known, tmp_path: Path) -> None:
    for _, said, world, error in tries(known, tmp_path, BEFORE):
        if error is None:
            assert world.picture() == known.new, said
            continue
        assert isinstance(error, StorageFailed), said
        if known.operation.name != "what runs by itself":  # it is many changes, one after the other
            assert world.picture() == known.old, said
        known.operation.do(world)
        assert world.picture() == known.new, f"{said}, repeated"


def test_an_answer_lost_at_any_step_does_nothing_twice(known: Known, tmp_path: Path) -> None:
    for _, said, world, error in tries(known, tmp_path, AFTER):
        now = world.picture()
        if known.operation.name != "what runs by itself":
            assert now in (known.old, known.new), said
        if error is None:
            assert now == known.new, said
            continue
        try:
            known.operation.do(world)
        except TrunklineError as told:
            assert known.operation.again == "told", f"{said}: {told!r}"
            assert now == world.picture() == known.new, said
            continue
        if now != known.new or known.operation.again == "same":
            assert world.picture() == known.new, f"{said}, repeated"
        else:
            assert known.operation.again == "twice", said


def test_another_writer_at_any_step_comes_before_or_after(known: Known, tmp_path: Path) -> None:
    """He puts a file into the repo a, and succeeds; the outcome is that of one after the other."""
    orders = [picture_of(known, tmp_path / "first", [visit, known.operation.do])]
    orders.append(picture_of(known, tmp_path / "second", [known.operation.do, visit]))
    for number, name in enumerate(known.steps[BEFORE]):
        if number not in chosen(known.steps[BEFORE]):
            continue
        said = f"between step {number} ({name})"
        world = known.base.copy(tmp_path / str(number))
        world.faults.at, world.faults.how, world.faults.on = number, BETWEEN, True
        world.faults.between = partial(visit, world)
        told = attempt(world, known.operation.do)
        world.faults.on = False
        assert world.broken() == [], said
        if known.operation.name != "what runs by itself":
            assert (world.picture(), told) in orders, said
        world.close()


def visit(world: World) -> None:
    put(world, "a", "/visitor", b"visited")


def attempt(world: World, do: Callable[[World], object]) -> type[TrunklineError] | None:
    try:
        do(world)
    except TrunklineError as error:
        return type(error)
    return None


def picture_of(known: Known, folder: Path, doings: Sequence[Callable[[World], object]]) -> object:
    """The world after some doings, and whether the operation was refused."""
    world = known.base.copy(folder)
    told = {do: attempt(world, do) for do in doings}
    found = world.picture()
    world.close()
    return found, told[known.operation.do]
