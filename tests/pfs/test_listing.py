"""Lists of commits and sets, waiting for them, following them (spec 01, section 6)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from tests.pfs.house import House, add, commit_ref

from trunkline.kernel.errors import Cancelled, InvalidRequest, NotFound, Refused
from trunkline.kernel.ids import SetId, new_id
from trunkline.pfs import commit_lists, listing
from trunkline.pfs.listing import Wait
from trunkline.pfs.refs import RepoRef
from trunkline.pfs.rows import Commit

DATA = RepoRef("data")


@pytest.fixture
def chain(house: House) -> tuple[House, list[str]]:
    """A branch made empty, then three commits; one more on another branch."""
    house.repo("data", "other")
    house.branch("data@master")
    made = [house.commit("data").id, *(house.put("data", a=number).id for number in "123")]
    made.append(house.put("data@dev", x="1").id)
    house.put("other", y="1")
    return house, made


def listed(house: House, repo: RepoRef | None = DATA, **how: object) -> list[str]:
    return [one.id for one in commit_lists.list_commits(house.catalog, repo, **how)]  # type: ignore[arg-type]


def test_commits_are_listed_newest_first(chain: tuple[House, list[str]]) -> None:
    house, made = chain
    assert listed(house) == made[::-1]
    assert listed(house, reverse=True) == made
    assert len(listed(house, None)) == len(made) + 1


def test_a_walk_along_parents(chain: tuple[House, list[str]]) -> None:
    house, made = chain
    assert listed(house, to=commit_ref("data")) == made[3::-1]
    assert listed(house, to=commit_ref(f"data@{made[2]}")) == made[2::-1]
    assert listed(house, to=commit_ref("data"), start=commit_ref(f"data@{made[1]}")) == [made[3], made[2]]
    assert listed(house, to=commit_ref("data"), start=commit_ref("data@dev")) == made[3::-1]


def test_a_long_list_is_read_in_pages(house: House) -> None:
    house.repo("data")
    made = [house.put("data", a=str(number)).id for number in range(45)]
    assert listed(house) == listed(house, None) == listed(house, to=commit_ref("data")) == made[::-1]
    assert listed(house, reverse=True) == made
    for last in (0, 11, 30, 44):
        marker = house.commit(f"data@{made[last]}").started
        assert listed(house, started=marker) == listed(house, None, started=marker) == made[:last][::-1]
        assert listed(house, started=marker, to=commit_ref("data")) == made[:last][::-1]
        assert listed(house, started=marker, reverse=True) == made[last + 1 :]
        assert listed(house, started=marker, number=3, origin="USER") == made[:last][::-1][:3]


def test_number_and_origin_and_time_narrow_the_list(chain: tuple[House, list[str]]) -> None:
    house, made = chain
    assert listed(house, number=2) == made[:2:-1]
    assert listed(house, number=2, reverse=True) == made[:2]
    assert listed(house, origin="AUTO") == [made[0]]
    assert listed(house, origin="USER", number=1) == [made[4]]
    marker = house.commit(f"data@{made[2]}").started
    assert listed(house, started=marker) == made[1::-1]
    assert listed(house, started=marker, reverse=True) == made[3:]


def test_questions_that_make_no_sense(chain: tuple[House, list[str]]) -> None:
    house, _ = chain
    with pytest.raises(InvalidRequest, match="^cannot use 'Reverse' while also using 'From' or 'To'$"):
        listed(house, reverse=True, to=commit_ref("data"))
    with pytest.raises(InvalidRequest, match="^cannot use `from` commit without `to` commit$"):
        listed(house, start=commit_ref("data"))
    with pytest.raises(Refused, match="^`from` and `to` commits need to be from repo default/data$"):
        listed(house, to=commit_ref("other"))
    with pytest.raises(NotFound, match="^repo default/nope not found$"):
        listed(house, RepoRef("nope"))
    with pytest.raises(NotFound, match='^branch "nope" not found'):
        listed(house, to=commit_ref("data@nope"))


# -- sets -----------------------------------------------------------------------------------------------


def test_sets_are_listed_newest_first(house: House) -> None:
    house.repo("data", "out")
    first = house.put("data", a="1").id
    house.branch("out", "data")
    second = house.commit("out").id
    third = house.put("data", a="2").id
    with house.catalog.read() as tx:
        assert listing.sets(tx) == [third, second, first]
        assert listing.sets(tx, "default") == [third, second, first]
        assert listing.sets(tx, "nope") == []
        assert [str(one) for one in listing.members(tx, SetId(second))] == [
            f"default/data@{first}",
            f"default/out@{second}",
        ]
        missing = SetId(new_id())
        with pytest.raises(NotFound, match=f"^no commits found for commitset {missing}$"):
            listing.members(tx, missing)


# -- waiting --------------------------------------------------------------------------------------------


def later(step: object) -> threading.Thread:
    thread = threading.Thread(target=step)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_waiting_ends_when_the_commit_is_as_far(house: House) -> None:
    house.repo("data", "out")
    house.branch("out", "data")
    opened = house.start("data")
    below = house.commit("out")
    for commit, state in ((opened, Wait.NONE), (opened, Wait.STARTED), (opened, Wait.READY)):
        assert listing.wait(house.catalog, commit, state).open
    house.write("data", add("/a", "1"))
    thread = later(lambda: (house.finish("data"), house.settle()))
    assert listing.wait(house.catalog, opened, Wait.FINISHING).finishing is not None
    assert listing.wait(house.catalog, opened, Wait.FINISHED).finished is not None
    assert listing.wait(house.catalog, below, Wait.READY).open  # what it comes from is finished
    thread.join()


def test_an_errored_commit_is_waited_for_like_any_other(house: House) -> None:
    house.repo("data")
    opened = house.start("data")
    house.finish("data", error="broken")
    house.settle()
    assert listing.wait(house.catalog, opened, Wait.FINISHED).error == "broken"


def test_a_commit_that_is_deleted_is_not_waited_for(house: House) -> None:
    house.repo("data")
    opened = house.start("data")
    thread = later(lambda: (house.drop("data"), house.put("data", b="1")))
    with pytest.raises(Refused, match=f"^commit {opened} was deleted$"):
        listing.wait(house.catalog, opened, Wait.FINISHED)
    thread.join()


def test_a_caller_that_went_away_is_not_waited_for(house: House) -> None:
    house.repo("data")
    opened = house.start("data")
    with pytest.raises(Cancelled):
        listing.wait(house.catalog, opened, Wait.FINISHED, lambda: False)


# -- following ------------------------------------------------------------------------------------------


def follow(house: House, **how: object) -> Iterator[Commit]:
    return listing.subscribe(house.catalog, DATA, **how)  # type: ignore[arg-type]


def test_a_subscription_gives_what_is_there_and_what_comes(chain: tuple[House, list[str]]) -> None:
    house, made = chain
    stream = follow(house)
    assert [next(stream).id for _ in made] == made
    thread = later(lambda: house.put("data", b="1"))
    assert next(stream).parent == house.commit(f"data@{made[3]}").key
    thread.join()


def test_a_subscription_can_be_narrowed(chain: tuple[House, list[str]]) -> None:
    house, made = chain
    stream = follow(house, branch="master", origin="USER", start=commit_ref(f"data@{made[2]}"))
    assert [next(stream).id for _ in range(2)] == [made[1], made[3]]
    assert next(follow(house, branch="dev")).id == made[4]


def test_a_subscription_waits_for_the_state(house: House) -> None:
    house.repo("data")
    house.put("data", a="1")
    house.start("data")
    stream = follow(house, state=Wait.FINISHED)
    assert next(stream).finished is not None
    thread = later(lambda: (house.finish("data"), house.settle()))
    assert next(stream).finished is not None
    thread.join()


def test_a_dropped_head_does_not_hide_the_next_commit(house: House) -> None:
    house.repo("data")
    house.put("data", a="1")
    house.put("data", a="2")
    stream = follow(house)
    next(stream), next(stream)
    house.drop("data")
    after = house.put("data", a="3")
    assert next(stream).id == after.id


def test_subscriptions_need_a_repo_and_a_commit_of_it(chain: tuple[House, list[str]]) -> None:
    house, _ = chain
    with pytest.raises(NotFound, match="^repo default/nope not found$"):
        next(listing.subscribe(house.catalog, RepoRef("nope")))
    with pytest.raises(Refused, match="^the `from` commit needs to be from repo default/data$"):
        next(follow(house, start=commit_ref("other")))
    with pytest.raises(Cancelled):
        stream = follow(house, alive=lambda: False)
        for _ in range(10):
            next(stream)
