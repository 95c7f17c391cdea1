"""Parts on their own: tables, unpacking, reading from the web, words and messages."""

from __future__ import annotations

import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.kernel.errors import Corrupt, InvalidRequest, NotBuilt, NotFound, TrunklineError
from trunkline.pachctl import download, refs, sources, table
from trunkline.pachctl.fetch import fetch
from trunkline.wire import pfs_pb2 as pfs

# -- tables --


def test_cells_are_padded_to_the_widest_and_one() -> None:
    lines = list(table.lines(("A", "LONG"), [("xyz", "1"), ("", "⨯")]))
    assert lines == ["A   LONG ", "xyz 1    ", "    ⨯    "]


@pytest.mark.parametrize("rows", [0, 1, 48, 49, 50, 98, 99, 200])
def test_the_header_comes_every_fifty_lines(rows: int) -> None:
    lines = list(table.lines(("N",), ((str(number),) for number in range(rows))))
    assert [line.strip() for line in lines if line.strip() != "N"] == [str(number) for number in range(rows)]
    assert all((line.strip() == "N") == (index % 50 == 0) for index, line in enumerate(lines))


def test_widths_are_those_of_the_fifty_lines() -> None:
    lines = list(table.lines(("N",), [*[("x",)] * 49, ("long",)]))
    assert lines[-3:] == ["x ", "N    ", "long "]


def test_live_rows_come_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    def rows() -> Iterator[tuple[str, str]]:
        yield ("a", "b")
        assert capsys.readouterr().out == "ONE   TWO \na     b   \n"
        yield ("much longer", "c")

    table.show_live(("ONE", "TWO"), rows(), (5, 1))
    assert capsys.readouterr().out == "much longer c   \n"


# -- unpacking --


def tar(*entries: tuple[str, bytes], **kinds: bytes) -> bytes:
    """A tar with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return buffer.getvalue()


def pieces(data: bytes, size: int = 700) -> Iterator[bytes]:
    """The data as it may come over a stream."""
    return (data[start : start + size] for start in range(0, len(data), size))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=20), max_size=8), st.lists(st.integers(0, 30), max_size=12))
def test_pieces_read_as_one(parts: list[bytes], sizes: list[int]) -> None:
    reader, whole = download.PieceReader(parts), b"".join(parts)
    read = b"".join(reader.read(size) for size in sizes)
    assert read == whole[: sum(sizes)]
    assert reader.read() == whole[len(read) :]


def test_many_files_keep_no_list(tmp_path: Path) -> None:
    data = tar(*[(f"/d/{number}", b"x" * number) for number in range(300)])
    assert download.unpack(tmp_path / "out", pieces(data), "/d") == 300
    assert (tmp_path / "out" / "299").read_bytes() == b"x" * 299


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_only_files_and_directories_are_unpacked(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(InvalidRequest, match="neither a file nor a directory"):
        download.unpack(tmp_path / "out", pieces(tar(evil=kind)), "/")
    assert not list((tmp_path / "out").glob("*"))


def test_a_stream_that_ends_early(tmp_path: Path) -> None:
    data = tar(("/a", b"x" * 5000))
    with pytest.raises(Corrupt):
        download.unpack(tmp_path, pieces(data[:3000]), "/")
    assert not list(tmp_path.iterdir()), "no half of a file is left"
    with pytest.raises(Corrupt, match="cannot be unpacked"):
        download.unpack(tmp_path, pieces(b"not a tar" * 200), "/")


def test_an_old_file_stays_until_the_new_one_is_there(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        assert (tmp_path / "f").read_bytes() == b"old"
        raise TrunklineError("gone")

    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(TrunklineError, match="gone"):
        download.write_file(tmp_path / "f", broken())
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    download.write_file(tmp_path / "f", [b"n", b"ew"])
    assert (tmp_path / "f").read_bytes() == b"new"
    download.write_file(Path("/dev/null"), [b"x"])


# -- the web --


@pytest.fixture
def web() -> Iterator[str]:
    """A web server with one page."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/page" else 404)
            self.end_headers()
            self.wfile.write(b"content")

        def log_message(self, *args: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_fetch(web: str) -> None:
    assert fetch(f"{web}/page") == b"content"
    with pytest.raises(NotFound, match=f'^error retrieving content from "{web}/no": 404 Not Found$'):
        fetch(f"{web}/no")
    with pytest.raises(NotFound, match="Connection refused"):
        fetch("http://127.0.0.1:1/x")
    with pytest.raises(NotBuilt):
        fetch("s3://bucket/x")


# -- words and messages --


def test_commit_words() -> None:
    identity = "a" * 12 + "4" + "a" * 19
    repo = pfs.Repo(name="r", type="user", project=pfs.Project(name="default"))
    assert refs.commit("r", identity) == pfs.Commit(repo=repo, id=identity)
    assert refs.commit("r", "master") == pfs.Commit(repo=repo, branch=pfs.Branch(repo=repo, name="master"))
    for word in ("master^", "master~2", "master.1", f"{identity}^^"):
        assert refs.commit("r", word) == pfs.Commit(repo=repo, id=word)
    assert refs.repo("r.spec").type == "spec"


@pytest.mark.parametrize("word", ["", "a", "a/", "/b"])
def test_paths_of_commits_and_branches(word: str) -> None:
    with pytest.raises(InvalidRequest, match="REPO/COMMIT"):
        refs.commit_path(word)
    with pytest.raises(InvalidRequest, match="REPO/BRANCH"):
        refs.branch_path(word)


def test_sources_tell_urls_from_files() -> None:
    assert sources.is_url("s3://b")
    assert not sources.is_url("c:/x")
    assert sources.split_list(["a,b", "http://h/x,y", "c"]) == ["a", "b", "http://h/x,y", "c"]
