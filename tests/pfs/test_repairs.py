"""Each fault that fsck can repair, planted, found and repaired; and those that it can only tell."""

from __future__ import annotations

import random

import pytest
from tests.catalog.careless import careless
from tests.pfs.house import House, add

from trunkline.content.entry import from_entry, to_entry
from trunkline.maps import EMPTY
from trunkline.objects.local import LocalStore
from trunkline.pfs import filesets, fsck, fsck_rows, modify, repairs

BIG = random.Random(1).randbytes(700_000)


class Worn(House):
    """A world on disk, whose bytes and rows a test alters."""

    def __init__(self, folder):
        self.folder = folder
        super().__init__(folder, LocalStore(folder / "store"))

    def again(self):
        """The same home in a new process, so to speak: nothing is remembered."""
        self.close()
        return Worn(self.folder)

    def sql(self, statement, *parameters):
        careless(self.catalog, statement, *parameters)

    def repair(self):
        return [*fsck_rows.repair(self.pfs), *repairs.objects(self.pfs)]


@pytest.fixture
def worn(tmp_path):
    made = Worn(tmp_path)
    made.repo("data")
    made.write("data@master", *(add(f"/{n}", str(n)) for n in range(600)), add("/big", BIG))
    assert made.repair() == []
    yield made
    made.close()


def flip(worn, key):
    path = worn.folder / "store" / key
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.chmod(0o644)
    path.write_bytes(data)


def keys(worn, kind):
    return sorted(worn.store.keys(f"{kind}/"))


@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_what_is_in_memory_is_written_again(worn, damage):
    worn.read("data@master", "/7")
    worn.read("data@master", "/big")
    for kind in ("nodes", "chunks"):
        for key in keys(worn, kind):
            flip(worn, key) if damage == "altered" else worn.store.delete(key)
    assert worn.problems() != []
    done = worn.repair()
    assert any("map node" in one and "written again" in one for one in done)
    assert any("chunk" in one and "written again" in one for one in done)
    fresh = worn.again()
    assert fresh.problems() == []
    assert fresh.read("data@master", "/big") == BIG
    fresh.close()


def test_what_nobody_has_is_set_aside_and_healed_by_putting_it_again(worn):
    fresh = worn.again()
    key = max(keys(fresh, "chunks"), key=fresh.store.size)
    flip(fresh, key)
    rotten = fresh.store.get(key)
    (done,) = fresh.repair()
    assert f"set aside as damaged/{key}" in done
    assert fresh.store.get(f"damaged/{key}") == rotten
    assert any("/big" in problem for problem in fresh.problems())
    fresh.repo("again")
    fresh.write("again@master", add("/copy", BIG))
    assert fresh.problems() == []
    assert fresh.read("data@master", "/big") == BIG
    fresh.close()


@pytest.mark.parametrize("kind", ["nodes", "chunks"])
def test_what_was_read_wrongly_once_is_left_alone(worn, kind):
    fresh = worn.again()
    before = sorted(fresh.store.keys())
    get, wrong = fresh.store.get, set(keys(fresh, kind))
    objects = len(wrong)

    def once(key):
        data = get(key)
        if key in wrong:
            wrong.remove(key)
            return bytes([data[0]]) + bytes(len(data) - 1)
        return data

    fresh.store.get = once
    assert fresh.repair() == []
    assert len(wrong) < objects
    assert sorted(fresh.store.keys()) == before
    assert fresh.problems() == []
    fresh.close()


def test_a_lost_node_that_nobody_has_is_told(worn):
    fresh = worn.again()
    for key in keys(fresh, "nodes"):
        fresh.store.delete(key)
    assert fresh.repair() == []
    assert any("missing" in problem for problem in fresh.problems())
    fresh.close()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("INSERT INTO layers (commit_id, position, removed, delta, whole) VALUES (77, 0, ?, ?, 0)", "1 rows of layers"),
        ("INSERT INTO trigger_checks (branch, commit_id) VALUES (1, 77)", "1 rows of trigger_checks"),
        ("INSERT INTO branch_provenance (branch, upstream, never) VALUES (77, 1, 0)", "1 rows of branch_provenance"),
        ("INSERT INTO commit_provenance (commit_id, upstream) VALUES (77, 1)", "1 rows of commit_provenance"),
        (
            "INSERT INTO file_set_layers (file_set, position, removed, delta, whole) VALUES ('gone', 0, ?, ?, 0)",
            "1 rows of file_set_layers",
        ),
        (
            "INSERT INTO transaction_steps (transaction_key, position, request, response) VALUES (9, 0, ?, ?)",
            "1 rows of transaction_steps",
        ),
        ("INSERT INTO layers (commit_id, position, removed, delta, whole) VALUES (1, 0, ?, ?, 0)", "finished"),
    ],
)
def test_rows_that_belong_to_nothing_are_removed(worn, statement, told):
    given = (b"\x90", EMPTY.pack())[: statement.count("?")]
    worn.sql(statement, *given)
    assert any(told in problem for problem in worn.problems())
    assert len(worn.repair()) == 1
    assert worn.problems() == []
    assert worn.repair() == []


def test_forgotten_content_and_leases_that_are_over(worn):
    worn.sql("UPDATE commits SET forgotten = 1 WHERE id = 1")
    filesets.create(worn.pfs, modify.layers_of(worn.pfs, iter([add("/x", "x")]), lambda: True), seconds=1)
    worn.clock.advance(5)
    assert any("forgotten commits" in problem for problem in worn.problems())
    done = worn.repair()
    assert any("forgotten" in one for one in done)
    assert any("file sets" in one for one in done)


def test_what_a_row_has_lost_is_told_and_left_alone(worn):
    worn.write("data@master", add("/more", "1"))
    worn.sql("UPDATE commits SET parent = 77 WHERE id = (SELECT max(id) FROM commits)")
    worn.sql("UPDATE branches SET head = 78")
    assert worn.repair() == []
    found = worn.problems()
    assert any("commits" in problem and "(parent)" in problem for problem in found)
    assert any("(head)" in problem for problem in found)


def test_files_with_another_files_hash(worn):
    """Only a look at the bytes finds slices that lie in sound chunks, at the wrong place."""
    commit = worn.commit("data@master")
    root = worn.pfs.content(commit)
    one, other = worn.pfs.maps.get(root, b"/1"), worn.pfs.maps.get(root, b"/2")
    changed = from_entry(other)
    swapped = to_entry(b"/1", type(changed)(one[2], one[1], changed.slices, changed.tag))
    root = worn.pfs.maps.edit(root, [(b"/1", swapped)])
    worn.sql("UPDATE commits SET root = ? WHERE id = ?", root.pack(), commit.key)
    assert worn.problems() == []
    (problem,) = fsck.check(worn.pfs, hashes=True)
    assert "file /1: its bytes do not have its hash" in problem
