"""User code that is started once and works on many datums, by the official SDK's own decorator."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from pachyderm_sdk.api import pfs, pps
from tests.compat.place import Place

HEAD = """
import os, sys, time
from pathlib import Path
import pachyderm_sdk
STARTED = time.time_ns()
print("begun")
"""

COPY = """
@pachyderm_sdk.batch_all_datums
def work():
    (found,) = Path("/pfs/in").iterdir()
    assert os.environ["in"] == str(found)
    assert os.environ["PACH_DATUM_ID"] in Path("/pfs/.env").read_text()
    Path("/pfs/out", found.name).write_text(f"{found.read_text()} {STARTED} {os.getpid()}")
    print("worked on", found.name)
"""


class Batching:
    """Pipelines over the repo `data` whose user code is Python with the SDK."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place, self.folder = place, folder

    def make(self, name: str, text: str, glob: str = "/*", **fields: object) -> pps.JobInfo:
        """Runs a program as a pipeline; returns what became of its first job."""
        script = self.folder / f"user_{name}.py"
        script.write_text(HEAD + text + "\nwork()\n")
        transform = {"cmd": [sys.executable, str(script)], "datumBatching": True, **fields.pop("transform", {})}
        spec = {
            "pipeline": {"name": name, "project": {"name": self.place.project.name}},
            "transform": transform,
            "input": {"pfs": {"repo": "data", "name": "in", "glob": glob}},
            "datumTries": 2,
        } | fields
        self.place.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
        return self.job(name)

    def job(self, name: str) -> pps.JobInfo:
        id = self.place.pfs.inspect_branch(branch=self.place.branch(f"{name}@master")).head.id
        job = pps.Job(pipeline=pps.Pipeline(name=name, project=self.place.project), id=id)
        return self.place.client.pps.inspect_job(job=job, wait=True, details=True)

    def output(self, name: str) -> dict[str, str]:
        return {path: self.place.read(f"{name}@master:{path}").decode() for path in self._paths(name)}

    def log(self, info: pps.JobInfo, datum: str = "") -> list[str]:
        wanted = pps.Datum(job=info.job, id=datum) if datum else None
        return [one.message.strip() for one in self.place.client.pps.get_logs(job=info.job, datum=wanted) if one.user]

    def _paths(self, name: str) -> list[str]:
        root = self.place.file(f"{name}@master:/")
        return [one.file.path for one in self.place.pfs.walk_file(file=root) if one.file_type == pfs.FileType.FILE]


@pytest.fixture
def batching(data: Place, tmp_path: Path) -> Batching:
    data.put(**{f"f{number}": str(number).encode() for number in range(12)})
    return Batching(data, tmp_path)


def test_next_datum(batching: Batching) -> None:
    info = batching.make("copy", COPY)
    assert (info.state, info.reason) == (pps.JobState.JOB_SUCCESS, ""), batching.log(info)
    assert (info.data_total, info.data_processed) == (12, 12)
    assert info.details.transform.datum_batching is True
    found = batching.output("copy")
    assert sorted(found) == sorted(f"/f{number}" for number in range(12))
    runs = Counter(text.split()[1] for text in found.values())
    assert len(runs) == 1, "one run of user code for all"
    assert sorted(text.split()[0] for text in found.values()) == sorted(map(str, range(12)))
    for datum in batching.place.client.pps.list_datum(job=info.job):
        said = batching.log(info, datum.datum.id)
        assert said[-1] == f"worked on {datum.data[0].file.path[1:]}"
        assert len(said) <= 2, said  # the first one's log has the beginning


def test_user_code_that_fails_some_datums(batching: Batching) -> None:
    text = """
count = 0
@pachyderm_sdk.batch_all_datums
def work():
    global count
    count += 1
    (found,) = Path("/pfs/in").iterdir()
    assert list(Path("/pfs/out").iterdir()) == []
    Path("/pfs/out", found.name).write_text("x")
    if found.name in ("f3", "f4"):
        raise ValueError(f"no {found.name}\\nat all")
"""
    info = batching.make("picky", text)
    assert info.state == pps.JobState.JOB_FAILURE
    assert (info.data_processed, info.data_failed) == (10, 2)
    assert batching.log(info).count("begun") == 1
    notes = [one.message for one in batching.place.client.pps.get_logs(job=info.job) if not one.user]
    assert "try 1 of 2 failed: ValueError('no f3\\nat all')" in [one.strip() for one in notes]
    assert "try 2 of 2 failed: ValueError('no f3\\nat all')" in [one.strip() for one in notes]


def test_user_code_that_ends_too_soon(batching: Batching) -> None:
    text = """
def work():
    worker = pachyderm_sdk.Client().worker
    for _ in range(3):
        with worker.batch_datum():
            (found,) = Path("/pfs/in").iterdir()
            Path("/pfs/out", found.name).write_text("x")
            if found.name == "f5":
                os._exit(7)
"""
    info = batching.make("short", text, glob="/f{1,2,3,4,5}")
    assert info.state == pps.JobState.JOB_FAILURE
    reasons = {one.message.strip() for one in batching.place.client.pps.get_logs(job=info.job) if not one.user}
    assert any(one.endswith("failed: exit status 7") for one in reasons), reasons
    assert any("user code exited prematurely" in one for one in reasons), reasons
    assert info.data_failed >= 1


def test_user_code_that_never_asks(batching: Batching) -> None:
    info = batching.make("plain", "def work(): pass", glob="/f1")
    assert info.state == pps.JobState.JOB_FAILURE
    assert (info.data_total, info.data_failed) == (1, 1)


def test_a_datum_that_takes_too_long(batching: Batching) -> None:
    text = """
@pachyderm_sdk.batch_all_datums
def work():
    (found,) = Path("/pfs/in").iterdir()
    if found.name == "f1":
        time.sleep(1000)
    Path("/pfs/out", found.name).write_text("x")
"""
    info = batching.make("slow", text, glob="/f{1,2}", datumTimeout="0.3s")
    assert (info.state, info.data_processed, info.data_failed) == (pps.JobState.JOB_FAILURE, 1, 1)


def test_the_error_handler_beside_batching(batching: Batching) -> None:
    text = """
@pachyderm_sdk.batch_all_datums
def work():
    (found,) = Path("/pfs/in").iterdir()
    Path("/pfs/out", found.name).write_text("x")
    os.symlink(found, f"/pfs/out/link-{found.name}")
    assert found.name != "f1"
"""
    info = batching.make("handled", text, glob="/f{1,7}", transform={"errCmd": ["sh", "-c", "ls /pfs/out"]})
    assert (info.state, info.reason) == (pps.JobState.JOB_SUCCESS, "")
    assert (info.data_processed, info.data_recovered) == (1, 1)
    assert batching.output("handled")["/link-f7"] == "7"


def test_cancel(batching: Batching) -> None:
    text = """
@pachyderm_sdk.batch_all_datums
def work():
    (found,) = Path("/pfs/in").iterdir()
    mark = Path(MARK)
    if not mark.exists():
        mark.touch()
        worker = pachyderm_sdk.Client().worker
        assert worker.status().worker_id == os.environ["PPS_POD_NAME"]
        assert not worker.cancel(job_id=os.environ["PACH_JOB_ID"], data_filters=["/other"]).success
        assert worker.cancel(job_id=os.environ["PACH_JOB_ID"], data_filters=["/f3"]).success
        time.sleep(1000)
    Path("/pfs/out", found.name).write_text("the second time")
"""
    text = text.replace("MARK", repr(str(batching.folder / "mark")))
    info = batching.make("again", text, glob="/f3", datumTries=1)
    assert (info.state, info.reason) == (pps.JobState.JOB_SUCCESS, "")
    assert batching.output("again") == {"/f3": "the second time"}


def test_a_pipeline_without_batching_asks_in_vain(batching: Batching) -> None:
    text = """
def work():
    worker = pachyderm_sdk.Client().worker
    try:
        worker.next_datum()
    except Exception as error:
        print(error.details())
    print(worker.status().datum_status.data[0].path, worker.cancel(job_id="no", data_filters=[]).success)
"""
    info = batching.make("vain", text, glob="/f7", transform={"datumBatching": False})
    said = batching.log(info)
    assert said.count("datum batching not enabled") == 1
    assert "/f7 False" in said


def test_next_datum_in_a_shell(batching: Batching) -> None:
    """User code without the SDK: a shell that calls pachctl."""
    script = f"""
pachctl="{sys.executable} -m trunkline.pachctl"
$pachctl next datum
while true; do
  name=$(ls /pfs/in)
  if [ $name = f1 ]; then
    $pachctl next datum --error "not $name"
  else
    cp /pfs/in/$name /pfs/out/ && $pachctl next datum
  fi
done
"""
    batching.place.client.pps.create_pipeline_v2(
        create_pipeline_request_json=json.dumps(
            {
                "pipeline": {"name": "shell", "project": {"name": batching.place.project.name}},
                "transform": {"cmd": ["sh"], "stdin": script.splitlines(), "datumBatching": True},
                "input": {"pfs": {"repo": "data", "name": "in", "glob": "/f{1,2,3}"}},
                "datumTries": 1,
            }
        )
    )
    info = batching.job("shell")
    assert (info.data_processed, info.data_failed) == (2, 1), batching.log(info)
    notes = [one.message.strip() for one in batching.place.client.pps.get_logs(job=info.job) if not one.user]
    assert "try 1 of 1 failed: not f1" in notes


def test_secrets_are_not_told_again(batching: Batching) -> None:
    """Everybody on the machine can ask a worker; what only its user code may know is told to that at its start."""
    stub = batching.place.client.pps
    stub.create_secret(name="batched", data={"token": b"hush-\xff"})
    text = """
from pachyderm_sdk.api.worker import WorkerStub
TOLD = []
ask = WorkerStub.next_datum

def asked(self, **given):
    answer = ask(self, **given)
    TOLD.extend(answer.env)
    return answer

WorkerStub.next_datum = asked

@pachyderm_sdk.batch_all_datums
def work():
    assert os.environb[b"TOKEN"] == Path("/creds/token").read_bytes() == b"hush-\\xff"
    assert any(one.startswith("PACH_DATUM_ID=") for one in TOLD)
    assert not any("hush" in one or "TOKEN" in one for one in TOLD)
"""
    mounts = [{"name": "batched", "key": "token", "envVar": "TOKEN", "mountPath": "/creds"}]
    info = batching.make("secretive", text, transform={"secrets": mounts})
    assert (info.state, info.reason) == (pps.JobState.JOB_SUCCESS, ""), batching.log(info)
    stub.delete_secret(secret=pps.Secret(name="batched"))
