"""File sets: made, read, composed, added and forgotten; what they cost, and what the cache keeps of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from tests.pfs.house import House, add, commit_ref, copied, gone

from trunkline.catalog import Tx
from trunkline.kernel.errors import InvalidRequest, NotFound, Refused
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pfs import branches, cache, filesets, modify, repos
from trunkline.pfs.files import View
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef


def always() -> bool:
    return True


def made(house: House, *operations: modify.Operation) -> str:
    return filesets.create(house.pfs, modify.layers_of(house.pfs, operations, always))


def ref(name: str) -> CommitRef:
    return CommitRef(RepoRef("__filesets__"), name)


def files(house: House, name: str) -> dict[str, str]:
    commit = filesets.source(house.pfs, ref(name))
    view = View(house.pfs.maps, house.pfs.reader, house.pfs.content(commit))
    return {node.path: b"".join(view.read(node)).decode() for node in view.files_between("", "")}


def added(house: House, commit: str, name: str) -> None:
    house.pfs.change(lambda change: modify.add_file_set(change, commit_ref(commit), name))


def rows(house: House) -> int:
    with house.catalog.read() as tx:
        return sum(1 for _ in tx.rows("SELECT id FROM file_sets"))


@pytest.fixture
def data(house: House) -> House:
    house.repo("data")
    return house


def test_a_stream_without_a_commit(data: House) -> None:
    name = made(data, add("/a", "1"), add("/d/b", "2"), gone("/a"), add("/a", "3"))
    assert files(data, name) == {"/a": "3", "/d/b": "2"}
    assert files(data, made(data)) == {}


def test_it_is_laid_on_top_of_an_open_commit(data: House) -> None:
    data.write("data", add("/a", "old"), add("/d/x", "x"), add("/log", "1"))
    name = made(data, gone("/a"), add("/a", "new"), gone("/d/"), add("/log", "2"))
    data.start("data")
    data.write("data", add("/log", "-"))
    added(data, "data", name)
    assert data.files("data") == {"/a": "new", "/log": "1-2"}
    added(data, "data", made(data, add("/b", "b")))
    data.finish("data")
    data.settle()
    assert data.files("data") == {"/a": "new", "/b": "b", "/log": "1-2"}


def test_only_an_open_commit_takes_one(data: House) -> None:
    name = made(data, add("/a", "1"))
    with pytest.raises(NotFound, match='branch "master" not found'):
        added(data, "data", name)
    commit = data.write("data", add("/b", "1"))
    for reference in ("data", f"data@{commit.id}"):
        with pytest.raises(Refused, match=f"^commit default/data@{commit.id} has already finished$"):
            added(data, reference, name)
    data.repo("out")
    data.start("data")
    with pytest.raises(NotFound, match="file set 0{32} not found"):
        added(data, "data", "0" * 32)


def test_what_a_pipeline_makes_takes_none(data: House) -> None:
    data.repo("out")
    data.pfs.change(lambda change: repos.create(change, RepoRef("out", "spec")))
    spec = BranchRef(RepoRef("out", "spec"), "master")
    out = BranchRef(RepoRef("out"), "master")
    data.pfs.change(lambda change: branches.create(change, out, provenance_refs=[spec]))
    assert data.commit("out").open
    name = made(data, add("/a", "1"))
    with pytest.raises(Refused, match="^cannot start a commit on an output branch"):
        added(data, "out", name)
    assert data.files("out") == {}


def test_a_commit_on_an_unfinished_base_cannot_be_taken(data: House) -> None:
    data.start("data")
    data.write("data", add("/a", "1"))
    data.finish("data")
    data.start("data")
    with pytest.raises(Refused, match="^base commit .* unfinished$"):
        filesets.total(data.pfs, commit_ref("data"), always)
    data.write("data", add("/b", "2"))
    change = filesets.diff(data.pfs, commit_ref("data"), always)
    assert files(data, change) == {"/b": "2"}
    data.settle()
    assert files(data, filesets.total(data.pfs, commit_ref("data"), always)) == {"/a": "1", "/b": "2"}


def test_the_whole_of_a_commit_and_what_it_changed(data: House) -> None:
    first = data.write("data", add("/a", "1"), add("/d/b", "2"), add("/same", "s"))
    data.write("data", gone("/a"), add("/a", "9"), gone("/d/b"), add("/new", "n"))
    whole = filesets.total(data.pfs, commit_ref("data"), always)
    change = filesets.diff(data.pfs, commit_ref("data"), always)
    assert files(data, whole) == {"/a": "9", "/new": "n", "/same": "s"}
    assert files(data, change) == {"/a": "9", "/new": "n"}
    assert files(data, filesets.diff(data.pfs, commit_ref(f"data@{first.id}"), always)) == data.files("data@master^")
    data.branch("data@other", head=f"data@{first.id}")
    data.start("data@other")
    added(data, "data@other", change)
    assert data.files("data@other") == data.files("data")
    added(data, "data@other", change)
    assert data.files("data@other") == data.files("data")


def test_the_whole_of_a_commit_appends_where_files_are(data: House) -> None:
    data.write("data", add("/a", "1"), add("/b", "2"))
    whole = filesets.total(data.pfs, commit_ref("data"), always)
    data.start("data")
    data.write("data", gone("/b"))
    added(data, "data", whole)
    assert data.files("data") == {"/a": "11", "/b": "2"}
    data.finish("data")
    data.settle()
    assert data.files("data") == {"/a": "11", "/b": "2"}


def test_an_open_commit_as_it_is(data: House) -> None:
    data.write("data", add("/a", "1"))
    data.start("data")
    data.write("data", add("/a", "2"), add("/b", "3"))
    whole = filesets.total(data.pfs, commit_ref("data"), always)
    change = filesets.diff(data.pfs, commit_ref("data"), always)
    data.write("data", add("/later", "4"))
    assert files(data, whole) == {"/a": "12", "/b": "3"}
    assert files(data, change) == {"/a": "2", "/b": "3"}


def test_one_of_several(data: House) -> None:
    one, two = made(data, add("/a", "1"), add("/b", "1")), made(data, add("/a", "2"), gone("/b"))
    for compact in (False, True):
        name = filesets.compose(data.pfs, [one, two, one], 60, compact=compact)
        assert files(data, name) == {"/a": "121", "/b": "1"}
    assert files(data, filesets.compose(data.pfs, [], 60)) == {}
    with pytest.raises(NotFound):
        filesets.compose(data.pfs, [one, "0" * 32], 60)


def test_files_are_copied_from_one(data: House) -> None:
    name = made(data, add("/d/a", "1"), add("/d/b", "2"))
    data.write("data", modify.Copy("/to", "", ref(name), "/d", False), add("/c", "3"))
    data.write("data", copied("/e", "data", "/to/a"))
    assert data.files("data") == {"/c": "3", "/e": "1", "/to/a": "1", "/to/b": "2"}


def test_two_writers_of_one_path_still_break_a_commit(data: House) -> None:
    commit = data.start("data")
    added(data, "data", made(data, add("/a", "1", tag="one")))
    added(data, "data", made(data, add("/a", "2", tag="two")))
    data.finish("data")
    data.settle()
    assert data.commit(f"data@{commit.id}").error == "duplicate path output by different datums (/a from one and two)"


def test_a_file_below_a_file_of_a_whole_layer_breaks_a_commit(data: House) -> None:
    data.write("data", add("/a", "1"))
    whole = filesets.total(data.pfs, commit_ref("data"), always)
    data.repo("other")
    commit = data.start("other")
    added(data, "other", whole)
    data.write("other", add("/a/b", "2"))
    data.finish("other")
    data.settle()
    assert data.commit(f"other@{commit.id}").error == "file / directory path collision (/a)"


# -- leases ---------------------------------------------------------------------------------------------


def test_it_is_gone_when_its_lease_is_over(data: House) -> None:
    name = made(data, add("/a", "1"))
    data.clock.advance(599)
    data.settle()
    assert files(data, name) == {"/a": "1"}
    data.clock.advance(1)
    with pytest.raises(NotFound, match=f"file set {name} not found"):
        files(data, name)
    with pytest.raises(NotFound):
        filesets.renew(data.pfs, name, 60)
    assert rows(data) == 1
    data.settle()
    assert rows(data) == 0


def test_a_lease_is_renewed(data: House) -> None:
    name = made(data, add("/a", "1"))
    filesets.renew(data.pfs, name, 1800)
    data.clock.advance(1799)
    data.settle()
    assert files(data, name) == {"/a": "1"}
    filesets.renew(data.pfs, name, 1)
    data.clock.advance(1)
    data.settle()
    assert rows(data) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, r"ttl \(0\) must be at least one second"),
        (-5, r"ttl \(-5000000000\) must be at least one second"),
        (1801, r"ttl \(1801000000000\) exceeds max ttl \(1800000000000\)"),
    ],
)
def test_leases_have_limits(data: House, seconds: int, text: str) -> None:
    name = made(data, add("/a", "1"))
    with pytest.raises(Refused, match=f"^{text}$"):
        filesets.renew(data.pfs, name, seconds)


def test_a_commit_keeps_what_was_added(data: House) -> None:
    data.start("data")
    added(data, "data", made(data, add("/a", "1")))
    data.clock.advance(10_000)
    data.settle()
    assert (rows(data), data.files("data")) == (0, {"/a": "1"})


def test_many_are_swept(data: House) -> None:
    for _ in range(250):
        filesets.create(data.pfs, [], 1)
    data.clock.advance(2)
    data.settle()
    assert rows(data) == 0


def test_ids_are_read_with_dashes() -> None:
    assert filesets.parse_id("12345678-90AB-cdef-1234-567890abcdef") == "1234567890abcdef1234567890abcdef"
    for bad in ("", "master", "g" * 32, "1" * 31, "1" * 33):
        with pytest.raises(InvalidRequest, match="has 32 hexadecimal digits"):
            filesets.parse_id(bad)


# -- shards ---------------------------------------------------------------------------------------------


def test_shards_hold_everything_once(data: House) -> None:
    name = made(data, *(add(f"/d{number % 3}/{number:02}", "x" * number) for number in range(30)))
    everything = files(data, name)
    for limits in ((0, 0), (1, 0), (7, 0), (100, 0), (0, 1), (0, 100), (5, 60)):
        found = filesets.shards(data.pfs, name, *limits)
        assert (found[0][0], found[-1][1]) == ("", "")
        assert all(before[1] == after[0] for before, after in itertools.pairwise(found))
        parts = [[path for path in everything if low <= path and (not high or path < high)] for low, high in found]
        assert sorted(path for part in parts for path in part) == list(everything)
        for part in parts:
            assert len(part) <= (limits[0] or 1000)
            assert len(part) == 1 or sum(len(everything[path]) for path in part) <= (limits[1] or 1000)
    assert filesets.shards(data.pfs, made(data), 1, 1) == [("", "")]
    with pytest.raises(InvalidRequest):
        filesets.shards(data.pfs, name, -1, 0)


# -- what it costs --------------------------------------------------------------------------------------


def test_what_is_not_looked_into_costs_nothing(tmp_path: Path) -> None:
    """The whole of a large commit is a file set, and part of another commit, without a look at its files."""
    store = MeteredStore(MemoryStore())
    house = House(tmp_path, store)
    house.repo("data", "other")
    house.write("data", *(add(f"/d{number % 100:02}/{number:05}", "x") for number in range(20_000)))
    house.start("other")

    def moved() -> int:
        return sum(counts.objects for counts in store.counts().values())

    before = moved()
    whole = filesets.total(house.pfs, commit_ref("data"), always)
    name = filesets.compose(house.pfs, [whole, made(house, gone("/d07/00007"))], 60)
    small = moved() - before
    added(house, "other", name)
    assert moved() - before == small <= 8  # the small layer is inline, or a node
    assert house.view("other").find("/d07/00007") is None
    house.finish("other")
    house.settle()
    assert moved() - before < 40
    assert len(house.files("other")) == 19_999
    assert house.problems() == []
    house.close()


# -- the cache ------------------------------------------------------------------------------------------


def test_bytes_are_remembered_by_key(data: House) -> None:
    kept = data.pfs.cache
    kept.put("k", b"1", tag="a/b")
    kept.put("k", b"2", tag="a/c")
    assert kept.get("k") == b"2"
    kept.clear("a/b")
    assert kept.get("k") == b"2"
    kept.clear("a/")
    with pytest.raises(Refused, match="no rows in result set"):
        kept.get("k")
    kept.put("x", b"", tag="%")
    kept.put("y", b"", tag="other")
    kept.clear("%")
    assert kept.get("y") == b""
    kept.clear("")
    with pytest.raises(Refused):
        kept.get("y")


def test_the_least_recently_used_is_forgotten(data: House) -> None:
    kept = cache.Cache(data.catalog, data.clock, most=3)
    for key in "abc":
        kept.put(key, key.encode())
    kept.get("a")
    kept.put("d", b"d")
    with pytest.raises(Refused):
        kept.get("b")
    assert [kept.get(key) for key in "cad"] == [b"c", b"a", b"d"]
    kept.put("e", b"e")
    with pytest.raises(Refused):
        kept.get("c")
    assert cache.MOST == 10_000


def test_it_keeps_file_sets_beyond_their_lease(data: House) -> None:
    name = made(data, add("/a", "1"))
    data.pfs.cache.put("k", b"1", [name, name])
    data.clock.advance(100_000)
    data.settle()
    assert files(data, name) == {"/a": "1"}
    data.pfs.cache.put("k", b"2", [name])
    data.clock.advance(100_000)
    data.settle()
    assert files(data, name) == {"/a": "1"}
    data.pfs.cache.clear("")
    with pytest.raises(NotFound):
        files(data, name)
    data.clock.advance(1)
    data.settle()
    assert rows(data) == 0
    with pytest.raises(NotFound):
        data.pfs.cache.put("k", b"3", [name])
    with pytest.raises(Refused):
        data.pfs.cache.get("k")


# -- fsck -----------------------------------------------------------------------------------------------


def test_fsck_looks_into_file_sets(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.repo("data")
    made(house, add("/lost", b"x" * 1000))
    house.write("data", add("/whole", b"y" * 1000))
    whole = filesets.total(house.pfs, commit_ref("data"), always)
    assert house.problems() == []
    for key in list(house.store.keys("chunks/")):
        house.store.delete(key)

    def forget(tx: Tx) -> None:
        tx.run("DELETE FROM branches")
        tx.run("DELETE FROM commits")

    house.catalog.write(forget)
    again = House(tmp_path, house.store)
    problems = again.problems()
    assert len(problems) == 2
    assert any("/lost" in problem for problem in problems)
    assert any(f"file set {whole}: a layer: file /whole" in problem for problem in problems)
    again.close()
    house.close()
