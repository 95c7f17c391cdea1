"""The law, for a whole job: one changed file among many datums, from the plan to the output commit."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from tests.pps.run.factory import Factory

from trunkline.content.entry import FileEntry
from trunkline.kernel.ids import DatumId
from trunkline.maps import Maps
from trunkline.maps.shape import Shape
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pfs import modify
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pps import outcomes
from trunkline.pps.outcomes import DatumReport, Finding
from trunkline.pps.outputs import output_map
from trunkline.pps.rows import Job
from trunkline.pps.states import DatumState

SHAPE = Shape(leaf=16, inner=8, inline=1024)


def put(world: Factory, names: range, text: bytes) -> None:
    operations: list[modify.Operation] = [modify.Delete(f"/{name:06}", "default") for name in names]
    operations += [modify.Append(f"/{name:06}", "default", text) for name in names]
    modify.write(world.pfs, CommitRef(RepoRef("a"), branch="master"), operations)
    world.finish_commits()


def pretend(world: Factory, job: Job) -> None:
    """Reports a file for every datum of a job, without staging any."""
    found = []
    for key, value, _, _ in world.entries(world.plan(job)):
        name = key.hex()
        outputs = output_map(world.pfs.maps, name, [(f"/{name[:8]}/{name}", FileEntry(0, b"h" * 32))])
        report = DatumReport(DatumId(name), DatumState.SUCCESS, outputs=outputs.pack())
        found.append(Finding(key, value, report))
    assert outcomes.record(world.catalog, job, found, world.clock.now())


def cost(folder: Path, size: int) -> int:
    """Nodes touched by a job after one of so many files changed."""
    folder.mkdir()
    world = Factory(folder)
    try:
        world.repo("a")
        put(world, range(size), b"")
        world.pipeline("p", "a")
        pretend(world, world.job("p"))
        world.settle()
        assert world.counts("p") == (size, 0, 0, 0, size)
        put(world, range(size // 2, size // 2 + 1), b"new")
        store = MeteredStore(world.pfs.store)
        world.pfs.maps = Maps(store)
        world.restart()
        world.settle()
        assert world.counts("p") == (1, size - 1, 0, 0, size)
        assert len(world.ran) == 1
        assert world.root("p").count == size
        counts = store.counts()
        return counts["get"].objects + counts["put"].objects + counts["put_many"].objects
    finally:
        world.close()


def test_a_job_costs_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = partial(Maps, shape=SHAPE)
    monkeypatch.setattr("trunkline.pfs.pfs.Maps", small)
    monkeypatch.setattr(__name__ + ".Maps", small)
    costs = [cost(tmp_path / str(size), size) for size in (300, 1_000, 3_000)]
    assert max(costs) <= 60, f"{costs}; reading all is 1,000 and more"
