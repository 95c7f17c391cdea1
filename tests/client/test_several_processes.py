"""Folders that are read by several processes: the same result, and nobody left behind when it goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.test_put import settle, write

from trunkline.client import crew, folders, hands
from trunkline.client.putting import put
from trunkline.client.sources import Folder, Stream
from trunkline.kernel.errors import InvalidRequest, StorageFailed, TrunklineError
from trunkline.testing.commands import wait_for
from trunkline.testing.content import noise
from trunkline.wire import pfs_pb2 as pfs

from .conftest import World

FILES = {f"{number % 5}/{number:03d}": noise(f"{number}", number * 7919 % 40_000) for number in range(200)}
FILES |= {"long": noise("long", 2_000_000), "top": b"", "0/deep/er": b"x"} | {f"same/{n}": b"equal" for n in range(20)}


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three processes, and shares so small that each has several."""
    monkeypatch.setattr("trunkline.client.shares.SHARE_BYTES", 100_000)
    monkeypatch.setattr(crew, "processors", lambda: 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two hundred files."""
    for name, data in FILES.items():
        write(tmp_path / "source" / name, data)
    return tmp_path / "source"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list:
    """The processes that were started."""
    made: list = []
    real = hands.start

    def start(module: str):
        made.append(real(module))
        return made[-1]

    monkeypatch.setattr(hands, "start", start)
    return made


def ended(processes: list) -> bool:
    return all(process.poll() is not None for process in processes)


def run(world: World, repo: pfs.Repo, folder: Path, memory: Path | None = None, target: str = "/a"):
    """A put of the folder."""
    return put(world.connection, world.head(repo), [Folder(str(folder), target)], replace=True, memory=memory)


def test_how_many_read_makes_no_difference(
    local: World, folder: Path, started: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = local.repo("one"), local.repo("other")
    told: list[tuple[int, int]] = []
    result = put(
        local.connection,
        local.head(one),
        [Folder(str(folder), "/a")],
        progress=lambda files, size: told.append((files, size)),
    )
    sizes = sum(map(len, FILES.values()))
    assert (result.files, result.size, result.unchanged) == (len(FILES), sizes, 0)
    assert [sum(each) for each in zip(*told, strict=True)] == [len(FILES), sizes]
    assert len(started) == 3
    assert ended(started)
    chunks = set(local.serving.store.keys("chunks/"))
    monkeypatch.setattr(crew, "processors", lambda: 1)
    run(local, other, folder)
    assert len(started) == 3
    assert set(local.serving.store.keys("chunks/")) == chunks
    assert local.inspect(one).hash == local.inspect(other).hash
    for name in list(FILES)[::17]:
        assert local.content(one, f"/a/{name}") == FILES[name]


def test_what_was_read_is_remembered(
    local: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)
    repo, memory = local.repo("data"), tmp_path / "memory"
    assert run(local, repo, folder, memory).unchanged == 0
    assert run(local, repo, folder, memory).unchanged == len(FILES)
    assert run(local, repo, folder, memory, "/b").unchanged == len(FILES)
    changed = [*list(FILES)[::3], "0/deep/new"]
    for name in changed:
        write(folder / name, noise(f"changed {name}", 30_000))
    (folder / "1/001").unlink()
    assert run(local, repo, folder, memory).unchanged == len(FILES) - len(changed)
    result = run(local, repo, folder, memory, "/b")
    assert result.unchanged == result.files == len(FILES)
    for name in ("0/000", "0/deep/new"):
        assert local.content(repo, f"/a/{name}") == local.content(repo, f"/b/{name}")
    assert local.content(repo, "/b/0/deep/new") == noise("changed 0/deep/new", 30_000)


def test_a_file_that_cannot_be_read(local: World, folder: Path, started: list, monkeypatch: pytest.MonkeyPatch) -> None:
    repo, real = local.repo("data"), folders.walk

    def walk(origin: str):
        for listed in list(real(origin)):
            (folder / "2/102").unlink(missing_ok=True)
            yield listed

    monkeypatch.setattr(folders, "walk", walk)
    with pytest.raises(InvalidRequest, match=r"2/102 cannot be read: No such file"):
        run(local, repo, folder)
    assert ended(started)
    assert local.commits(repo) == 0


def test_a_store_that_fails(
    local: World, folder: Path, tmp_path: Path, started: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, working = local.repo("data"), tmp_path / "store" / "tmp"
    real = hands.start

    def start(module: str):
        if working.is_dir():
            working.rename(working.with_name("moved"))
            working.write_bytes(b"")
        return real(module)

    monkeypatch.setattr(hands, "start", start)
    try:
        with pytest.raises(StorageFailed, match="the store at"):
            run(local, repo, folder)
    finally:
        working.unlink()
        working.with_name("moved").rename(working)
        monkeypatch.setattr(hands, "start", real)
    assert ended(started)
    assert local.commits(repo) == 0
    run(local, repo, folder)


@pytest.mark.parametrize("error", [KeyboardInterrupt, TrunklineError("enough")])
def test_a_put_that_is_interrupted(local: World, folder: Path, started: list, error) -> None:
    repo = local.repo("data")

    def progress(files: int, size: int) -> None:
        if started and size:
            raise error

    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        put(local.connection, local.head(repo), [Folder(str(folder), "/")], progress=progress)
    assert started
    assert ended(started)
    assert local.commits(repo) == 0


def test_a_process_that_is_killed(local: World, folder: Path, started: list, monkeypatch: pytest.MonkeyPatch) -> None:
    repo, real = local.repo("data"), hands.Hand._attend
    killed: list[int] = []

    def attend(self, process) -> None:
        real(self, process)
        if killed == []:
            killed.append(process.pid)
            process.kill()

    monkeypatch.setattr(hands.Hand, "_attend", attend)
    with pytest.raises(TrunklineError, match="was ended by somebody"):
        run(local, repo, folder)
    wait_for(lambda: ended(started), "the others to end", 10)
    assert local.commits(repo) == 0


@pytest.mark.parametrize("program", ["/no/such/python", "/bin/false"])
def test_where_no_process_can_be_started(
    local: World, folder: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = local.repo("data")
    monkeypatch.setattr("sys.executable", program)
    assert run(local, repo, folder).files == len(FILES)
    assert local.content(repo, "/a/long") == FILES["long"]


def test_names_that_are_not_unicode(local: World, folder: Path) -> None:
    repo, odd = local.repo("data"), os.fsdecode(b"odd \xff")
    write(folder.with_name(odd) / "a", b"1")
    for number in range(9):
        write(folder.with_name(odd) / f"b{number}", noise(f"{number}", 60_000))
    assert run(local, repo, folder.with_name(odd)).files == 10
    write(folder / odd / "a", b"2")
    with pytest.raises(InvalidRequest, match="not valid Unicode"):
        run(local, repo, folder)


def test_the_processes_start_without_grpc() -> None:
    code = "import sys, trunkline.client.reader; print({'grpc', 'google', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()\n"


def test_a_path_that_comes_twice(local: World, folder: Path) -> None:
    repo = local.repo("data")
    with pytest.raises(InvalidRequest, match="multiple files put with the path /top"):
        put(local.connection, local.head(repo), [Folder(str(folder), "/"), Stream([b"1"], "/top")])
    assert local.commits(repo) == 0
