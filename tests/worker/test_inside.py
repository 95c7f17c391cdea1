"""Opening below a folder that somebody hostile changes at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.worker import inside
from trunkline.worker.inside import allow, open_inside


@pytest.fixture(params=["the kernel's call", "step by step"])
def top(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """An open folder with /a/b/file in it; beside it lies a secret."""
    if request.param == "step by step":
        monkeypatch.setattr(inside._Kernel, "has_openat2", False)
    (tmp_path / "top" / "a" / "b").mkdir(parents=True)
    (tmp_path / "top" / "a" / "b" / "file").write_text("mine")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("not yours")
    folder = os.open(tmp_path / "top", os.O_RDONLY | os.O_DIRECTORY)
    yield folder
    os.close(folder)


def test_what_lies_below(top: int) -> None:
    for path in ("a/b/file", "./a/b/file"):
        found = open_inside(top, path, os.O_RDONLY)
        assert os.read(found, 100) == b"mine"
        os.close(found)
    made = open_inside(top, "a/new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    assert os.fstat(made).st_mode & 0o777 == 0o640 & ~_umask()
    os.close(made)
    itself = open_inside(top, ".", os.O_RDONLY | os.O_DIRECTORY)
    with os.scandir(itself) as entries:
        assert [each.name for each in entries] == ["a"]
    os.close(itself)
    with pytest.raises(FileNotFoundError):
        open_inside(top, "a/none", os.O_RDONLY)


@pytest.mark.parametrize("link", ["a", "a/b", "a/b/file"])
def test_no_link_is_followed(top: int, tmp_path: Path, link: str) -> None:
    place = tmp_path / "top" / link
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "secret" / ("file" if link.endswith("file") else ""))
    with pytest.raises(OSError, match=r"Too many levels|Not a directory"):
        open_inside(top, "a/b/file", os.O_RDONLY)
    with pytest.raises(OSError, match=r"Too many levels|Not a directory|not supported"):
        allow(top, f"{link}/file" if link != "a/b/file" else link, 0o777)
    assert (tmp_path / "secret" / "file").stat().st_mode & 0o777 != 0o777


def test_links_that_come_and_go(top: int, tmp_path: Path) -> None:
    ended = threading.Event()

    def swap() -> None:
        real, aside = tmp_path / "top" / "a", tmp_path / "aside"
        while not ended.is_set():
            real.rename(aside)
            real.symlink_to(tmp_path / "secret")
            real.unlink()
            aside.rename(real)

    (tmp_path / "secret" / "b").mkdir()
    (tmp_path / "secret" / "b" / "file").write_text("not yours")
    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    for _ in range(2000):
        try:
            found = open_inside(top, "a/b/file", os.O_RDONLY)
        except OSError:
            continue
        seen.add(os.read(found, 100))
        os.close(found)
    ended.set()
    thread.join()
    assert seen <= {b"mine"}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
