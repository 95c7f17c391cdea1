"""fsck finds what was altered behind the system's back, and names it; reads say the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pfs.house import House, add, gone

from trunkline.catalog import SqliteCatalog
from trunkline.content.entry import to_entry
from trunkline.content.writer import ContentWriter
from trunkline.kernel.errors import Corrupt
from trunkline.maps import EMPTY
from trunkline.objects.local import LocalStore
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.metered import MeteredStore


class Worn(House):
    """A world on disk, whose bytes a test alters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(folder, LocalStore(folder / "store"))

    def objects(self, kind: str) -> list[Path]:
        return sorted(path for path in (self.folder / "store").rglob(f"{kind}/*/*") if path.is_file())

    def again(self) -> Worn:
        """The same home in a new process, so to speak: nothing is remembered."""
        self.close()
        return Worn(self.folder)

    def sql(self, statement: str, *parameters: object) -> None:
        def change(tx: object) -> None:
            lenient = "PRAGMA defer_foreign_keys = ON"
            if not isinstance(self.catalog, SqliteCatalog):
                lenient = "SET LOCAL session_replication_role = replica"
            tx.run(lenient)  # type: ignore[attr-defined]
            tx.run(statement, parameters)  # type: ignore[attr-defined]

        self.catalog.write(change)


@pytest.fixture
def worn(tmp_path: Path) -> Iterator[Worn]:
    made = Worn(tmp_path)
    made.repo("data")
    yield made
    made.close()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_sound_world_has_no_problems(worn: Worn) -> None:
    worn.write("data", *(add(f"/d/{number}", str(number)) for number in range(5000)))
    worn.write("data", gone("/d/7"), add("/big", bytes(3_000_000)))
    worn.start("data")
    worn.write("data", add("/open", "1"))
    assert worn.problems() == []


def test_an_altered_chunk_fails_the_read_and_names_the_file(worn: Worn) -> None:
    worn.write("data", add("/good", b"g" * 600_000))
    before = set(worn.objects("chunks"))
    worn.write("data", add("/d/bad", bytes(range(256)) * 4000))
    [chunk] = set(worn.objects("chunks")) - before
    flip(chunk)
    house = worn.again()
    with pytest.raises(Corrupt, match=f"^file /d/bad cannot be read: .*{chunk.name}"):
        house.read("data", "/d/bad")
    assert house.read("data", "/good") == b"g" * 600_000
    [problem] = house.problems()
    assert "file /d/bad" in problem
    assert chunk.name in problem
    house.close()


def test_a_missing_chunk_is_named_with_its_file(worn: Worn) -> None:
    worn.write("data", add("/f", b"f" * 600_000))
    worn.write("data", add("/g", "1"))  # the commit after shares the file
    chunk = worn.objects("chunks")[0]
    chunk.unlink()
    house = worn.again()
    problems = house.problems()
    assert problems
    assert all(chunk.name in problem for problem in problems)
    house.close()


@pytest.mark.parametrize("how", [flip, Path.unlink])
def test_a_broken_node_is_found_and_reads_fail(worn: Worn, how: object) -> None:
    worn.write("data", *(add(f"/d/{number}", str(number)) for number in range(5000)))
    named = next(iter(worn.pfs.maps.nodes(worn.view("data").root)))
    [node] = [path for path in worn.objects("nodes") if path.name == named.rpartition("/")[2]]
    how(node)  # type: ignore[operator]
    house = worn.again()
    problems = house.problems()
    assert problems
    assert all(node.name in problem for problem in problems)
    with pytest.raises(Corrupt):
        house.files("data")
    house.close()


def test_a_chunk_that_only_an_open_commit_needs_is_looked_at(worn: Worn) -> None:
    worn.start("data")
    worn.write("data", add("/f", b"f" * 600_000))
    for chunk in worn.objects("chunks"):
        chunk.unlink()
    [problem] = worn.again().problems()
    assert "a layer: file /f: " in problem


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE commits SET finishing = started - 5 WHERE id = 2", "has times out of order"),
        ("UPDATE commits SET parent = 3 WHERE id = 2", "a younger one"),
        ("UPDATE commits SET finished = NULL WHERE id = 1", "is finished, its parent"),
        ("UPDATE commits SET finished = NULL, finishing = NULL WHERE id = 1", "was started on the open commit"),
        ("UPDATE branches SET head = 4 WHERE name = 'master' AND repo = 1", "not a commit of its repo"),
        ("INSERT INTO commit_provenance (commit_id, upstream) VALUES (1, 4)", "comes from the younger commit"),
        ("INSERT INTO branch_provenance (branch, upstream) VALUES (1, 1)", "comes from itself"),
    ],
)
def test_rows_that_break_a_rule_are_found(worn: Worn, statement: str, words: str) -> None:
    for number in "123":
        worn.put("data", a=number)
    worn.repo("other")
    worn.put("other", a="1")
    assert worn.problems() == []
    worn.sql(statement)
    assert any(words in problem for problem in worn.problems())


def test_two_commits_of_one_repo_in_a_provenance_are_found(worn: Worn) -> None:
    worn.put("data", a="1")
    worn.put("data", a="2")
    worn.repo("other")
    worn.put("other", a="1")
    for upstream in (1, 2):
        worn.sql("INSERT INTO commit_provenance (commit_id, upstream) VALUES (3, ?)", upstream)
    assert any("comes directly from two commits of the repo default/data" in one for one in worn.problems())


def test_paths_that_no_commit_may_hold_are_found(house: House) -> None:
    house.repo("data")
    house.write("data", add("/f", "1"))
    writer = ContentWriter(house.store)
    file = writer.add(b"x")
    writer.flush()
    entries = [to_entry(key, file.file()) for key in (b"/a", b"/a/b", b"/b//c", b"/f")]
    root = house.pfs.maps.build(entries)
    head = house.commit("data")
    house.catalog.write(lambda tx: tx.run("UPDATE commits SET root = ? WHERE id = ?", (root.pack(), head.key)))
    problems = house.problems()
    assert sorted(problem.partition(": ")[2] for problem in problems) == [
        "/a is a file and a directory",
        "/a is a file and a directory",
        "path '/b//c' is not clean",
    ]
    house.catalog.write(lambda tx: tx.run("UPDATE commits SET root = ? WHERE id = ?", (EMPTY.pack(), head.key)))


def test_many_commits_cost_what_they_do_not_share(tmp_path: Path) -> None:
    store = MeteredStore(MemoryStore())
    house = House(tmp_path, store)
    house.repo("data")
    house.write("data", *(add(f"/d/{number:06}", "x") for number in range(20_000)))
    costs = []
    for number in range(2):
        for step in range(20):
            house.write("data", add(f"/new{number}-{step}", "x"))
        before = store.counts()["get"].calls
        assert house.problems() == []
        costs.append(store.counts()["get"].calls - before)
    nodes = sum(1 for _ in store.keys("nodes/"))
    assert costs[1] - costs[0] < 20 * 6
    assert costs[1] < 3 * nodes
    house.close()
