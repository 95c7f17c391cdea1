"""Forgotten commits: the content is gone, and nothing ever builds on them (spec 01, section 7)."""

from __future__ import annotations

import pytest
from tests.pfs.house import House, add, commit_ref, copied, gone

from trunkline.kernel.errors import NotFound, NotReady, Refused
from trunkline.pfs import commits, forget, walks
from trunkline.pfs.rows import Commit


@pytest.fixture
def line(house: House) -> tuple[House, list[Commit]]:
    """data → out → end; three finished commits each, with content of their own."""
    house.repo("data", "out", "end")
    house.branch("out", "data")
    house.branch("end", "out")
    made = []
    for number in range(3):
        if number:
            house.put("data", x=str(number))
        opened = house.commit("out")
        house.write(f"out@{opened.id}", gone("/f"), add("/f", f"text {number}"))
        house.finish("out")
        house.finish("end")
        house.settle()
        made.append(house.commit("out"))
    return house, made


def lose(house: House, name: str) -> None:
    house.pfs.change(lambda change: forget.forget(change, commit_ref(name)))


def test_the_content_is_gone_and_the_rest_stays(line: tuple[House, list[Commit]]) -> None:
    house, (first, middle, last) = line
    lose(house, f"out@{middle.id}")
    lose(house, f"out@{middle.id}")  # nothing more happens
    with pytest.raises(Refused, match=f"the commit is forgotten: default/out@{middle.id}"):
        house.files(f"out@{middle.id}")
    assert house.files(f"out@{first.id}") == {"/f": "text 0"}
    assert house.files(f"out@{last.id}") == {"/f": "text 2"}
    kept = house.commit(f"out@{middle.id}")
    assert kept.forgotten
    assert (kept.parent, kept.finished, kept.description) == (middle.parent, middle.finished, middle.description)
    assert house.commit("out@master^").id == middle.id
    house.put("data", x="4")
    assert house.commit("out").open
    assert house.files("out") == {"/f": "text 2"}


def test_what_may_not_be_forgotten(line: tuple[House, list[Commit]]) -> None:
    house, (_, _, last) = line
    with pytest.raises(Refused, match="the commit to be forgotten must be in an output repo"):
        lose(house, "data@master^")
    with pytest.raises(Refused, match="the branch head cannot be a forgotten commit"):
        lose(house, "out")
    house.put("data", x="4")
    with pytest.raises(Refused, match="direct descendants must be closed"):
        lose(house, f"out@{last.id}")  # the new head builds on it
    house.finish("out")
    house.finish("end")
    with pytest.raises(Refused, match="direct descendants must be closed"):
        lose(house, f"out@{last.id}")  # finishing is not enough: its content is still to be worked out
    house.settle()
    lose(house, f"out@{last.id}")
    with pytest.raises(NotFound):
        lose(house, "out@master^9")


def test_an_input_of_an_unfinished_commit_stays(line: tuple[House, list[Commit]]) -> None:
    house, _ = line
    house.put("data", x="4")
    pending = house.commit("out")
    house.finish("out")
    house.settle()
    house.put("data", x="5")
    house.finish("out")
    house.settle()
    with pytest.raises(Refused, match=r"direct descendants must be closed: commit default/end@"):
        lose(house, f"out@{pending.id}")


def test_an_open_commit_that_no_branch_has_as_head(line: tuple[House, list[Commit]]) -> None:
    house, _ = line
    house.put("data", x="4")
    opened = house.commit("out")
    house.branch("out", head="out@master^")
    with pytest.raises(NotReady, match="not finished"):
        lose(house, f"out@{opened.id}")


def test_nothing_builds_on_it(line: tuple[House, list[Commit]]) -> None:
    house, (first, middle, last) = line
    lose(house, f"out@{middle.id}")
    with pytest.raises(Refused, match="the branch head cannot be a forgotten commit"):
        house.branch("out@old", head=f"out@{middle.id}")
    with pytest.raises(Refused, match="the commit is forgotten"):
        house.start("out@old", parent=f"out@{middle.id}")
    with pytest.raises(Refused, match="the branch head cannot be a forgotten commit"):
        house.drop(f"out@{last.id}", recursive=True)
    with pytest.raises(Refused, match="the commit is forgotten"):
        house.write("data", copied("/c", f"out@{middle.id}", "/f"))
    assert house.commit(f"out@{last.id}").parent == middle.key
    assert first.key == middle.parent


def test_a_search_passes_it_over(line: tuple[House, list[Commit]]) -> None:
    house, (first, middle, last) = line

    def found(name: str) -> list[tuple[str, bool]]:
        return [(one.commit.id, one.changed) for one in walks.changes_of(house.pfs, house.commit(name), "/f")]

    assert found("out") == [(last.id, True), (middle.id, True), (first.id, True)]
    lose(house, f"out@{middle.id}")
    assert found("out") == [(last.id, True), (first.id, True)]
    assert found(f"out@{middle.id}") == [(first.id, True)]
    lose(house, f"out@{first.id}")
    assert found(f"out@{middle.id}") == []


def test_a_commit_is_looked_at_only_when_finished(line: tuple[House, list[Commit]]) -> None:
    house, _ = line
    opened = house.start("data")
    with pytest.raises(NotReady, match=f"commit {opened} not finished"):
        list(walks.changes_of(house.pfs, opened, "/f"))
    house.pfs.change(lambda change: commits.clear(change, commit_ref("data")))
