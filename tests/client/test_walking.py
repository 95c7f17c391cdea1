"""The walk through a folder: the same whoever looks, and nobody left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trunkline.client import walking
from trunkline.client.walking import Listed, walk
from trunkline.kernel.errors import InvalidRequest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Folders side by side, some with folders side by side in them."""
    top = tmp_path / "top"
    for number in range(60):
        (top / f"d{number}" / "x").mkdir(parents=True)
        (top / f"d{number}" / f"file{number}").write_bytes(b"1" * number)
        for inner in range(number % 7 * 3):
            (top / f"d{number}" / f"e{inner}" / "f" / "g").mkdir(parents=True)
            (top / f"d{number}" / f"e{inner}" / "f" / "last").touch()
    return top


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list:
    """The processes of walks that need few folders for several."""
    made: list = []
    real = walking.start

    def start(module: str):
        made.append(real(module))
        return made[-1]

    monkeypatch.setattr(walking, "start", start)
    monkeypatch.setattr(walking, "processors", lambda: 3)
    monkeypatch.setattr(walking, "MANY", 5)
    monkeypatch.setattr(walking, "GROUP", 2)
    return made


def told(listed: Listed) -> tuple:
    return listed.origin, listed.below, listed.count, listed.stats


def test_the_order_is_that_of_one_process(tree: Path, started: list, monkeypatch: pytest.MonkeyPatch) -> None:
    several = [told(listed) for listed in walk(str(tree))]
    assert 0 < len(started) <= 2
    assert all(process.poll() is not None for process in started)
    monkeypatch.setattr(walking, "processors", lambda: 1)
    assert [told(listed) for listed in walk(str(tree))] == several
    assert [below for _, below, *_ in several] == sorted(below for _, below, *_ in several)
    assert {origin for origin, *_ in several} == {str(tree), *(str(path) for path in tree.rglob("*") if path.is_dir())}
    stats = {f"{origin}/{stat[0]}": stat for origin, _, _, found in several for stat in found}
    assert sum(count for _, _, count, _ in several) == len(stats)
    for path in tree.rglob("*"):
        if path.is_file():
            status = path.stat()
            times = status.st_mtime_ns, status.st_ctime_ns
            assert stats[str(path)] == (path.name, status.st_size, *times, status.st_ino)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda folder: os.mkfifo(folder / "pipe"), "pipe is neither a file nor a directory"),
        (lambda folder: (folder / "link").symlink_to("x"), "link is a link to a directory"),
        (lambda folder: Path(os.fsdecode(bytes(folder) + b"/\xff")).touch(), "not valid Unicode"),
    ],
)
def test_what_cannot_be_put_is_told_by_whoever_sees_it(tree: Path, started: list, make, text: str) -> None:
    make(tree / "d7")
    with pytest.raises(InvalidRequest, match=text):
        list(walk(str(tree)))
    assert all(process.poll() is not None for process in started)


def test_a_walk_that_is_given_up(tree: Path, started: list) -> None:
    walked = walk(str(tree))
    for _ in range(10):
        next(walked)
    assert started
    walked.close()
    assert all(process.poll() is not None for process in started)


def test_processes_that_are_killed(tree: Path, started: list) -> None:
    walked = walk(str(tree))
    several = [told(next(walked)) for _ in range(10)]
    for process in started:
        process.kill()
    several += map(told, walked)
    assert len(several) == 1 + sum(path.is_dir() for path in tree.rglob("*"))


@pytest.mark.parametrize("program", ["/no/such/python", "/bin/false"])
def test_where_no_process_can_be_started(
    tree: Path, started: list, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", program)
    assert sum(listed.count for listed in walk(str(tree))) == sum(path.is_file() for path in tree.rglob("*"))


def test_folders_whose_names_are_not_unicode_can_be_looked_at(tree: Path, started: list) -> None:
    odd = os.fsdecode(b"odd\xff")
    (tree / odd / "inside").mkdir(parents=True)
    assert f"{odd}/inside/" in {listed.below for listed in walk(str(tree))}
