"""Whatever is sent, the answer is a result or an error that was foreseen, nothing leaks, and the data stay sound.

`make test` makes a few hundred calls, `make fuzz` very many. A failure prints its seed and each case; a case that was
a bug stays as a test in `test_found`.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.fuzz.driver import Fuzzer
from tests.fuzz.target import Target, running, wait_until

from trunkline.pfs import fsck
from trunkline.pps import fsck as pps_fsck

WORKERS = 1
FEW, MANY = 1_200, 4_000


def check(target: Target, fuzzer: Fuzzer, open_before: list[str]) -> None:
    """Nothing was answered wrong, nothing is left over, nothing is broken."""
    assert fuzzer.faults == [], f"seed {fuzzer.seed}:\n" + "\n\n".join(fuzzer.faults)
    assert wait_until(lambda: target.busy() == 0), f"seed {fuzzer.seed}: calls that do not end"
    assert wait_until(lambda: target.readers() <= 0), f"seed {fuzzer.seed}: snapshots that do not end"
    assert wait_until(lambda: target.files() == open_before), f"seed {fuzzer.seed}: {target.files()} are open"
    made = fuzzer.codes
    for table, call in (("file_sets", "file set"), ("transactions", "transaction")):
        assert target.count(table) <= made[f"made a {call}"], f"seed {fuzzer.seed}: {table} that nobody was told of"
    pins = target.pachd._pfs.pins
    assert wait_until(lambda: not pins._reading), f"seed {fuzzer.seed}: readers that hold roots"

    def sessions() -> int:
        """Those that are not of a job or a worker, each of which has one."""
        return len(pins._sessions) - target.pachd._jobs.running - WORKERS

    assert wait_until(lambda: sessions() <= made["made a session"]), f"seed {fuzzer.seed}: sessions nobody knows of"
    problems = [*fsck.check(target.pachd._pfs), *pps_fsck.check(target.pachd._pfs)]
    assert problems == [], f"seed {fuzzer.seed}: {problems}"


def play(home: Path, seed: int, calls: int, catalog: str) -> None:
    print(f"seed {seed}, {calls} calls")
    with running(home, catalog) as target:
        before = target.files()
        fuzzer = Fuzzer(target, seed)
        fuzzer.run(calls)
        check(target, fuzzer, before)
        codes = {name.rpartition(" ")[2] for name in fuzzer.codes}
        assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND"} <= codes, f"calls come to nothing: {fuzzer.codes}"


@pytest.fixture
def catalog(catalog_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """For TRUNKLINE_CATALOG."""
    return "" if catalog_kind == "sqlite" else str(request.getfixturevalue("databases").dsn(tmp_path))


def test_some_calls(tmp_path: Path, catalog: str) -> None:
    play(tmp_path, 1 if os.environ.get("CI") else random.randrange(10**6), FEW, catalog)


@pytest.mark.fuzz
@pytest.mark.parametrize("number", range(int(os.environ.get("TRUNKLINE_FUZZ", "5"))))
def test_many_calls(tmp_path: Path, number: int, catalog: str) -> None:
    first = int(os.environ.get("TRUNKLINE_SEED", "0")) or random.randrange(10**6)
    play(tmp_path, first + number, MANY, catalog)
