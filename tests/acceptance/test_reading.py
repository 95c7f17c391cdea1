"""The player's own eyes: what it would overlook, no other test here could find."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts.tutorial import page, tables, walk
from scripts.tutorial.data import SCIKIT_LEARN
from scripts.tutorial.player import Player, StepError

JOBS = """\
ID  OUTPUT COMMIT STARTED       DURATION  RESTART PROGRESS  DL       UL   STATE
a1  model/a1      2 seconds ago 1 second  0       1 + 0 / 1 41.28KiB 207B success
"""


def step(expected: str) -> page.Step:
    return page.Step("4", "4. Train", "pachctl list-job", expected, 1)


def test_a_table_is_cut_at_its_headers() -> None:
    (row,) = tables.table(JOBS)
    assert row["OUTPUT COMMIT"] == "model/a1"
    assert row["STARTED"] == "2 seconds ago"
    assert row["PROGRESS"] == "1 + 0 / 1"
    assert row["STATE"] == "success"
    assert tables.table("NAME TYPE SIZE\n") == []
    assert tables.table("") == []


def test_ids_and_times_may_differ() -> None:
    other = JOBS.replace("a1", "b7").replace("2 seconds ago", "9 seconds ago").replace("1 second ", "4 second ")
    assert tables.differences(step(JOBS), other, 1e-9) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1 + 0 / 1", "0 + 1 / 1", "row 1, PROGRESS"),
        ("207B", "208B", "row 1, UL"),
        ("success", "failure", "row 1, STATE"),
        ("model/", "madel/", "row 1, OUTPUT COMMIT"),
        ("RESTART", "RESTARS", "columns"),
        (JOBS, "", "a table was expected"),
        (JOBS, JOBS + JOBS.splitlines()[1], "1 rows, got 2"),
    ],
)
def test_other_cells_may_not(old: str, new: str, said: str) -> None:
    problems = tables.differences(step(JOBS), JOBS.replace(old, new), 1e-9)
    assert any(said in problem for problem in problems)


def test_json_is_compared_in_form_and_in_numbers() -> None:
    shown = step('{\n  "rmse": 46.44507083538092\n}')
    assert tables.differences(shown, shown.expected.replace("092", "083"), 1e-9) == []
    for other in ('{\n  "rmse": 46.44508\n}', '{"rmse": 46.44507083538092}', "46.44507083538092", "x"):
        assert tables.differences(shown, other, 1e-9) != []


def test_a_failing_command_stops_the_play(tmp_path: Path) -> None:
    shown: list[str] = []
    player = Player(tmp_path, shown.append)
    bad = page.parse("## 1. One\n\n```\n$ echo one; echo two >&2; exit 3\n$ echo three\n```\n")
    with pytest.raises(StepError, match="exit code 3: two"):
        list(walk.play(player, bad, SCIKIT_LEARN))
    assert shown == ["\n# 1. One\n", "$ echo one; echo two >&2; exit 3", "one", "two"]


def test_no_command_of_a_page_is_played_outside_its_home(tmp_path: Path) -> None:
    player = Player(tmp_path, print)
    said = player.run('echo "$TRUNKLINE_HOME|$PACH_CONFIG|$PACHD_ADDRESS|$ADDRESS"; pwd').out
    assert said.splitlines() == [f"{tmp_path}/home|{tmp_path}/config.json||", f"{tmp_path}/work"]
