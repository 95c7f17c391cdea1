"""Commits and commit sets: every RPC, with what it says to wrong input."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from pachyderm_sdk.api import pfs
from tests.compat.place import MISSING, Place, refused

NEVER = datetime.fromtimestamp(0, UTC)


@pytest.fixture
def chain(data: Place) -> tuple[Place, list[str]]:
    """Three commits on master, one file with 1, 2 and 3 bytes; one on dev; and what comes from them."""
    made = [data.put(f=b"x" * size) for size in (1, 2, 3)]
    data.put("data@dev", g=b"1")
    return data, made


@pytest.fixture
def dag(data: Place) -> Place:
    """out comes from data, end comes from out; all is finished."""
    data.make("out", "end")
    data.put(f=b"1")
    data.pfs.create_branch(branch=data.branch("out@master"), provenance=[data.branch()])
    data.pfs.create_branch(branch=data.branch("end@master"), provenance=[data.branch("out@master")])
    finish_outputs(data)
    return data


def ids(infos) -> list[str]:
    return [one.commit.id for one in infos]


def finish_outputs(place: Place) -> None:
    for name in ("out@master", "end@master"):
        place.pfs.finish_commit(commit=place.commit(name))
        place.pfs.wait_commit(place.commit(name))


# -- the life of one ------------------------------------------------------------------------------------


def test_start_commit(data: Place) -> None:
    stub = data.pfs
    commit = stub.start_commit(branch=data.branch(), description="why")
    assert len(commit.id) == 32
    assert commit.repo == data.repo()
    assert not commit.branch
    info = stub.inspect_commit(commit=commit)
    assert (info.description, info.origin.kind, info.error) == ("why", pfs.OriginKind.USER, "")
    assert info.finishing == info.finished == NEVER
    with refused("UNKNOWN", f"parent commit .*@{commit.id} has not been finished"):
        stub.start_commit(branch=data.branch())
    stub.finish_commit(commit=commit)
    second = stub.start_commit(branch=data.branch())
    assert stub.inspect_commit(commit=second).parent_commit.id == commit.id
    stub.finish_commit(commit=second)
    beside = stub.start_commit(branch=data.branch("data@dev"), parent=data.commit("data@master^"))
    assert stub.inspect_commit(commit=beside).parent_commit.id == commit.id
    alone = stub.start_commit(branch=data.branch("data@new"))
    assert not stub.inspect_commit(commit=alone).parent_commit


def test_bad_starts(dag: Place) -> None:
    stub = dag.pfs
    with refused("INVALID_ARGUMENT", "branch must be specified"):
        stub.start_commit()
    with refused("INVALID_ARGUMENT", "branch must be specified"):
        stub.start_commit(branch=pfs.Branch(repo=dag.repo()))
    with refused("NOT_FOUND", "repo .*/nope not found"):
        stub.start_commit(branch=dag.branch("nope@master"))
    with refused("NOT_FOUND", "parent commit .* not found"):
        stub.start_commit(branch=dag.branch(), parent=dag.commit(f"data@{MISSING}"))
    with refused("UNKNOWN", "cannot start a commit on an output branch: .*/out@master"):
        stub.start_commit(branch=dag.branch("out@master"))
    with refused("UNKNOWN", r"name \(a b\) invalid"):
        stub.start_commit(branch=pfs.Branch(repo=dag.repo(), name="a b"))


def test_finish_commit(data: Place) -> None:
    stub = data.pfs
    commit = stub.start_commit(branch=data.branch(), description="first")
    stub.finish_commit(commit=commit, description="second")
    info = stub.wait_commit(commit)
    assert (info.description, info.error) == ("second", "")
    assert info.started <= info.finishing <= info.finished
    with refused("UNKNOWN", f"commit .*@{commit.id} has already finished"):
        stub.finish_commit(commit=commit)
    failed = stub.start_commit(branch=data.branch())
    stub.finish_commit(commit=failed, error="it broke")
    info = stub.wait_commit(failed)
    assert (info.error, info.details.size_bytes) == ("it broke", 0)
    with refused("NOT_FOUND", f"commit .*@{MISSING} not found"):
        stub.finish_commit(commit=data.commit(f"data@{MISSING}"))
    with refused("NOT_FOUND", 'branch "nope" not found'):
        stub.finish_commit(commit=data.commit("data@nope"))
    with refused("INVALID_ARGUMENT", "cannot resolve nil commit"):
        stub.finish_commit()


def test_clear_commit(data: Place) -> None:
    data.put(f=b"1")
    with data.pfs.commit(branch=data.branch()) as commit:
        commit.put_file_from_bytes("/g", b"2")
        data.pfs.clear_commit(commit=commit)
        assert data.walk(f"data@{commit.id}:/") == ["/", "/f"]
    with refused("UNKNOWN", "cannot clear finished commit"):
        data.pfs.clear_commit(commit=commit)
    with refused("NOT_FOUND"):
        data.pfs.clear_commit(commit=data.commit(f"data@{MISSING}"))


def test_a_commit_with_a_collision_ends_with_an_error(data: Place) -> None:
    with data.pfs.commit(branch=data.branch()) as commit:
        commit.put_file_from_bytes("/a", b"1")
        commit.put_file_from_bytes("/a/b", b"1")
    assert "path collision" in commit.wait().error
    data.put(c=b"1")  # goes on from the last sound one
    assert data.walk() == ["/", "/c"]


def test_inspect_commit(chain: tuple[Place, list[str]]) -> None:
    place, made = chain
    info = place.pfs.inspect_commit(commit=place.commit())
    assert (info.commit.id, info.commit.repo) == (made[2], place.repo())
    assert info.parent_commit.id == made[1]
    assert not info.commit.branch
    assert not info.parent_commit.branch
    assert (info.child_commits, info.direct_provenance, info.direct_subvenance) == ([], [], [])
    assert (info.size_bytes_upper_bound, info.details.size_bytes) == (0, 3)
    middle = place.pfs.inspect_commit(commit=place.commit("data@master^"))
    assert [(one.id, one.branch.name) for one in middle.child_commits] == [(made[2], "master")]
    for text, found in {
        "data@master^2": made[0],
        "data@master~2": made[0],
        "data@master^^": made[0],
        "data@master.1": made[0],
        "data@master.3": made[2],
        f"data@{made[2]}^": made[1],
        f"data@master={made[1]}": made[1],
    }.items():
        assert place.pfs.inspect_commit(commit=place.commit(text)).commit.id == found
    for text in ("data@master^3", "data@master.4", f"data@{MISSING}"):
        with refused("NOT_FOUND", "commit .* not found"):
            place.pfs.inspect_commit(commit=place.commit(text))
    with refused("INVALID_ARGUMENT", 'invalid ancestry syntax ".*", cannot mix'):
        place.pfs.inspect_commit(commit=place.commit("data@master^~"))
    with refused("NOT_FOUND", "repo .*/nope not found"):
        place.pfs.inspect_commit(commit=place.commit("nope@master"))
    with refused("INVALID_ARGUMENT", "cannot resolve commit with no ID or branch"):
        place.pfs.inspect_commit(commit=pfs.Commit(repo=place.repo()))
    with refused("UNKNOWN", "invalid commit ID given with a branch"):
        both = pfs.Commit(repo=place.repo(), branch=place.branch(), id="nope")
        place.pfs.inspect_commit(commit=both)


def test_inspect_commit_waits(dag: Place) -> None:
    stub, out = dag.pfs, dag.commit("out@master")
    dag.put(f=b"2")
    for state in (pfs.CommitState.COMMIT_STATE_UNKNOWN, pfs.CommitState.STARTED, pfs.CommitState.READY):
        assert stub.inspect_commit(commit=out, wait=state).finished == NEVER
    answers: list[pfs.CommitInfo] = []

    def wait(state: pfs.CommitState) -> None:
        answers.append(stub.inspect_commit(commit=out, wait=state))

    waiting = [
        threading.Thread(target=wait, args=(state,)) for state in (pfs.CommitState.FINISHING, pfs.CommitState.FINISHED)
    ]
    for thread in waiting:
        thread.start()
    stub.finish_commit(commit=out)
    for thread in waiting:
        thread.join(30)
    assert all(one.finishing > NEVER for one in answers)
    assert any(one.finished > NEVER for one in answers)
    doomed = dag.pfs.start_commit(branch=dag.branch("data@dev"))
    caught: list[str] = []

    def follow() -> None:
        with refused("UNKNOWN", "commit .* was deleted"):
            stub.wait_commit(doomed)
        caught.append("told")

    thread = threading.Thread(target=follow)
    thread.start()
    stub.drop_commit(commit=doomed)
    thread.join(30)
    # Whoever asks only now is told that there is none.
    assert caught == ["told"] or not stub.commit_exists(doomed)


# -- lists ----------------------------------------------------------------------------------------------


def test_list_commit(chain: tuple[Place, list[str]]) -> None:
    place, made = chain
    stub, repo = place.pfs, place.repo()
    master = [made[2], made[1], made[0]]
    infos = list(stub.list_commit(repo=repo))
    assert ids(infos)[1:] == master
    assert [one.size_bytes_upper_bound for one in infos] == [1, 3, 2, 1]
    assert ids(stub.list_commit(repo=repo, number=2)) == ids(infos)[:2]
    assert ids(stub.list_commit(repo=repo, reverse=True)) == ids(infos)[::-1]
    assert ids(stub.list_commit(repo=repo, to=place.commit())) == master
    assert ids(stub.list_commit(repo=repo, to=place.commit(f"data@{made[1]}"))) == master[1:]
    assert ids(stub.list_commit(repo=repo, to=place.commit(), from_=place.commit(f"data@{made[0]}"))) == master[:2]
    assert ids(stub.list_commit(repo=repo, to=place.commit(), number=1)) == master[:1]
    assert ids(stub.list_commit(repo=repo, origin_kind=pfs.OriginKind.AUTO)) == []
    assert ids(stub.list_commit(repo=repo, origin_kind=pfs.OriginKind.AUTO, all=True)) == ids(infos)
    assert ids(stub.list_commit(repo=repo, origin_kind=pfs.OriginKind.USER)) == ids(infos)
    mine = [one for one in stub.list_commit() if one.commit.repo.project == place.project]
    assert ids(mine) == ids(infos)


def test_list_commit_in_pages(data: Place) -> None:
    made = [data.put(f=bytes([number])) for number in range(7)]
    stub, repo = data.pfs, data.repo()
    for reverse, expected in ((False, made[::-1]), (True, made)):
        found: list[pfs.CommitInfo] = list(stub.list_commit(repo=repo, number=3, reverse=reverse))
        while page := list(stub.list_commit(repo=repo, number=3, reverse=reverse, started_time=found[-1].started)):
            found += page
        assert ids(found) == expected
    along = list(stub.list_commit(repo=repo, to=data.commit(), number=3))
    along += stub.list_commit(repo=repo, to=data.commit(), number=3, started_time=along[-1].started)
    assert ids(along) == made[:0:-1]


def test_bad_lists(chain: tuple[Place, list[str]]) -> None:
    place, _ = chain
    stub, repo = place.pfs, place.repo()
    place.make("other")
    place.put("other@master", f=b"1")
    for code, words, how in (
        ("INVALID_ARGUMENT", "cannot use 'Reverse' while also using 'From' or 'To'", {"reverse": True, "to": "data"}),
        ("INVALID_ARGUMENT", "cannot use `from` commit without `to` commit", {"from_": "data"}),
        ("UNKNOWN", "`from` and `to` commits need to be from repo .*/data", {"to": "other"}),
        ("UNKNOWN", "`from` and `to` commits need to be from repo .*/data", {"to": "data", "from_": "other"}),
        ("NOT_FOUND", 'branch "master" not found', {"to": "empty"}),
    ):
        place.pfs.create_repo(repo=place.repo("empty"), update=True)
        ends = {key: place.commit(f"{value}@master") if isinstance(value, str) else value for key, value in how.items()}
        of = place.repo("empty") if how.get("to") == "empty" else repo
        with refused(code, words):
            list(stub.list_commit(repo=of, **ends))
    with refused("NOT_FOUND", "repo .*/nope not found"):
        list(stub.list_commit(repo=place.repo("nope")))


def test_subscribe_commit(dag: Place) -> None:
    stub, repo = dag.pfs, dag.repo()
    first = stub.inspect_branch(branch=dag.branch()).head.id
    beside = dag.put("data@dev", f=b"2")
    everything = stub.subscribe_commit(repo=repo, state=pfs.CommitState.STARTED)
    mine = stub.subscribe_commit(repo=repo, branch="master", state=pfs.CommitState.FINISHED)
    later = stub.subscribe_commit(repo=repo, branch="master", from_=dag.commit(f"data@{first}"))
    assert [next(everything).commit.id, next(everything).commit.id] == [first, beside]
    assert next(mine).commit.id == first
    made = stub.start_commit(branch=dag.branch())
    assert next(everything).commit.id == made.id
    assert next(later).commit.id == made.id
    stub.finish_commit(commit=made)
    info = next(mine)  # only when it is finished
    assert (info.commit.id, info.finished > NEVER) == (made.id, True)
    automatic = stub.subscribe_commit(repo=dag.repo("out"), origin_kind=pfs.OriginKind.AUTO)
    assert next(automatic).origin.kind == pfs.OriginKind.AUTO
    users = stub.subscribe_commit(repo=dag.repo("out"), origin_kind=pfs.OriginKind.USER, all=True)
    assert next(users).origin.kind == pfs.OriginKind.AUTO  # `all` leaves the origin aside
    for stream in (everything, mine, later, automatic, users):
        stream.close()
    with refused("NOT_FOUND", "repo .*/nope not found"):
        next(stub.subscribe_commit(repo=dag.repo("nope")))
    with refused("UNKNOWN", "the `from` commit needs to be from repo .*/data"):
        next(stub.subscribe_commit(repo=repo, from_=dag.commit("out@master")))


def test_find_commits(data: Place) -> None:
    made = [
        data.put(f=b"1"),
        data.put(g=b"1"),
        data.put(f=b"2"),
    ]
    data.pfs.delete_file(commit=data.commit(), path="/f")
    made.append(data.pfs.inspect_branch(branch=data.branch()).head.id)

    def find(path: str, **how: object) -> list[str]:
        answers = list(data.pfs.find_commits(start=data.commit(), file_path=path, **how))
        assert answers[-1].last_searched_commit.id
        return [one.found_commit.id for one in answers if one.found_commit]

    assert find("/f") == [made[3], made[2], made[0]]
    assert find("/f", limit=2) == [made[3], made[2]]
    assert find("/g") == [made[1]]
    assert find("/") == made[::-1]
    assert find("/nope") == []
    last = list(data.pfs.find_commits(start=data.commit(), file_path="/f"))[-1]
    assert (last.last_searched_commit.id, last.commits_searched) == (made[0], 4)
    opened = data.pfs.start_commit(branch=data.branch())
    with refused("UNAVAILABLE", f"commit .*@{opened.id} not finished"):
        list(data.pfs.find_commits(start=opened, file_path="/f"))
    with refused("NOT_FOUND"):
        list(data.pfs.find_commits(start=data.commit(f"data@{MISSING}"), file_path="/f"))
    with refused("INVALID_ARGUMENT", "start: value is required"):
        list(data.pfs.find_commits(file_path="/f"))


def test_walk_commit_provenance(dag: Place) -> None:
    head = {name: dag.pfs.inspect_branch(branch=dag.branch(f"{name}@master")).head.id for name in ("data", "out")}
    start = [dag.commit("end@master").as_picker()]
    assert ids(dag.pfs.walk_commit_provenance(start=start)) == [head["out"], head["data"]]
    assert ids(dag.pfs.walk_commit_provenance(start=start, max_commits=1)) == [head["out"]]
    assert ids(dag.pfs.walk_commit_provenance(start=start, max_depth=1)) == [head["out"]]
    assert len(list(dag.pfs.walk_commit_provenance(start=start * 2))) == 4
    with refused("NOT_FOUND"):
        list(dag.pfs.walk_commit_provenance(start=[dag.commit("end@nope").as_picker()]))


def test_walk_commit_subvenance(dag: Place) -> None:
    head = {name: dag.pfs.inspect_branch(branch=dag.branch(f"{name}@master")).head.id for name in ("out", "end")}
    for text in ("data@master", "data@master.1", f"data@{dag.pfs.inspect_branch(branch=dag.branch()).head.id}"):
        start = [dag.commit(text).as_picker()]
        assert ids(dag.pfs.walk_commit_subvenance(start=start)) == [head["out"], head["end"]]
    assert ids(dag.pfs.walk_commit_subvenance(start=start, max_commits=1)) == [head["out"]]
    assert ids(dag.pfs.walk_commit_subvenance(start=start, max_depth=1)) == [head["out"]]
    with refused("NOT_FOUND"):
        list(dag.pfs.walk_commit_subvenance(start=[dag.commit("data@master^1").as_picker()]))


# -- commit sets ----------------------------------------------------------------------------------------


def test_inspect_commit_set(dag: Place) -> None:
    made = dag.put(f=b"2")
    of_set = pfs.CommitSet(id=made)
    infos = list(dag.pfs.inspect_commit_set(commit_set=of_set))
    assert [one.commit.repo.name for one in infos] == ["data", "out", "end"]
    assert {one.commit.id for one in infos} == {made}
    finish_outputs(dag)
    assert len(dag.pfs.wait_commit_set(of_set)) == 3
    alias = dag.pfs.inspect_branch(branch=dag.branch("data@master")).head.id
    dag.make("side")
    dag.pfs.create_branch(branch=dag.branch("side@master"), provenance=[dag.branch("out@master")])
    newer = dag.pfs.inspect_branch(branch=dag.branch("side@master")).head.id
    infos = list(dag.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=newer)))
    assert [(one.commit.repo.name, one.commit.id) for one in infos] == [
        ("data", alias),
        ("out", made),
        ("side", newer),
    ]
    assert dag.pfs.inspect_commit(commit=dag.commit(f"data@{newer}")).commit.id == alias
    with refused("NOT_FOUND", f"no commits found for commitset {MISSING}"):
        list(dag.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=MISSING)))
    with refused("INVALID_ARGUMENT", "commitset cannot be nil"):
        list(dag.pfs.inspect_commit_set())


def test_list_commit_set(dag: Place) -> None:
    made = dag.put(f=b"2")
    found = list(dag.pfs.list_commit_set(project=dag.project))
    assert found[0].commit_set.id == made
    assert [one.commit.repo.name for one in found[0].commits] == ["data", "out", "end"]
    assert len(found) == 4  # the first file, two branches, the second file
    assert {one.commit_set.id for one in found} <= {one.commit_set.id for one in dag.pfs.list_commit_set()}
    assert list(dag.pfs.list_commit_set(project=pfs.Project(name="nope"))) == []


def test_squash_commit(chain: tuple[Place, list[str]]) -> None:
    place, (c1, c2, c3) = chain
    place.pfs.squash_commit(commit=place.commit(f"data@{c2}"))
    assert place.pfs.inspect_commit(commit=place.commit()).parent_commit.id == c1
    assert place.read("data@master:/f") == b"xxx"
    with refused("UNKNOWN", f"cannot squash a commit that has no children .*, use the drop operation instead: .*{c3}"):
        place.pfs.squash_commit(commit=place.commit(f"data@{c3}"))
    opened = place.pfs.start_commit(branch=place.branch())
    with refused("UNKNOWN", f"cannot squash until child commit .*@{opened.id} is finished"):
        place.pfs.squash_commit(commit=place.commit(f"data@{c3}"))
    with refused("NOT_FOUND"):
        place.pfs.squash_commit(commit=place.commit(f"data@{c2}"))


def test_squash_with_subvenance(dag: Place) -> None:
    first = dag.put(f=b"2")
    finish_outputs(dag)
    dag.put(f=b"3")
    finish_outputs(dag)
    with refused("UNKNOWN", r"cannot squash commit \(.*\) with subvenance without recursive"):
        dag.pfs.squash_commit(commit=dag.commit(f"data@{first}"))
    dag.pfs.squash_commit(commit=dag.commit(f"data@{first}"), recursive=True)
    for name in ("data", "out", "end"):
        assert not dag.pfs.commit_exists(dag.commit(f"{name}@{first}"))
    assert dag.read("data@master:/f") == b"3"


def test_drop_commit(chain: tuple[Place, list[str]]) -> None:
    place, (c1, c2, _) = chain
    with refused("UNKNOWN", f"cannot drop a commit that has children: .*@{c1}"):
        place.pfs.drop_commit(commit=place.commit(f"data@{c1}"))
    place.pfs.drop_commit(commit=place.commit())
    assert place.pfs.inspect_branch(branch=place.branch()).head.id == c2
    assert place.read("data@master:/f") == b"xx"
    with refused("NOT_FOUND"):
        place.pfs.drop_commit(commit=place.commit(f"data@{MISSING}"))


def test_drop_with_subvenance(dag: Place) -> None:
    made = dag.put(f=b"2")
    with refused("UNKNOWN", r"cannot drop commit \(.*\) with subvenance without recursive"):
        dag.pfs.drop_commit(commit=dag.commit())
    dag.pfs.drop_commit(commit=dag.commit(), recursive=True)
    assert not dag.pfs.commit_exists(dag.commit(f"end@{made}"))
    assert dag.read("data@master:/f") == b"1"


def test_squash_commit_set(dag: Place) -> None:
    first = dag.put(f=b"2")
    finish_outputs(dag)
    with refused("UNKNOWN", "cannot squash a commit that has no children"):
        dag.pfs.squash_commit_set(commit_set=pfs.CommitSet(id=first))
    dag.put(f=b"3")
    finish_outputs(dag)
    dag.pfs.squash_commit_set(commit_set=pfs.CommitSet(id=first))
    with refused("NOT_FOUND", "no commits found for commitset"):
        list(dag.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=first)))
    dag.pfs.squash_commit_set(commit_set=pfs.CommitSet(id=first))  # nothing to do
    root = dag.pfs.inspect_commit(commit=dag.commit("data@master.1")).commit.id
    with refused("UNKNOWN", 'commit set ".*" cannot be dropped because it has subvenant commit sets: '):
        dag.pfs.squash_commit_set(commit_set=pfs.CommitSet(id=root))
    with refused("INVALID_ARGUMENT", "commitset cannot be nil"):
        dag.pfs.squash_commit_set()


def test_drop_commit_set(dag: Place) -> None:
    made = dag.put(f=b"2")
    dag.pfs.drop_commit_set(commit_set=pfs.CommitSet(id=made))
    assert dag.read("data@master:/f") == b"1"
    root = dag.pfs.inspect_branch(branch=dag.branch()).head.id
    with refused("UNKNOWN", 'commit set ".*" cannot be dropped because it has subvenant commit sets: '):
        dag.pfs.drop_commit_set(commit_set=pfs.CommitSet(id=root))
    with refused("INVALID_ARGUMENT", "commitset cannot be nil"):
        dag.pfs.drop_commit_set()
    only = dag.put("data@alone", f=b"1")
    dag.pfs.drop_commit_set(commit_set=pfs.CommitSet(id=only))
    assert dag.walk("data@alone:/") == []


def test_forget_commit(dag: Place) -> None:
    with refused("UNKNOWN", "the commit to be forgotten must be in an output repo"):
        dag.pfs.forget_commit(commit=dag.commit().as_picker())
    with refused("UNKNOWN", "the branch head cannot be a forgotten commit"):
        dag.pfs.forget_commit(commit=dag.commit("out@master").as_picker())
    dag.put(f=b"2")
    with refused("UNKNOWN", "direct descendants must be closed"):
        dag.pfs.forget_commit(commit=dag.commit("out@master^1").as_picker())
    finish_outputs(dag)
    dag.pfs.forget_commit(commit=dag.commit("out@master^1").as_picker())
    with refused("UNKNOWN", "the commit is forgotten"):
        dag.walk("out@master^1:/")
    assert dag.pfs.inspect_commit(commit=dag.commit("out@master^1"))
