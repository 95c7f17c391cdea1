"""Whole workers against a fake pachd: batches in, user code, reports and logs out, and every way to die."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.testing.commands import processes, wait_for
from trunkline.wire import trunkline_pb2 as wire
from trunkline.worker.messages import duration
from worker.fakes import TOKEN, FakePachd, WorkerProcess, batch, datum, script

SUCCESS, FAILED, RECOVERED = wire.DatumReport.SUCCESS, wire.DatumReport.FAILED, wire.DatumReport.RECOVERED


@pytest.fixture(scope="module")
def pachd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakePachd]:
    """One for all tests of this module that leave it and its worker alive."""
    fake = FakePachd(tmp_path_factory.mktemp("home"))
    worker = WorkerProcess(fake, "worker-0", variables={"PATH": "/usr/bin:/bin", "TRUNKLINE_HOME": "no"})
    yield fake
    fake.stop()
    worker.end()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[FakePachd]:
    """One for a test that kills it, or its workers."""
    fake = FakePachd(tmp_path / "home")
    yield fake
    fake.stop()


def one(pachd: FakePachd, work: wire.Batch) -> wire.DatumReport:
    """The report of the only datum."""
    return pachd.work(work)[work.datums[0].id]


def test_data_through_user_code(pachd: FakePachd) -> None:
    root = pachd.commit({"/a/x": b"1", "/a/y": b"22", "/b": b"333", "/c": b""})
    both = datum(
        wire.DatumInput(name="docs", path="/a/", commit="c" * 32, root=root),
        wire.DatumInput(name="cfg", path="/b", commit="d" * 32, root=root),
    )
    all_ = datum(wire.DatumInput(name="docs", path="/", commit="c" * 32, root=root))
    text = "cd /pfs; find docs cfg -type f 2>/dev/null | sort > out/list; mkdir out/d; cat docs/a/* > out/d/sum"
    work = batch([both, all_], **script(text))
    reports = pachd.work(work)
    assert [each.state for each in reports.values()] == [SUCCESS, SUCCESS]
    assert pachd.outputs(reports[both.id]) == {"/list": b"cfg/b\ndocs/a/x\ndocs/a/y\n", "/d/sum": b"122"}
    assert pachd.outputs(reports[all_.id])["/list"] == b"docs/a/x\ndocs/a/y\ndocs/b\ndocs/c\n"
    report = reports[both.id]
    assert (report.download_bytes, report.upload_bytes, report.tries) == (6, 27, 1)
    assert all(each.nanos > 0 for each in (report.download_time, report.process_time, report.upload_time))


def test_the_environment_of_user_code(pachd: FakePachd) -> None:
    root = pachd.commit({"/a/x": b"1"})
    given = datum(
        wire.DatumInput(name="in", path="/a/", commit="c" * 32, root=root, join_on="j", group_by="g"),
        wire.DatumInput(name="all", path="/", commit="d" * 32, root=root),
    )
    work = batch([given], cmd=["sh", "-c", "env -0 > /pfs/out/env; cp /pfs/.env /pfs/out/dotenv"], env={"OWN": "1"})
    files = pachd.outputs(one(pachd, work))
    env = dict(each.split("=", 1) for each in files["/env"].decode().split("\0") if each)
    home, user = env.pop("HOME"), env.pop("USER")
    assert home.startswith("/")
    assert env.pop("LOGNAME") == user
    for name in ("PWD", "SHLVL", "_", "OLDPWD"):
        env.pop(name, None)
    assert int(env.pop("PPS_WORKER_GRPC_PORT")) > 0
    port = str(pachd.port)
    assert env == {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TMPDIR": "/pfs/.scratch",
        "PACH_IN_WORKER": "true",
        "PACH_NAMESPACE": "default",
        "PACHD_PEER_SERVICE_HOST": "127.0.0.1",
        "PACHD_PEER_SERVICE_PORT": port,
        "PEER_PORT": port,
        "PPS_PROJECT_NAME": "default",
        "PPS_PIPELINE_NAME": "edges",
        "PPS_SPEC_COMMIT": "5" * 32,
        "PPS_POD_NAME": "worker-0",
        "PPS_WORKER_IP": "127.0.0.1",
        "in": "/pfs/in/a",
        "in_COMMIT": "c" * 32,
        "PACH_DATUM_in_JOIN_ON": "j",
        "PACH_DATUM_in_GROUP_BY": "g",
        "all": "/pfs/all",
        "all_COMMIT": "d" * 32,
        "PACH_DATUM_ID": given.id,
        "PACH_JOB_ID": work.job,
        "PACH_OUTPUT_COMMIT_ID": work.job,
        "OWN": "1",
    }
    assert f"PACH_DATUM_ID={given.id}\n".encode() in files["/dotenv"]
    assert b"OWN=1\n" in files["/dotenv"]


def test_no_trace_of_one_datum_in_the_next(pachd: FakePachd) -> None:
    marker = f"1000.{uuid.uuid4().int}"
    mess = f"""
        sleep {marker} &
        mkdir -p /pfs/left/deep/deeper /pfs/out/x; echo x > /pfs/left/deep/file; chmod 000 /pfs/left/deep /pfs/out/x
        chmod 500 /pfs/left; ln -s / /pfs/link; mkfifo /pfs/pipe; echo > "$TMPDIR/temporary"
    """
    look = "find /pfs | sort"
    first, second = datum(), datum()
    text = f'if [ "$PACH_DATUM_ID" = {first.id} ]; then {mess}\nelse {look}\nfi'
    reports = pachd.work(batch([first, second], **script(text)))
    assert [each.state for each in reports.values()] == [SUCCESS, SUCCESS]
    assert pachd.lines(second.id) == ["/pfs", "/pfs/.env", "/pfs/.scratch", "/pfs/out"]
    assert processes(marker) == []


def test_failures_are_tried_again_and_told(pachd: FakePachd) -> None:
    failing = datum()
    work = batch([failing], cmd=["sh", "-c", "echo to the log >&2; echo > /pfs/out/x; exit 3"])
    report = one(pachd, work)
    assert (report.state, report.reason, report.tries) == (FAILED, "exit status 3", 3)
    assert report.outputs == b""
    assert pachd.lines(failing.id) == ["to the log"] * 3
    assert pachd.lines(failing.id, user=False) == [f"try {n} of 3 failed: exit status 3" for n in (1, 2, 3)]


def test_a_later_try_may_succeed(pachd: FakePachd) -> None:
    count = pachd.home.parent / f"count-{uuid.uuid4().hex}"
    count.touch()
    text = f"echo >> {count}; ls /pfs/out; echo x > /pfs/out/x; [ $(wc -l < {count}) = 2 ]"
    failing = datum()
    report = one(pachd, batch([failing], **script(text), datum_tries=5))
    assert (report.state, report.reason, report.tries) == (SUCCESS, "", 2)
    assert pachd.lines(failing.id) == []  # /pfs/out was empty again


def test_accepted_codes_and_signals(pachd: FakePachd) -> None:
    assert one(pachd, batch([datum()], cmd=["sh", "-c", "exit 5"], accept_return_code=[4, 5])).state == SUCCESS
    report = one(pachd, batch([datum()], cmd=["sh", "-c", "kill -SEGV $$"], datum_tries=1))
    assert (report.state, report.reason) == (FAILED, "user code was ended by signal 11")


def test_time_is_up(pachd: FakePachd) -> None:
    report = one(pachd, batch([datum()], cmd=["sleep", "1000"], datum_timeout=duration(0.1), datum_tries=2))
    assert report.state == FAILED
    assert report.reason == "user code ran longer than datum_timeout (0.1s)"
    assert report.tries == 2


def test_the_error_handler(pachd: FakePachd) -> None:
    handled = datum()
    work = batch(
        [handled],
        cmd=["sh", "-c", "echo left > /pfs/out/left; exit 1"],
        err_cmd=["sh"],
        err_stdin=["cat /pfs/out/left", 'echo "handled $PACH_DATUM_ID"'],
    )
    report = one(pachd, work)
    assert (report.state, report.tries, report.outputs) == (RECOVERED, 3, b"")
    assert pachd.lines(handled.id) == ["left", f"handled {handled.id}"] * 3
    failing = batch([datum()], cmd=["false"], err_cmd=["false"], datum_tries=1)
    assert one(pachd, failing).state == FAILED


def test_images(pachd: FakePachd, tmp_path: Path) -> None:
    (tmp_path / "train").write_text("#!/bin/sh\necho trained by $MODE with $1 > /pfs/out/model\n")
    (tmp_path / "train").chmod(0o755)
    environment = wire.Environment(image="org/train:1", root=str(tmp_path), variables={"MODE": "env"}, digest="dg")
    known = one(pachd, batch([datum()], image="org/train:1", cmd=["/train", "-x"], environment=environment))
    assert pachd.outputs(known) == {"/model": b"trained by env with -x\n"}
    assert known.image_digest == "dg"
    on_machine = batch([datum(), datum()], image="org/other", cmd=["true"])
    assert [each.state for each in pachd.work(on_machine).values()] == [SUCCESS, SUCCESS]
    note = 'image "org/other" is not a local environment: running on the machine itself'
    assert pachd.lines(user=False).count(note) == 1
    unknown = one(pachd, batch([datum()], image="org/train:2", cmd=["/train"]))
    assert (unknown.state, unknown.tries) == (FAILED, 1)
    assert unknown.reason == (
        'image "org/train:2" is unknown here and this machine has no /train: register a folder that has it with '
        "pachctl create-environment org/train:2 --root DIR"
    )


def test_what_cannot_be_run_fails_at_once(pachd: FakePachd) -> None:
    report = one(pachd, batch([datum()]))
    assert (report.state, report.reason) == (FAILED, "invalid pipeline transform, no command specified")
    gone = datum(wire.DatumInput(name="in", path="/gone", repo="r", commit="c", root=pachd.commit({"/a": b""})))
    report = one(pachd, batch([gone], cmd=["true"]))
    assert (report.state, report.tries) == (FAILED, 1)
    assert report.reason == "r@c:/gone is not in the commit any more"
    report = one(pachd, batch([datum()], cmd=["true"], user="nobody-of-that-name"))
    assert "nobody-of-that-name" in report.reason


def test_altered_data_names_the_file(pachd: FakePachd) -> None:
    root = pachd.commit({"/fine": b"fine" * 9})
    before = set(pachd.store.keys("chunks/"))
    altered = pachd.commit({"/bad": os.urandom(100_000)})
    (key,) = set(pachd.store.keys("chunks/")) - before
    path = pachd.home / "store" / key
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    bad = datum(wire.DatumInput(name="in", path="/bad", repo="data", commit="c" * 32, root=altered))
    fine = datum(wire.DatumInput(name="in", path="/fine", root=root))
    reports = pachd.work(batch([bad, fine], cmd=["true"]))
    assert (reports[bad.id].state, reports[bad.id].tries) == (FAILED, 1)
    assert f"data@{'c' * 32}:/bad cannot be read" in reports[bad.id].reason
    assert reports[fine.id].state == SUCCESS
    path.unlink()


def test_what_may_not_be_uploaded(pachd: FakePachd) -> None:
    bad_name = one(pachd, batch([datum()], cmd=["sh", "-c", "touch '/pfs/out/a\tb'"], datum_tries=2))
    assert (bad_name.state, bad_name.tries) == (FAILED, 2)
    assert bad_name.reason.startswith(
        "cannot upload file produced by the user code because its name cannot be represented in PFS: "
    )
    dangling = one(pachd, batch([datum()], cmd=["ln", "-s", "/no/such", "/pfs/out/link"], datum_tries=1))
    assert "symbolic link /pfs/out/link" in dangling.reason
    to_out = "touch /pfs/out/x; ln -s /pfs/out/x /pfs/out/link"
    assert 'could not find input "out"' in one(pachd, batch([datum()], **script(to_out), datum_tries=1)).reason


def test_links_and_unusual_files(pachd: FakePachd) -> None:
    root = pachd.commit({"/big": b"big" * 1000, "/d/a": b"A"})
    given = datum(
        wire.DatumInput(name="in", path="/", root=root),
        wire.DatumInput(name="no", path="/", root=root, empty_files=True),
    )
    text = """
        cd /pfs/out; ln -s /pfs/in/big copy; ln -s ../no/big original; ln -s /pfs/in/d folder; mkfifo pipe
        ln -s /etc/hostname outside; mkdir empty; wc -c < /pfs/no/big > size; echo ü > "ü ([*]).txt"
        ln -s /dev/zero zero
    """
    report = one(pachd, batch([given], **script(text)))
    assert pachd.outputs(report) == {
        "/copy": b"big" * 1000,
        "/original": b"big" * 1000,
        "/folder/a": b"A",
        "/outside": Path("/etc/hostname").read_bytes(),
        "/size": b"0\n",
        "/ü ([*]).txt": "ü\n".encode(),
    }


def test_logs_come_in_order_and_before_their_report(pachd: FakePachd) -> None:
    datums = [datum() for _ in range(20)]
    long = "x" * 100_000
    text = (
        f"for n in 1 2 3; do echo $PACH_DATUM_ID $n; done; printf 'no end'; printf '{long}\\n\\377\\n' >&2; printf end"
    )
    pachd.work(batch(datums, **script(text)))
    mine = {each.id for each in datums}
    events = [
        (kind, value.datum if kind == "log" else value.id)
        for kind, value in pachd.events
        if kind in ("log", "report") and (value.datum if kind == "log" else value.id) in mine
    ]
    for each in datums:
        assert pachd.lines(each.id)[:3] == [f"{each.id} {n}" for n in (1, 2, 3)]
        assert "".join(pachd.lines(each.id)[3:5]) == "no end" + long
        assert pachd.lines(each.id)[5:] == ["�", "end"]
        assert max(n for n, event in enumerate(events) if event == ("log", each.id)) < events.index(("report", each.id))
    assert [name for kind, name in events if kind == "report"] == [each.id for each in datums]


def test_logs_come_while_user_code_runs(pachd: FakePachd) -> None:
    gate = pachd.home.parent / f"gate-{uuid.uuid4().hex}"
    work = batch([datum()], **script(f"echo early; until [ -e {gate} ]; do sleep 0.01; done"))
    pachd.submit(work)
    pachd.wait(lambda: "early" in pachd.lines(work.datums[0].id), "the line of user code that still runs")
    gate.touch()
    pachd.wait(lambda: work.id in pachd.of("done"), "the end")


def test_short_datums_are_reported_together_and_do_not_wait_for_long_ones(pachd: FakePachd) -> None:
    gate = pachd.home.parent / f"gate-{uuid.uuid4().hex}"
    datums = [datum() for _ in range(100)]
    last = datums[-1].id
    text = f"[ $PACH_DATUM_ID != {last} ] || until [ -e {gate} ]; do sleep 0.01; done; echo > /pfs/out/$PACH_DATUM_ID"
    before = len(pachd.of("call"))
    work = batch(datums, **script(text))
    pachd.submit(work)
    ids = {each.id for each in datums[:-1]}
    pachd.wait(lambda: ids <= {each.id for each in pachd.of("report")}, "the reports of the short ones")
    assert last not in {each.id for each in pachd.of("report")}
    gate.touch()
    pachd.wait(lambda: work.id in pachd.of("done"), "the end")
    assert len(pachd.of("call")) - before < 30


def test_a_lost_lease_ends_user_code_and_the_batch(pachd: FakePachd) -> None:
    marker = f"1000.{uuid.uuid4().int}"
    work = batch([datum(), datum()], cmd=["sleep", marker])
    pachd.submit(work)
    wait_for(lambda: processes(marker), "user code to begin")
    pachd.verdicts[work.id] = deque([wire.Verdict(lost=True)])
    wait_for(lambda: not processes(marker), "user code to end")
    assert one(pachd, batch([datum()], cmd=["true"])).state == SUCCESS
    assert work.id not in pachd.of("done")
    assert not {each.id for each in work.datums} & {each.id for each in pachd.of("report")}


def test_a_datum_begins_again_when_told(pachd: FakePachd) -> None:
    count = pachd.home.parent / f"count-{uuid.uuid4().hex}"
    count.touch()
    given = datum()
    text = f"echo >> {count}; [ $(wc -l < {count}) = 2 ] || sleep 1000; echo > /pfs/out/x"
    work = batch([given], **script(text), datum_tries=1)
    pachd.submit(work)
    wait_for(lambda: count.read_text(), "user code to begin")
    pachd.verdicts[work.id] = deque([wire.Verdict(restart=["other", given.id])])
    pachd.wait(lambda: work.id in pachd.of("done"), "the end")
    (report,) = [each for each in pachd.of("report") if each.id == given.id]
    assert (report.state, report.tries) == (SUCCESS, 1)
    assert pachd.lines(given.id, user=False) == ["restarted"]


def test_the_lease_is_renewed_with_the_datum_under_way(pachd: FakePachd) -> None:
    gate = pachd.home.parent / f"gate-{uuid.uuid4().hex}"
    work = batch([datum()], **script(f"until [ -e {gate} ]; do sleep 0.01; done"))
    pachd.submit(work)

    def renewals() -> list[wire.RenewRequest]:
        return [each for each in pachd.of("renew") if each.batch == work.id and each.datum]

    pachd.wait(lambda: len(renewals()) >= 3, "renewals")
    assert {each.datum for each in renewals()} == {work.datums[0].id}
    assert len({each.datum_started.ToNanoseconds() for each in renewals()}) == 1
    gate.touch()
    pachd.wait(lambda: work.id in pachd.of("done"), "the end")


def test_a_killed_worker_leaves_nothing_behind_and_another_goes_on(own: FakePachd) -> None:
    marker = f"1000.{uuid.uuid4().int}"
    first = WorkerProcess(own, "first")
    work = batch([datum()], cmd=["sh", "-c", f"sleep {marker} & sleep {marker}"])
    own.submit(work)
    wait_for(lambda: len(processes(marker)) >= 2, "user code to begin")
    assert TOKEN not in (Path("/proc") / str(first.process.pid) / "cmdline").read_text()
    assert TOKEN not in (Path("/proc") / str(first.process.pid) / "environ").read_text()
    first.kill()
    wait_for(lambda: not processes(marker), "user code to end with its worker")
    second = WorkerProcess(own, "second")
    again = wire.Batch()
    again.CopyFrom(work)
    again.transform.cmd[:] = ["true"]
    assert one(own, again).state == SUCCESS
    assert own.handed_out[work.id] == "second"
    second.end()


def test_a_worker_ends_when_its_standard_input_does(own: FakePachd) -> None:
    marker = f"1000.{uuid.uuid4().int}"
    worker = WorkerProcess(own, "only")
    own.submit(batch([datum()], cmd=["sleep", marker]))
    wait_for(lambda: processes(marker), "user code to begin")
    worker.end()
    assert worker.process.returncode == 3
    wait_for(lambda: not processes(marker), "user code to end with its worker")


def test_a_worker_ends_when_pachd_does_not_answer(own: FakePachd) -> None:
    marker = f"1000.{uuid.uuid4().int}"
    worker = WorkerProcess(own, "only")
    own.submit(batch([datum()], cmd=["sleep", marker]))
    wait_for(lambda: processes(marker), "user code to begin")
    own.stop()
    assert worker.process.wait(20) == 8
    assert worker.process.stderr is not None
    error = worker.process.stderr.read().decode()
    assert error.startswith("trunkline worker: pachd: ")
    assert len(error.splitlines()) == 1
    wait_for(lambda: not processes(marker), "user code to end with its worker")


def test_a_worker_ends_with_the_process_that_started_it(own: FakePachd) -> None:
    starter = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-m", "trunkline.worker"], stdin=int(sys.argv[1]))
print(worker.pid, flush=True)
sys.stdin.read()
"""
    reading, writing = os.pipe()  # held open here, so that it is not the end of standard input that ends the worker
    parent = subprocess.Popen(
        [sys.executable, "-c", starter, str(reading)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[reading],
    )
    assert parent.stdout is not None
    worker = Path("/proc") / parent.stdout.readline().decode().strip()
    os.write(writing, WorkerProcess.settings(own, "child"))
    own.wait(lambda: "child" in own.seen, "the worker")
    parent.communicate()
    wait_for(lambda: not worker.exists() or "(zombie)" in (worker / "status").read_text(), "the worker to end")
    os.close(reading)
    os.close(writing)


def test_the_language_of_the_machine_does_not_matter(own: FakePachd) -> None:
    worker = WorkerProcess(own, "only", environ={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    root = own.commit({"/grüße €": b"x"})
    given = datum(wire.DatumInput(name="in", path="/", root=root))
    report = one(own, batch([given], cmd=["cp", "-r", "/pfs/in", "/pfs/out/größe"]))
    assert own.outputs(report) == {"/größe/grüße €": b"x"}
    worker.end()


def test_a_wrong_token_is_told_in_one_line(own: FakePachd) -> None:
    worker = WorkerProcess(own, "only", token="wrong")
    assert worker.process.wait(20) == 8
    assert worker.process.stderr is not None
    assert worker.process.stderr.read() == b"trunkline worker: pachd: no token (UNAUTHENTICATED); the worker ends\n"
