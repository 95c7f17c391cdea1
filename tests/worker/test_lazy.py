"""Lazy inputs: named pipes, whose content comes when they are opened."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from trunkline.wire import trunkline_pb2 as wire
from trunkline.worker.messages import duration
from worker.fakes import FakePachd, WorkerProcess, batch, datum, script

SUCCESS, FAILED = wire.DatumReport.SUCCESS, wire.DatumReport.FAILED
BIG = os.urandom(3_000_000)


@pytest.fixture(scope="module")
def pachd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakePachd]:
    fake = FakePachd(tmp_path_factory.mktemp("home"))
    worker = WorkerProcess(fake, "worker-0", variables={"PATH": "/usr/bin:/bin"})
    yield fake
    fake.stop()
    worker.end()


def lazy(root: bytes, path: str = "/", name: str = "in", **fields: object) -> wire.DatumInput:
    return wire.DatumInput(name=name, path=path, root=root, repo="data", commit="c" * 32, lazy=True, **fields)


def run(pachd: FakePachd, text: str, *inputs: wire.DatumInput, **transform: object) -> wire.DatumReport:
    work = batch([datum(*inputs)], **script(text), datum_tries=1, **transform)
    report = pachd.work(work)[work.datums[0].id]
    assert report.state == SUCCESS or transform, report.reason
    return report


@pytest.fixture(scope="module")
def root(pachd: FakePachd) -> bytes:
    return pachd.commit({"/a": b"A", "/big": BIG, "/d/e/c": b"C" * 5000, "/empty": b"", "/unread": b"x" * 77_000})


def test_what_is_opened_is_fetched(pachd: FakePachd, root: bytes) -> None:
    text = """
        cd /pfs/in; test -p a && test -p d/e/c || exit 1
        cat a > /pfs/out/a; cat big > /pfs/out/big; cat d/e/c > /pfs/out/c; cat empty > /pfs/out/empty
        find . -type p | wc -l > /pfs/out/number
    """
    report = run(pachd, text, lazy(root))
    found = pachd.outputs(report)
    assert found == {"/a": b"A", "/big": BIG, "/c": b"C" * 5000, "/empty": b"", "/number": b"5\n"}
    assert report.download_bytes == 1 + len(BIG) + 5000


def test_a_file_can_be_opened_again(pachd: FakePachd, root: bytes) -> None:
    text = """
        cd /pfs/in
        for n in 1 2 3 4 5 6 7 8 9; do
            head -c 1 big > /dev/null; head -c 100000 big > /dev/null; cat big a > /pfs/out/$n
        done
    """
    assert set(pachd.outputs(run(pachd, text, lazy(root))).values()) == {BIG + b"A"}


def test_the_same_file_by_many_at_once(pachd: FakePachd, root: bytes) -> None:
    """Each reads all of it, or the datum fails; nobody gets a part."""
    text = "for n in 1 2 3 4 5 6 7 8; do cat /pfs/in/big > /pfs/out/$n & done; wait"
    report = run(pachd, text, lazy(root), accept_return_code=[0])
    if report.state == SUCCESS:
        assert pachd.outputs(report) == {f"/{number}": BIG for number in range(1, 9)}
    else:
        assert "data@cccccccccccccccccccccccccccccccc:/big is lazy and was opened by two" in report.reason


def test_many_at_a_time_and_one_that_nobody_reads(pachd: FakePachd, root: bytes) -> None:
    text = """
        cd /pfs/in; exec 3< big
        for n in 1 2 3; do cat a; done > /pfs/out/a & cat d/e/c > /pfs/out/c & cat unread > /pfs/out/u; wait
        cat <&3 > /pfs/out/big
    """
    found = pachd.outputs(run(pachd, text, lazy(root)))
    assert {path: len(content) for path, content in found.items()} == {
        "/a": 3,
        "/c": 5000,
        "/u": 77_000,
        "/big": len(BIG),
    }
    assert found["/big"] == BIG


def test_links_to_lazy_files_are_the_originals(pachd: FakePachd, root: bytes) -> None:
    text = "mkfifo /pfs/.scratch/p; cd /pfs/out; ln -s /pfs/in/big big; ln -s /pfs/in/d d; mkfifo own"
    text += "; ln -s ../.scratch/p p"
    report = run(pachd, text, lazy(root))
    assert pachd.outputs(report) == {"/big": BIG, "/d/e/c": b"C" * 5000}
    assert report.download_bytes == 0


def test_one_file_and_its_neighbour(pachd: FakePachd, root: bytes) -> None:
    other = wire.DatumInput(name="plain", path="/a", root=root)
    text = 'cat "$in" "$plain" > /pfs/out/both; test -f "$plain" -a -p "$in"'
    report = run(pachd, text, lazy(root, "/d/e/c"), other)
    assert pachd.outputs(report) == {"/both": b"C" * 5000 + b"A"}
    assert report.download_bytes == 5001


def test_empty_and_lazy_is_empty(pachd: FakePachd, root: bytes) -> None:
    text = "wc -c < /pfs/in/big > /pfs/out/n; ln -s /pfs/in/a /pfs/out/a"
    assert pachd.outputs(run(pachd, text, lazy(root, empty_files=True))) == {"/n": b"0\n", "/a": b"A"}


def test_what_cannot_be_read_fails_the_datum(pachd: FakePachd) -> None:
    before = set(pachd.store.keys("chunks/"))
    altered = pachd.commit({"/bad": os.urandom(100_000)})
    (key,) = set(pachd.store.keys("chunks/")) - before
    path = pachd.home / "store" / key
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    for text in ("cat /pfs/in/bad > /pfs/out/x", "cat /pfs/in/bad; exit 3"):
        report = run(pachd, text, lazy(altered), err_cmd=["false"])
        assert (report.state, report.outputs) == (FAILED, b"")
        assert "data@cccccccccccccccccccccccccccccccc:/bad cannot be read" in report.reason
    assert run(pachd, "ls /pfs/in", lazy(altered)).state == SUCCESS
    path.unlink()


def test_a_mess_of_user_code(pachd: FakePachd, root: bytes) -> None:
    """Pipes removed, replaced and written to; a reader that never reads; the next datum has none of it."""
    text = """
        cd /pfs/in; rm a; echo own > a; cat a; mv big small; rm -r d; ln -s /etc/passwd d; echo x 1<> unread
        exec 3< empty; sleep 1000
    """
    report = run(pachd, text, lazy(root), datum_timeout=duration(0.3))
    assert report.reason == "user code ran longer than datum_timeout (0.3s)"
    assert pachd.outputs(run(pachd, "cat /pfs/in/a > /pfs/out/a", lazy(root))) == {"/a": b"A"}
    assert pachd.lines()[-1] == "own"


def test_the_error_handler_can_read_them(pachd: FakePachd, root: bytes) -> None:
    run(pachd, "cat /pfs/in/a > /dev/null; exit 1", lazy(root), err_cmd=["sh", "-c", "cat /pfs/in/a; echo"])
    assert pachd.lines()[-1] == "A"


def test_thousands_of_them(pachd: FakePachd) -> None:
    many = pachd.commit({f"/d{number % 50}/{number}": b"%d" % number for number in range(3000)})
    report = run(pachd, "cat /pfs/in/d7/2957 > /pfs/out/x", lazy(many))
    assert pachd.outputs(report) == {"/x": b"2957"}
    assert report.download_bytes == 4
