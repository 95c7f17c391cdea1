"""Reading by chunks gives what the API gives; by pachctl, nobody sees which way was taken."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.pachctl.conftest import Result, invoke

from trunkline.client import session
from trunkline.client.getting import reach
from trunkline.client.putting import put
from trunkline.client.sources import Stream
from trunkline.kernel.errors import Corrupt, NotFound
from trunkline.pachctl import fetching
from trunkline.pachctl.meter import Meter
from trunkline.testing.content import noise
from trunkline.wire import pfs_pb2 as pfs

from .conftest import World

LONG = noise("long", 4_000_000)
FILES = {"/a": b"a", "/d/long": LONG, "/d/e/x": b"x" * 3000, "/empty": b""}


@pytest.fixture
def repo(local: World) -> pfs.Repo:
    made = local.repo("data")
    put(local.connection, local.head(made), [Stream([data], path) for path, data in FILES.items()])
    return made


def test_files_and_parts_of_them(local: World, repo: pfs.Repo) -> None:
    folder = reach(local.connection)
    assert folder is not None
    with folder:
        found = {one.path: one for one in folder.files(pfs.File(commit=local.head(repo), path="/"))}
        assert list(found) == sorted(FILES)
        for path, data in FILES.items():
            assert b"".join(folder.read(found[path])) == data
        for offset in (0, 1, 1_500_000, 3_999_999, 4_000_000, 5_000_000):
            assert b"".join(folder.read(found["/d/long"], offset)) == LONG[offset:]
        with pytest.raises(NotFound):
            list(folder.files(pfs.File(commit=local.head(repo), path="/nothing")))
        key = next(iter(local.serving.store.keys("chunks/")))
        place = Path(folder._store._root) / key
        good = place.read_bytes()
        place.chmod(0o600)
        place.write_bytes(b"\0nonsense")
        with pytest.raises(Corrupt):
            for one in found.values():
                list(folder.read(one))
        place.write_bytes(good)


def test_without_the_folder_there_is_no_way(local: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_folder", lambda told: None)
    assert reach(local.connection) is None


@pytest.mark.parametrize("text", [b"", b"x" * 64, b"short"])
def test_a_token_that_does_not_fit_proves_nothing(local: World, tmp_path: Path, text: bytes) -> None:
    (tmp_path / "content.token").write_bytes(text)
    assert reach(local.connection) is None


@pytest.fixture(params=["folder", "api"])
def pachctl(request: pytest.FixtureRequest, local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Command lines, by both ways."""
    if request.param == "api":
        monkeypatch.setattr(fetching, "reach", lambda server: None)
    monkeypatch.setattr(fetching, "LARGE", 1000)

    def run(*words: str) -> Result:
        return invoke(words, {"PACHD_ADDRESS": local.serving.address, "HOME": str(tmp_path)})

    return run


def test_get_file(pachctl, local: World, repo: pfs.Repo, tmp_path: Path) -> None:
    assert pachctl("get-file", "data", "master", "d/long").raw == LONG
    assert pachctl("get-file", "data", "master", "a").raw == b"a"
    assert pachctl("get-file", "data", "master", "d/long", "-o", str(tmp_path / "out")).code == 0
    assert (tmp_path / "out").read_bytes() == LONG
    assert pachctl("get-file", "data", "master", "d").code == 2
    assert pachctl("get-file", "data", "master", "nothing").code == 4


def test_get_recursively(pachctl, local: World, repo: pfs.Repo, tmp_path: Path) -> None:
    assert pachctl("get-file", "data", "master", "/", "-r", "-o", str(tmp_path / "all")).code == 0
    found = {
        f"/{path.relative_to(tmp_path / 'all')}": path.read_bytes()
        for path in (tmp_path / "all").rglob("*")
        if path.is_file()
    }
    assert found == FILES
    assert pachctl("get-file", "data", "master", "/d/*", "-r", "-o", str(tmp_path / "some")).code == 0
    assert (tmp_path / "some/e/x").read_bytes() == b"x" * 3000
    assert pachctl("get-file", "data", "master", "nothing", "-r", "-o", str(tmp_path / "none")).code == 4


def test_put_file(local: World, tmp_path: Path) -> None:
    repo = local.repo("data")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x").write_bytes(LONG)

    def run(*words: str, stdin: bytes = b"") -> Result:
        return invoke(words, {"PACHD_ADDRESS": local.serving.address, "HOME": str(tmp_path)}, stdin=stdin)

    assert run("put-file", "data", "master", "d", "-r", "-f", str(tmp_path / "in")).code == 0
    assert run("put-file", "data", "master", "s", stdin=b"from stdin").code == 0
    assert run("put-file", "data", "master", "s", stdin=b" twice").code == 0
    assert local.content(repo, "/d/x") == LONG
    assert local.content(repo, "/s") == b"from stdin twice"
    assert run("put-file", "data", "master", "d", "-o", "-f", str(tmp_path / "in/x")).code == 1
    assert local.commits(repo) == 3


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_of_a_long_put() -> None:
    now = [0.0]
    screen = Terminal()
    with Meter("put", screen, now=lambda: now[0]) as meter:
        meter(1, 1 << 20)
        assert screen.getvalue() == ""
        now[0] = 2.0
        meter(1, 1 << 20)
        assert screen.getvalue() == "\r\x1b[Kput 2 files, 2MiB (1MiB/s)"
        meter(1, 0)
        meter.size = 8 << 20
        now[0] = 3.0
        meter(0, 2 << 20)
        assert screen.getvalue().endswith("\r\x1b[K[##########          ]  50% put 3 files, 4MiB (1.333MiB/s)")
    assert screen.getvalue().endswith("\r\x1b[Kput 3 files, 4MiB, in 3.0 seconds\n")


def test_a_short_put_and_one_without_a_terminal_say_nothing() -> None:
    now = [0.0]
    for screen, end in ((Terminal(), 0.5), (io.StringIO(), 5.0)):
        with Meter("put", screen, now=lambda: now[0]) as meter:
            now[0] += end
            meter(1, 1)
        assert screen.getvalue() == ""


def test_a_failed_put_has_no_summary() -> None:
    now = [0.0]
    screen = Terminal()
    with pytest.raises(ValueError), Meter("put", screen, now=lambda: now[0]):
        now[0] = 5.0
        raise ValueError
    assert screen.getvalue() == ""
