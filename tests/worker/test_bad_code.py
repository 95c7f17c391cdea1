"""User code that misbehaves, run for real: each ends as a datum with a clear reason, and the worker goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.wire import trunkline_pb2 as wire
from trunkline.worker.messages import duration
from worker.fakes import FakePachd, WorkerProcess, batch, datum, script

SUCCESS, FAILED = wire.DatumReport.SUCCESS, wire.DatumReport.FAILED


@pytest.fixture(scope="module")
def pachd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakePachd]:
    """With one worker, which has to survive every test of this module."""
    fake = FakePachd(tmp_path_factory.mktemp("home"))
    worker = WorkerProcess(fake, "worker-0", variables={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})
    yield fake
    assert fake.seen == {"worker-0"}
    assert worker.process.poll() is None
    fake.stop()
    worker.end()


def run(pachd: FakePachd, text: str, *inputs: wire.DatumInput, **transform: object) -> wire.DatumReport:
    work = batch([datum(*inputs)], **{"datum_tries": 1, **script(text), **transform})
    return pachd.work(work)[work.datums[0].id]


def python(pachd: FakePachd, text: str, **transform: object) -> wire.DatumReport:
    return run(pachd, "", cmd=["python3", "-c", text], stdin=[], **transform)


def test_sockets_pipes_and_what_else_is_no_file(pachd: FakePachd) -> None:
    text = """
import os, socket
socket.socket(socket.AF_UNIX).bind("/pfs/out/socket")
os.mkfifo("/pfs/out/pipe")
for make in (lambda: os.mknod("/pfs/out/disk", 0o60644, os.makedev(254, 0)),):
    try: make()
    except OSError: pass
    else: raise SystemExit("a device can be made")
open("/pfs/out/file", "w").write("x")
"""
    assert pachd.outputs(python(pachd, text)) == {"/file": b"x"}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        ("ln -s /pfs/out/loop /pfs/out/loop", "Too many levels"),
        ("ln -s b /pfs/out/a; ln -s a /pfs/out/b", "Too many levels"),
        ("ln -s /no/such /pfs/out/x", "No such file"),
        ("ln -s / /pfs/out/all", "holds /pfs itself"),
        ("touch \"$(printf '/pfs/out/\\377')\"", "its name cannot be represented"),
        ("touch \"$(printf '/pfs/out/a\\nb')\"", "its name cannot be represented"),
        ("mkdir /pfs/out/d; touch \"$(printf '/pfs/out/d/\\001')\"", "its name cannot be represented"),
        ("rm -rf /pfs/out", "/pfs/out"),
        ("rm -rf /pfs/out; ln -s /etc /pfs/out", "/pfs/out"),
        ("rm -rf /pfs/out; touch /pfs/out", "/pfs/out"),
        ("kill -9 $$", "signal 9"),
        ("exit 3", "exit status 3"),
    ],
)
def test_what_fails_the_datum(pachd: FakePachd, make: str, says: str) -> None:
    report = run(pachd, make)
    assert (report.state, report.outputs) == (FAILED, b"")
    assert says in report.reason
    assert "\n" not in report.reason
    assert run(pachd, "true").state == SUCCESS


@pytest.mark.parametrize(
    "text",
    [
        "kill -STOP $$",
        "trap '' TERM HUP INT; while :; do sleep 1; done",
        "(setsid sleep 1000 &); sleep 1000",
        "mkfifo /pfs/p; cat /pfs/p",
        "exec 0<&- 1>&- 2>&-; sleep 1000",
        "yes",
    ],
)
def test_what_never_ends_is_ended(pachd: FakePachd, text: str) -> None:
    report = run(pachd, text, datum_timeout=duration(0.2))
    assert (report.state, report.reason) == (FAILED, "user code ran longer than datum_timeout (0.2s)")


@pytest.mark.parametrize(
    "text",
    [
        "exec 0<&- 1>&- 2>&-; echo x > /pfs/out/x",
        "kill -9 $PPID; kill -TERM $PPID; kill -STOP $PPID; kill -9 1; echo x > /pfs/out/x",
        "mkdir -p /pfs/out/d; echo x > /pfs/out/x; chmod 000 /pfs/out/x /pfs/out/d /pfs/out; chmod 000 /pfs || true",
        "echo x > /pfs/out/x; for n in 1 2 3 4 5 6 7 8 9; do (sleep 1000 &); done",
    ],
)
def test_what_is_unusual_and_right(pachd: FakePachd, text: str) -> None:
    report = run(pachd, text)
    assert report.state == SUCCESS, report.reason
    assert pachd.outputs(report) == {"/x": b"x\n"}


def test_input_can_be_changed_and_is_not(pachd: FakePachd) -> None:
    root = pachd.commit({"/small": b"as it was", "/large": b"as it was" * 20_000})
    given = wire.DatumInput(name="in", path="/", root=root)
    spoil = "echo no > /pfs/in/small; echo no >> /pfs/in/large; rm -f /pfs/in/small; ln -s /etc/passwd /pfs/in/small"
    for _ in range(3):
        assert run(pachd, spoil, given).state == SUCCESS
    report = run(pachd, "cp /pfs/in/* /pfs/out/", given)
    assert pachd.outputs(report) == {"/small": b"as it was", "/large": b"as it was" * 20_000}


def test_nothing_leads_out_of_the_sandbox(pachd: FakePachd) -> None:
    """As root, which user code may well be here."""
    text = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
home = {str(pachd.home)!r}
wrong = []
def allowed(what, result):
    if result >= 0: wrong.append(what)
allowed("ptrace", libc.ptrace(16, 1, 0, 0))
allowed("mount", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
allowed("umount", libc.umount2(b"/pfs", 2))
allowed("unshare", libc.unshare(0x20000) if os.geteuid() == 0 else -1)
allowed("chroot", libc.chroot(b"/"))
allowed("setns", libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0) if os.access("/proc/1/ns/mnt", os.R_OK) else -1)
allowed("swapon", libc.swapon(b"/dev/zero", 0))
for path in (f"{{home}}/store", "/proc/1/root" + home + "/store", f"{{home}}/scratch"):
    try:
        if os.listdir(path): wrong.append(path)
    except OSError: pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    try: found = open(f"/proc/{{pid}}/environ", "rb").read() + open(f"/proc/{{pid}}/cmdline", "rb").read()
    except OSError: continue
    if b"SECRET_OF" + b"_PACHD" in found: wrong.append(f"environment of {{pid}}")
print(*wrong, sep="; ")
raise SystemExit(len(wrong))
"""
    report = python(pachd, text)
    assert report.state == SUCCESS, pachd.lines()[-1]


def test_more_memory_than_the_pipeline_may_have(pachd: FakePachd) -> None:
    text = "hog = bytearray(300_000_000); hog[::4096] = b'x' * len(hog[::4096]); import time; time.sleep(100)"
    report = python(pachd, text, memory_limit=100_000_000)
    assert report.state == FAILED
    assert report.reason == "user code used more memory than resource_limits.memory (95.37MiB): raise the limit"
    assert python(pachd, "x = bytes(10_000_000)", memory_limit=100_000_000).state == SUCCESS


def test_very_many_outputs(pachd: FakePachd) -> None:
    text = "import os\nfor n in range(5000): open(f'/pfs/out/{n}', 'w').write(str(n))"
    found = pachd.outputs(python(pachd, text))
    assert len(found) == 5000
    assert found["/4999"] == b"4999"


FULL = 'mount -t tmpfs -o size=24m none "$1" && shift && exec "$@"'


def test_a_disk_that_user_code_fills(tmp_path: Path) -> None:
    """On a real file system of 24 MiB, in a mount namespace of its own, so that it needs no root."""
    fake = FakePachd(tmp_path / "home")
    scratch = tmp_path / "home" / "scratch"
    scratch.mkdir(parents=True)
    enter = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    process = subprocess.Popen(
        [*enter, "sh", "-c", FULL, "sh", str(scratch), sys.executable, "-m", "trunkline.worker"],
        stdin=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    assert process.stdin is not None
    process.stdin.write(WorkerProcess.settings(fake, "worker-0"))
    process.stdin.flush()
    try:
        report = run(fake, "head -c 90000000 /dev/zero > /pfs/out/x", datum_tries=2)
        assert (report.state, report.tries) == (FAILED, 2)
        assert report.reason == (
            "exit status 1; the disk that /pfs lies on is full: free some space, or put TRUNKLINE_HOME on a larger disk"
        )
        assert fake.outputs(run(fake, "echo fine > /pfs/out/x")) == {"/x": b"fine\n"}
        large = wire.DatumInput(name="in", path="/", root=fake.commit({"/large": os.urandom(40_000_000)}))
        report = run(fake, "true", large)
        assert report.state == FAILED
        assert "No space left on device; free some space in the scratch folder" in report.reason
        assert run(fake, "true").state == SUCCESS
    finally:
        fake.stop()
        process.communicate(timeout=20)
