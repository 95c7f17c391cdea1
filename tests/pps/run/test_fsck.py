"""fsck compares what jobs say with what their output commits hold."""

from __future__ import annotations

import pytest
from tests.pps.run.factory import Factory

from trunkline.maps import EMPTY
from trunkline.pps import fsck


@pytest.fixture
def world(factory: Factory) -> Factory:
    factory.repo("a")
    factory.put("a", x="1", y="2")
    factory.pipeline("p", "a")
    factory.settle()
    return factory


def problems(world: Factory) -> list[str]:
    return list(fsck.check(world.pfs))


def test_a_sound_history(world: Factory) -> None:
    world.put("a", z="3")
    world.settle()
    world.delete("a", "/x")
    world.settle()
    assert problems(world) == []


def test_an_output_commit_that_lost_its_files(world: Factory) -> None:
    world.catalog.write(
        lambda tx: tx.run("UPDATE commits SET root = ? WHERE id IN (SELECT output_commit FROM jobs)", (EMPTY.pack(),))
    )
    (problem,) = problems(world)
    assert "made 2 files" in problem
    assert "holds 0" in problem


def test_an_outcome_that_is_gone(world: Factory) -> None:
    world.catalog.write(lambda tx: tx.run("DELETE FROM outcomes"))
    found = problems(world)
    assert sum("nothing is known of its datum" in problem for problem in found) == 2


def test_a_success_with_an_error(world: Factory) -> None:
    world.catalog.write(
        lambda tx: tx.run("UPDATE commits SET error = 'torn' WHERE id IN (SELECT output_commit FROM jobs)")
    )
    (problem,) = problems(world)
    assert "its output commit has the error: torn" in problem


def test_counts_that_do_not_add_up(world: Factory) -> None:
    world.catalog.write(lambda tx: tx.run("UPDATE jobs SET data_processed = 1"))
    (problem,) = problems(world)
    assert "counts 1 of 2 datums" in problem
