"""Faults of jobs and pipelines that fsck repairs, and zombies."""

from __future__ import annotations

import pytest
from tests.catalog.careless import careless
from tests.pps.run.factory import Factory

from trunkline.content.entry import from_entry, to_entry
from trunkline.kernel.errors import Refused
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pps import fsck, repairs, zombies
from trunkline.pps.roots import forget_outcomes


@pytest.fixture
def world(factory: Factory) -> Factory:
    factory.repo("a")
    factory.put("a", x="1", y="2")
    factory.pipeline("p", "a")
    factory.settle()
    return factory


def mend(world: Factory) -> list[str]:
    return list(repairs.repair(world.pfs))


def problems(world: Factory) -> list[str]:
    return list(fsck.check(world.pfs))


def test_nothing_to_do(world: Factory) -> None:
    assert mend(world) == []
    assert list(zombies.find(world.pfs)) == []


@pytest.mark.parametrize("change", ["data_total = 7", "data_skipped = 1", "data_total = 0, data_skipped = 9"])
def test_counts(world: Factory, change: str) -> None:
    world.catalog.write(lambda tx: tx.run(f"UPDATE jobs SET {change}"))
    assert problems(world) != []
    (done,) = mend(world)
    assert "has 2 datums" in done
    assert problems(world) == []


def test_the_newest_version(world: Factory) -> None:
    world.catalog.write(lambda tx: tx.run("UPDATE pipelines SET version = 9, salt = 'odd'"))
    assert any("its newest is 1" in problem for problem in problems(world))
    assert len(mend(world)) == 1
    assert problems(world) == []


def test_rows_of_jobs_that_are_gone(world: Factory) -> None:
    careless(
        world.catalog,
        "INSERT INTO troubled_datums (job, datum, state, reason, tries, download_time, process_time, upload_time, "
        "download_bytes, upload_bytes) VALUES (77, ?, 'FAILED', '', 1, 0, 0, 0, 0, 0)",
        b"x",
    )
    careless(world.catalog, "UPDATE jobs SET base = 78")
    assert len(problems(world)) == 2
    assert len(mend(world)) == 2
    assert problems(world) == []


def test_a_zombie(world: Factory) -> None:
    with world.catalog.read() as tx:
        row = tx.row("SELECT commits.id AS id, root, set_id FROM commits JOIN jobs ON jobs.output_commit = commits.id")
    root = type(world.pfs.maps.build([])).unpack(row["root"])
    entry = next(world.pfs.maps.range(root))
    file = from_entry(entry)
    zombie = to_entry(entry[0], type(file)(file.size, file.hash, file.slices, "ab" * 32))
    dead = world.pfs.maps.edit(root, [(entry[0], zombie)])
    world.catalog.write(lambda tx: tx.run("UPDATE commits SET root = ? WHERE id = ?", (dead.pack(), row["id"])))
    target = CommitRef(RepoRef("p"), row["set_id"])
    for found in (list(zombies.find(world.pfs)), list(zombies.find(world.pfs, target))):
        assert len(found) == 1
        assert "is a zombie" in found[0]
    with pytest.raises(Refused, match="no zombies"):
        list(zombies.find(world.pfs, CommitRef(RepoRef("a"), branch="master")))


def test_outcomes_that_no_job_needs_are_forgotten_when_they_are_old(world: Factory) -> None:
    count = "SELECT count(*) AS number FROM outcomes"
    world.clock.advance(40 * 24 * 3600)
    assert forget_outcomes(world.pfs) == ""
    world.catalog.write(lambda tx: tx.run("UPDATE jobs SET datums = NULL"))
    assert forget_outcomes(world.pfs, days=50) == ""
    assert forget_outcomes(world.pfs).startswith("2 outcomes")
    with world.catalog.read() as tx:
        assert tx.row(count)["number"] == 0
