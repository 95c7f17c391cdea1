"""Filters by jq programs: what they keep, and that a bad or a greedy one harms nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.api import jq_child, jqfilter
from trunkline.kernel.errors import Busy, InvalidRequest
from trunkline.wire import pps_pb2 as pps

CATALOGS = ("sqlite",)  # none of them is used
JOBS = [pps.JobInfo(job=pps.Job(id=str(number)), state=pps.JobState.Value("JOB_SUCCESS")) for number in range(5)]
JOBS[3].state = pps.JOB_FAILURE
JOBS[3].data_failed = 7


def kept(program: str, number: int = 0) -> list[int]:
    return [int(one.job.id) for one in jqfilter.kept(program, JOBS, number)]


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("true", [0, 1, 2, 3, 4]),
        ('.state == "JOB_FAILURE"', [3]),
        ('select(.state == "JOB_SUCCESS")', [0, 1, 2, 4]),
        (".data_failed", [3]),
        ('.data_failed == "7"', [3]),
        ("empty", []),
        ("null, true", []),
        ("0", [0, 1, 2, 3, 4]),
        ("# nothing but\n(.job.id | tonumber) > 2", [3, 4]),
    ],
)
def test_what_is_kept(program: str, wanted: list[int]) -> None:
    assert kept(program) == wanted
    assert kept(program, 2) == wanted[:2]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (".a[", "syntax error, unexpected end of file at line 1, column 3"),
        (".a |\n foo", "foo/0 is not defined at line 2, column 2"),
        (".job.id.x", 'Cannot index string with string ("x")'),
        ('error("of the\\nprogram")', "of the program"),
        ('import "passwd" as $x {search: "/etc"}; .', "module not found: passwd"),
        ("\0", "Top-level program not given"),
        ('"\ud800"', "surrogates not allowed"),
        ("x" * 100_000, "xxx"),
    ],
)
def test_programs_that_are_wrong(program: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        kept(program)
    assert str(caught.value).startswith("jqFilter: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_program_is_told_of_even_if_there_is_nothing_to_list() -> None:
    with pytest.raises(InvalidRequest, match="syntax error"):
        list(jqfilter.kept("(", []))


@pytest.mark.parametrize("program", ["def f: 1 + f; f", '"x" * 1e9 | . + .'])
def test_what_it_costs_is_bounded(program: str) -> None:
    with pytest.raises(InvalidRequest, match=r"jqFilter: it takes more than 5 s or 256 MiB for one message"):
        kept(program)
    assert kept(".data_failed") == [3]


def test_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jqfilter, "PATIENCE", 0.3)
    with pytest.raises(InvalidRequest, match="it takes more than"):
        kept("last(repeat(1))")
    assert jq_child.SECONDS < 10


def test_it_knows_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    assert kept('[$ENV[]] | all(. != "hush-hush")') == [0, 1, 2, 3, 4]
    assert kept('$ENV | has("AWS_SECRET_ACCESS_KEY")') == []
    (tmp_path / "data.json").write_text("[]")
    with pytest.raises(InvalidRequest):
        kept(f'import "data" as $d {{search: "{tmp_path}"}}; true')


def test_processes_end_with_their_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(list(Path("/proc/self/task").iterdir())), len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(jqfilter, "QUEUE", 0.01)
    lists = [jqfilter.kept("true", iter(JOBS)) for _ in range(jqfilter.ABREAST)]
    assert [next(one).job.id for one in lists] == ["0"] * jqfilter.ABREAST
    with pytest.raises(Busy, match="try again"):
        kept("true")
    for one in lists:
        one.close()
    assert kept("true") == [0, 1, 2, 3, 4]
    assert (len(list(Path("/proc/self/task").iterdir())), len(list(Path("/proc/self/fd").iterdir()))) == before
