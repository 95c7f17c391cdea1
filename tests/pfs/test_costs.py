"""The cost of a change in the catalog does not grow with the number of commits, branches or repos that are there.

Counted in steps of SQLite's own machine, so that the test does not depend on the clock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.pfs.house import House, add, branch_ref, commit_ref

from trunkline.catalog import SqliteCatalog
from trunkline.pfs import commit_lists, listing, provenance, resolve
from trunkline.pfs.refs import RepoRef

CATALOGS = ("sqlite",)  # it counts the steps of SQLite

FEW, MANY = 20, 600


class CountingCatalog(SqliteCatalog):
    """Counts the steps of every connection."""

    steps = 0

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.set_progress_handler(self._step, 1)
        return connection

    def _step(self) -> int:
        self.steps += 1
        return 0


class Counted(House):
    """A world that counts what its catalog does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, catalog=CountingCatalog)

    @property
    def steps(self) -> int:
        assert isinstance(self.catalog, CountingCatalog)
        return self.catalog.steps

    def cost(self, step: Callable[[House], object]) -> int:
        before = self.steps
        step(self)
        return self.steps - before


def filled(folder: Path, commits: int) -> Counted:
    """Two repos that feed a third, with a long history each, and as many idle repos with branches."""
    folder.mkdir()
    house = Counted(folder)
    house.repo("data", "side", "out")
    house.branch("out", "data", "side")
    house.finish("out")
    for number in range(commits):
        house.put("data" if number % 3 else "side", a=str(number))
        house.finish("out")
    for number in range(commits // 4):
        house.repo(f"idle{number}")
        house.branch(f"idle{number}")
        house.branch(f"data@b{number}", head=f"data@master^{number % 5}")
    house.settle()
    return house


def start_and_finish(house: House) -> None:
    house.start("data")
    house.write("data", add("/b", "1"))
    house.finish("data")
    house.finish("out")
    house.settle()


def long_ago(house: House) -> int:
    """When one of the oldest commits was started: where the last page of a list begins."""
    return list(commit_lists.list_commits(house.catalog, RepoRef("data"), number=8, reverse=True))[-1].started


def look(house: House) -> None:
    with house.catalog.read() as tx:
        head = resolve.commit(tx, commit_ref("data"))
        resolve.commit(tx, commit_ref(f"side@{head.id}"))  # an alias
        resolve.commit(tx, commit_ref("data@master^3"))
        listing.members(tx, head.id)
        branch = resolve.branch(tx, branch_ref("out"))
        provenance.upstream_branches(tx, branch.key)
        provenance.newest_subvenance(tx, head.key, 10)
        list(commit_lists.list_commits(house.catalog, RepoRef("data"), number=5))
        list(
            zip(
                range(5), commit_lists.list_commits(house.catalog, RepoRef("data"), to=commit_ref("data")), strict=False
            )
        )


STEPS: list[tuple[str, Callable[[House], object]]] = [
    ("write to a branch", lambda house: (house.put("data", a="new"), house.finish("out"))),
    ("start and finish", start_and_finish),
    ("look", look),
    ("idle", lambda house: house.settle()),
    ("make a branch", lambda house: house.branch("data@new", head="data@master^2")),
    ("go back", lambda house: (house.branch("data", head="data@master^"), house.finish("out"), house.settle())),
    ("write beside", lambda house: (house.put("data@new", b="1"), house.put("data@new", b="2"))),
    ("squash", lambda house: house.squash("data@new^")),
    ("drop", lambda house: house.drop("data@new")),
    ("delete a branch", lambda house: house.unbranch("data@new")),
    ("make a repo", lambda house: house.repo("another")),
]


def test_costs_do_not_grow_with_history(tmp_path: Path) -> None:
    few, many = filled(tmp_path / "few", FEW), filled(tmp_path / "many", MANY)
    grown = {}
    for name, step in STEPS:
        small, large = few.cost(step), many.cost(step)
        if large > small * 1.25 + 200:
            grown[name] = (small, large)
    assert grown == {}
    for house in (few, many):
        assert house.problems() == []
        house.close()
