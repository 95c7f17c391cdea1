"""Many callers at once, each doing something else: only known errors, and a sound world at the end."""

from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path

import pytest
from tests.pfs.house import House, add, gone

from trunkline.kernel.errors import TrunklineError
from trunkline.pfs import listing, repos
from trunkline.pfs.refs import RepoRef

CALLERS = 4
CALLS = 120
NAMES = ("a", "b", "c")


class Caller:
    """One caller's own random calls."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.chance = house, random.Random(seed)
        self.errors: Counter[str] = Counter()
        self.unforeseen: list[BaseException] = []

    def run(self) -> None:
        for _ in range(CALLS):
            step = self.chance.choice(
                (self.put, self.put, self.put, self.start, self.finish, self.branch, self.remove, self.repo, self.look)
            )
            try:
                step()
            except TrunklineError as error:
                self.errors[type(error).__name__] += 1
            except BaseException as error:
                self.unforeseen.append(error)

    def name(self) -> str:
        return f"{self.chance.choice(NAMES)}@{self.chance.choice(('master', 'dev'))}"

    def put(self) -> None:
        path = f"/{self.chance.randrange(5)}"
        self.house.write(self.name(), *([gone(path)] if self.chance.random() < 0.5 else []), add(path, "x"))

    def start(self) -> None:
        self.house.start(self.name())

    def finish(self) -> None:
        self.house.finish(self.name())

    def branch(self) -> None:
        name = self.name()
        other = self.name()
        upstream = [other] if other[0] < name[0] and self.chance.random() < 0.3 else []
        head = f"{name}^" if self.chance.random() < 0.5 else None
        self.house.branch(name, *upstream, head=head)

    def remove(self) -> None:
        recursive = self.chance.random() < 0.5
        if self.chance.random() < 0.5:
            self.house.squash(f"{self.name()}^", recursive=recursive)
        else:
            self.house.drop(self.name(), recursive=recursive)

    def repo(self) -> None:
        if self.chance.random() < 0.15:
            ref = RepoRef(self.chance.choice(NAMES))
            self.house.pfs.change(lambda change: repos.delete(change, ref, force=True))
        self.house.repo(self.chance.choice(NAMES))

    def look(self) -> None:
        commit = self.house.commit(self.name())
        if commit.open or commit.finished is not None:
            self.house.files(f"{commit.repo.name}@{commit.id}")
        with self.house.catalog.read() as tx:
            listing.members(tx, commit.id)


@pytest.mark.parametrize("seed", range(4))
def test_callers_at_once(tmp_path: Path, seed: int) -> None:
    house = House(tmp_path)
    house.repo(*NAMES)
    stop = threading.Event()

    def finisher() -> None:
        while not stop.is_set():
            house.settle()
            stop.wait(0.001)

    background = threading.Thread(target=finisher)
    background.start()
    callers = [Caller(house, seed * CALLERS + number) for number in range(CALLERS)]
    threads = [threading.Thread(target=caller.run) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    background.join()
    house.settle()
    assert [error for caller in callers for error in caller.unforeseen] == []
    assert house.problems() == []
    assert set().union(*(caller.errors for caller in callers)) <= {"NotFound", "Refused", "AlreadyExists"}
    house.close()
