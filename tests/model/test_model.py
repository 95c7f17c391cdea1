"""The model would notice: a world that breaks a promise is caught by a history."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.maps import EMPTY
from trunkline.pfs import commits, filesets, finish, firing, history, layers, modify, projects, provenance, resolve
from trunkline.pfs.files import View
from trunkline.pfs.pfs import Pfs
from trunkline.pps import outcomes
from trunkline.testing.history import Mismatch, Player
from trunkline.testing.history_pfs import PfsHistory
from trunkline.testing.history_pps import PpsHistory
from trunkline.testing.history_surface import SurfaceHistory
from trunkline.testing.surface_real import SurfaceReal


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


def test_a_branch_that_follows_unasked_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "branches_to_follow", provenance.downstream_branches)
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


def test_a_trigger_that_does_not_fire_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "fires", lambda tx, trigger, old, new: False)
    assert caught(SurfaceHistory, tmp_path)


def test_a_trigger_that_fires_too_often_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "fires", lambda tx, trigger, old, new: True)
    assert caught(SurfaceHistory, tmp_path)


def test_a_tick_that_is_lost_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "tick", lambda pfs: False)
    assert caught(SurfaceHistory, tmp_path, histories=120)


def test_a_lease_that_does_not_end_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = filesets.need
    monkeypatch.setattr(filesets, "need", lambda tx, name, now: real(tx, name, 0))
    monkeypatch.setattr(filesets, "sweep", lambda pfs: False)
    assert caught(SurfaceHistory, tmp_path)


def test_a_trial_that_changes_something_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pfs, "trial", Pfs.change)
    assert caught(SurfaceHistory, tmp_path)


def test_half_a_transaction_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        SurfaceReal,
        "together",
        lambda self, steps, set_id: self.pfs.change(lambda c: [s(c) for s in steps[:1]], set_id),
    )
    assert caught(SurfaceHistory, tmp_path)


def test_a_layer_that_compaction_loses_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = layers.compacted
    monkeypatch.setattr(layers, "compacted", lambda maps, given: real(maps, given[1:]))
    assert caught(SurfaceHistory, tmp_path)


def test_a_copy_that_appends_unasked_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = modify._place
    monkeypatch.setattr(modify, "_place", lambda builder, to, tag, entry, append: real(builder, to, tag, entry, True))
    assert caught(SurfaceHistory, tmp_path)


def test_a_project_whose_repos_stay_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects.repos, "delete", lambda change, ref, *, force=False: True)
    assert caught(SurfaceHistory, tmp_path)


def test_a_difference_that_is_not_told_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = View.diff
    monkeypatch.setattr(View, "diff", lambda *given: list(real(*given))[:-1])
    assert caught(SurfaceHistory, tmp_path)


def test_a_list_that_begins_too_late_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = View.children
    monkeypatch.setattr(View, "children", lambda *given, **how: list(real(*given, **how))[1:])
    assert caught(SurfaceHistory, tmp_path)
