"""The model would notice: a world that breaks a promise is caught by a history."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.maps import EMPTY
from trunkline.pfs import commits, finish, history, resolve
from trunkline.pps import outcomes
from trunkline.testing.history import Mismatch, Player
from trunkline.testing.history_pfs import PfsHistory
from trunkline.testing.history_pps import PpsHistory


def caught(kind: type[Player], folder: Path, histories: int = 60) -> bool:
    """Whether one of some histories ends with a mismatch."""
    for seed in range(histories):
        player = kind(folder / str(seed), seed)
        try:
            player.run(50)
        except Mismatch:
            return True
        finally:
            player.close()
    return False


def test_a_lost_write_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = finish.layers.load
    monkeypatch.setattr(finish.layers, "load", lambda tx, commit: real(tx, commit)[1:])
    assert caught(PfsHistory, tmp_path)


def test_a_forgotten_branch_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.pfs.pfs.propagate", lambda change: None)
    assert caught(PfsHistory, tmp_path)


def test_a_squash_that_should_be_refused_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_check_squash", lambda change, commit, doomed: None)
    assert caught(PfsHistory, tmp_path)


def test_a_wrong_alias_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = resolve.find_in_set
    monkeypatch.setattr(resolve, "find_in_set", lambda tx, repo, set_id: real(tx, repo, set_id[::-1]))
    assert caught(PfsHistory, tmp_path)


def test_user_code_that_runs_again_without_need_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "known_among", lambda tx, pipeline, hashes: frozenset())
    assert caught(PpsHistory, tmp_path)


def test_an_output_that_lacks_a_datum_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = outcomes.outputs_of
    monkeypatch.setattr(
        outcomes, "outputs_of", lambda tx, pipeline, hashes: dict.fromkeys(real(tx, pipeline, hashes), EMPTY)
    )
    assert caught(PpsHistory, tmp_path)


def test_a_job_that_nobody_started_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.pps.jobs.create_jobs", lambda change: None)
    assert caught(PpsHistory, tmp_path)


def test_a_commit_that_changes_after_its_end_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = commits.point_branch

    def meddle(change, repo_key, ref, branch, head):
        change.tx.run("UPDATE commits SET root = ? WHERE repo = ? AND finished IS NOT NULL", (EMPTY.pack(), repo_key))
        return real(change, repo_key, ref, branch, head)

    monkeypatch.setattr(commits, "point_branch", meddle)
    assert caught(PfsHistory, tmp_path)
