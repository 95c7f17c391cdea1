"""The life of a commit, and how it is named (spec 00, sections 5 to 7; spec 01, section 5)."""

from __future__ import annotations

import pytest
from tests.pfs.house import House, add, commit_ref, gone

from trunkline.kernel.errors import InvalidRequest, NotFound, Refused
from trunkline.kernel.ids import is_id
from trunkline.pfs import ancestry, commits, finish, resolve
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef

DATA = RepoRef("data")


@pytest.fixture
def data(house: House) -> House:
    house.repo("data")
    return house


# -- life cycle -----------------------------------------------------------------------------------------


def test_a_commit_is_open_then_finishing_then_finished(data: House) -> None:
    started = data.start("data")
    assert is_id(started.id)
    assert (started.open, started.origin, started.branch, started.parent) == (True, "USER", "master", None)
    data.write("data", add("/a", "1"))
    finishing = data.finish(f"data@{started.id}", description="all of it")
    assert (finishing.open, finishing.finished, finishing.description) == (False, None, "all of it")
    data.settle()
    done = data.commit("data")
    assert done.started <= (done.finishing or 0) <= (done.finished or 0)
    assert data.files("data") == {"/a": "1"}
    with data.catalog.read() as tx:
        assert tx.row("SELECT 1 FROM layers") is None  # nothing is kept twice


def test_finishing_twice_is_refused(data: House) -> None:
    started = data.start("data")
    data.finish("data")
    for reference in ("data", f"data@{started.id}"):
        with pytest.raises(Refused, match=f"^commit default/data@{started.id} has already finished$"):
            data.finish(reference)
    data.settle()
    with pytest.raises(Refused, match="has already finished$"):
        data.finish("data")


def test_a_description_is_kept_unless_another_is_given(data: House) -> None:
    data.pfs.change(lambda change: commits.start(change, BranchRef(DATA, "master"), description="first"))
    assert data.finish("data").description == "first"


def test_a_commit_on_an_open_head_is_refused(data: House) -> None:
    started = data.start("data")
    with pytest.raises(Refused, match=f"^parent commit default/data@{started.id} has not been finished"):
        data.start("data")
    data.finish("data")
    second = data.start("data")  # finishing is enough
    assert second.parent == started.key
    assert data.finish("data").finished is None
    data.settle()


def test_a_commit_needs_a_branch_and_a_repo(data: House) -> None:
    with pytest.raises(InvalidRequest, match="^branch must be specified$"):
        data.pfs.change(lambda change: commits.start(change, BranchRef(DATA, "")))
    with pytest.raises(NotFound, match="^repo default/nope not found$"):
        data.start("nope")
    with pytest.raises(Refused, match="only alphanumeric"):
        data.pfs.change(lambda change: commits.start(change, BranchRef(DATA, "a b")))


def test_a_parent_can_be_given(data: House) -> None:
    first = data.put("data", a="1")
    data.put("data", a="2")
    third = data.start("data", parent="data@master^")
    assert third.parent == first.key
    assert data.files("data") == {"/a": "1"}
    with pytest.raises(NotFound, match="^parent commit default/data@nope not found$"):
        data.start("data@dev", parent="data@nope")
    fourth = data.start("data@dev", parent=f"data@{first.id}")
    assert data.commit("data@dev") == fourth


def test_clearing_forgets_what_was_written(data: House) -> None:
    data.put("data", a="1")
    started = data.start("data")
    data.write("data", add("/b", "2"), gone("/a"))
    data.pfs.change(lambda change: commits.clear(change, commit_ref("data")))
    assert data.files("data") == {"/a": "1"}
    data.write("data", add("/c", "3"))
    data.finish("data")
    with pytest.raises(Refused, match=f"^cannot clear finished commit default/data@{started.id}$"):
        data.pfs.change(lambda change: commits.clear(change, commit_ref("data")))
    data.settle()
    assert data.files("data") == {"/a": "1", "/c": "3"}


def test_an_errored_commit_is_finished_and_holds_what_its_parent_did(data: House) -> None:
    data.put("data", a="1")
    data.start("data")
    data.write("data", add("/b", "2"))
    data.finish("data", error="went wrong")
    data.settle()
    assert data.commit("data").error == "went wrong"
    assert data.files("data") == {"/a": "1"}
    data.put("data", c="3")  # the next one begins at the last good one
    assert data.commit("data").error == ""
    assert data.files("data") == {"/a": "1", "/c": "3"}


def test_times_never_decrease_along_a_chain(data: House) -> None:
    times = []
    for number in range(5):
        done = data.put("data", a=str(number))
        times += [done.started, done.finishing, done.finished]
    assert times == sorted(times)


def test_commits_finish_in_order_parents_first(data: House) -> None:
    for number in range(4):
        data.start("data")
        data.write("data", add("/a", str(number)))
        data.finish("data")
    order = []
    while (done := data.pfs.finisher.step()) is not None:
        order.append(done.key)
    assert order == sorted(order)
    assert len(order) == 4
    assert data.files("data") == {"/a": "0123"}


def test_a_commit_waits_for_an_unfinished_parent(house: House) -> None:
    house.repo("data", "out")
    house.branch("out@master", "data@master")
    first = house.commit("out")
    house.put("data", a="1")
    second = house.commit("out")
    house.finish("out")
    house.settle()
    assert house.commit(f"out@{second.id}").finished is None
    with house.catalog.read() as tx:
        assert finish.base_of(tx, second) is None
    house.finish(f"out@{first.id}")
    house.settle()
    assert house.commit(f"out@{second.id}").finished is not None


def test_finishing_can_be_done_again_after_a_crash(data: House) -> None:
    """The step writes its root before the row: losing the row loses nothing."""
    data.start("data")
    data.write("data", add("/a", "1"))
    data.finish("data")
    written: list[object] = []
    real = data.catalog.write
    data.catalog.write = written.append  # type: ignore[method-assign,assignment]
    data.pfs.finisher.step()
    data.catalog.write = real  # type: ignore[method-assign]
    assert written
    assert data.commit("data").finished is None
    data.settle()
    assert data.files("data") == {"/a": "1"}


# -- references -----------------------------------------------------------------------------------------


@pytest.fixture
def chain(data: House) -> House:
    """c1 ← c2 ← c3 on master; /a holds the number."""
    for number in "123":
        data.put("data", a=number)
    return data


@pytest.mark.parametrize(
    ("reference", "number"),
    [
        ("master", "3"),
        ("master^", "2"),
        ("master~", "2"),
        ("master^^", "1"),
        ("master^2", "1"),
        ("master~2", "1"),
        ("master^0", "3"),
        ("master.1", "1"),
        ("master.2", "2"),
        ("master.3", "3"),
        ("master.", "1"),
    ],
)
def test_ancestry(chain: House, reference: str, number: str) -> None:
    assert chain.files(f"data@{reference}") == {"/a": number}


def test_ancestry_of_ids(chain: House) -> None:
    head = chain.commit("data").id
    assert chain.files(f"data@{head}^^") == {"/a": "1"}
    assert chain.files(f"data@{head}.2") == {"/a": "2"}
    with chain.catalog.read() as tx:
        assert resolve.commit(tx, CommitRef(DATA, "^2", "master")).id == chain.commit("data@master^2").id


@pytest.mark.parametrize("reference", ["master^3", "master~17", "master^^^", "master.4", "master.0"])
def test_ancestry_beyond_the_chain(chain: House, reference: str) -> None:
    with pytest.raises(NotFound, match=r"^commit \S+ not found"):
        chain.commit(f"data@{reference}")


@pytest.mark.parametrize(
    ("text", "separator", "stranger"),
    [
        ("master^~", "^", "~"),
        ("master^x", "^", "x"),
        ("master~1.2", "~", "1"),
        ("master.-1", ".", "-"),
        ("a^٣", "^", "٣"),
    ],
)
def test_ancestry_that_makes_no_sense(text: str, separator: str, stranger: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ancestry.parse(text)
    assert refused.value.message == (
        f'invalid ancestry syntax "{text}", cannot mix {separator} and {stranger} characters'
    )


def test_a_branch_can_be_named_as_an_id(chain: House) -> None:
    with chain.catalog.read() as tx:
        head = resolve.commit(tx, CommitRef(DATA, branch="master"))
        assert resolve.commit(tx, CommitRef(DATA, "master")) == head
        assert resolve.commit(tx, CommitRef(DATA, head.id, "master")) == head
        assert resolve.commit(tx, CommitRef(DATA, head.id, "elsewhere")) == head  # the id counts
        with pytest.raises(Refused, match=r"^invalid commit ID given with a branch \(default/data@master\): dev$"):
            resolve.commit(tx, CommitRef(DATA, "dev", "master"))


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (CommitRef(RepoRef("nope"), branch="master"), "^repo default/nope not found$"),
        (CommitRef(DATA, branch="dev"), '^branch "dev" not found in repo default/data$'),
        (CommitRef(DATA, "dev"), '^branch "dev" not found in repo default/data$'),
        (CommitRef(DATA, "0" * 12 + "4" + "0" * 19), "^commit default/data@0{12}40{19} not found$"),
    ],
)
def test_what_is_missing_is_named(data: House, reference: CommitRef, words: str) -> None:
    with pytest.raises(NotFound, match=words), data.catalog.read() as tx:
        resolve.commit(tx, reference)


def test_times_stay_in_order_when_the_clock_is_put_back(house: House) -> None:
    house.repo("data")
    house.start("data")
    house.clock.advance(-3600)
    house.finish("data")
    house.settle()
    house.put("data", a="1")
    assert house.problems() == []
