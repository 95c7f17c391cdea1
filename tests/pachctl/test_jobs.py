"""Jobs, datums and logs: the tutorial's tables, detail views, and which jobs a word means."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

from .conftest import Pachd
from .fake_pfs import commit_message
from .samples import IDS, ago, datum, job, named, seconds, tutorial_jobs

OTHER = "d" * 12 + "4" + "d" * 19


@pytest.fixture
def jobs(pachd: Pachd) -> Pachd:
    """The jobs of the tutorial."""
    pachd.pps.jobs = tutorial_jobs()
    return pachd


def test_list_job_is_the_tutorials_table(jobs: Pachd) -> None:
    header = (
        "ID                               OUTPUT COMMIT                                   STARTED        DURATION  "
        "RESTART PROGRESS  DL       UL       STATE   "
    )
    assert jobs.ok("list-job").splitlines() == [
        header,
        f"{IDS['qcontrol']} qcontrol/{IDS['qcontrol']}       6 seconds ago  4 seconds 0       1 + 0 / 1 "
        "27.99KiB 236B     success ",
        f"{IDS['qc_pre_process']} qc_pre_process/{IDS['qc_pre_process']} 11 seconds ago 3 seconds 0       1 + 0 / 1 "
        "4.586KiB 27.78KiB success ",
        f"{IDS['model']} model/{IDS['model']}          7 minutes ago  3 seconds 0       1 + 0 / 1 "
        "41.28KiB 207B     success ",
    ]


@pytest.mark.parametrize(
    ("fields", "cells"),
    [
        ({"state": pps.JOB_CREATED, "started": None, "finished": None}, ["-", "-", "0", "1 + 2 / 4", "starting"]),
        ({"state": pps.JOB_RUNNING, "finished": None}, ["9 seconds ago", "-", "0", "1 + 2 / 4", "running"]),
        ({"data_recovered": 1}, ["9 seconds ago", "3 seconds", "0", "1 + 2 + 1 / 4", "success"]),
        (
            {"state": pps.JOB_FAILURE, "reason": "datum 12 failed\n" + "x" * 50, "restart": 2},
            ["9 seconds ago", "3 seconds", "2", "1 + 2 / 4", "failure: datum 12 failed " + "x" * 24 + "..."],
        ),
        (
            {"state": pps.JOB_UNRUNNABLE, "reason": "no"},
            ["9 seconds ago", "3 seconds", "0", "1 + 2 / 4", "unrunnable: no"],
        ),
        (
            {"state": pps.JOB_KILLED, "reason": "job stopped"},
            ["9 seconds ago", "3 seconds", "0", "1 + 2 / 4", "killed: job stopped"],
        ),
        ({"state": pps.JOB_EGRESSING}, ["9 seconds ago", "3 seconds", "0", "1 + 2 / 4", "egressing"]),
        ({"state": pps.JOB_FINISHING}, ["9 seconds ago", "3 seconds", "0", "1 + 2 / 4", "finishing"]),
    ],
)
def test_job_rows(pachd: Pachd, fields: dict, cells: list[str]) -> None:
    pachd.pps.jobs = [job("model", 9, 3, (1, 2, 4), (0, 0), **fields)]
    header, row = pachd.ok("list-job").splitlines()
    names = ["STARTED", "DURATION", "RESTART", "PROGRESS", "DL", "UL", "STATE"]
    starts = [header.index(f" {name} ") + 1 for name in names] + [len(header)]
    found = [row[start:end].strip() for start, end in pairwise(starts)]
    assert found == [*cells[:4], "0B", "0B", cells[4]]


def test_list_job_selects(jobs: Pachd) -> None:
    assert len(jobs.ok("list-job", "-p", "model").splitlines()) == 2
    assert jobs.pps.requests[-1].history == -1
    for name in ("data", "model"):
        jobs.ok("create-repo", name)
    data = jobs.pfs.add_commit("data", {})
    jobs.ok("list-job", "-i", "data/master")
    assert list(jobs.pps.requests[-1].input_commit) == [data.commit]
    model = jobs.pfs.add_commit("model", {})
    jobs.pps.jobs[2].output_commit.id = model.commit.id
    assert len(jobs.ok("list-job", "-o", "model/master").splitlines()) == 2


def test_inspect_job(jobs: Pachd) -> None:
    info = jobs.pps.jobs[0]
    info.stats.process_time.CopyFrom(seconds(3))
    info.details.transform.image = "go-qc"
    info.details.input.pfs.repo = "qc_data"
    info.details.parallelism_spec.constant = 4
    info.details.resource_requests.memory = "64M"
    info.details.resource_requests.cpu = 0.5
    status = pps.WorkerStatus(worker_id="w1", job_id="j")
    status.datum_status.data.add(path="/1.json")
    status.datum_status.started.CopyFrom(ago(2))
    info.details.worker_status.append(status)
    assert jobs.ok("inspect-job", f"qcontrol@{IDS['qcontrol']}") == (
        f"ID: {IDS['qcontrol']}\nPipeline: qcontrol\nStarted: 6 seconds ago\nDuration: 4 seconds\nState: success\n"
        "Processed: 1\nFailed: 0\nSkipped: 0\nTotal: 1\nData Downloaded: 27.99KiB\nData Uploaded: 236B\n"
        "Download Time: -\nProcess Time: 3 seconds\nUpload Time: -\n"
        "Worker Status: \nWORKER JOB DATUM   STARTED       QUEUE \nw1     j   /1.json 2 seconds ago -     \n"
        "Restarts: 0\nParallelismSpec: constant: 4\nResourceRequests: CPU 0.5, Memory 64M\n"
        'Input: {\n  "pfs": {\n    "repo": "qc_data"\n  }\n}\n'
        'Transform: {\n  "image": "go-qc"\n}\n'
        f"Output Commit: qcontrol/{IDS['qcontrol']}\n"
    )


def test_inspect_job_gives_the_whole_reason(pachd: Pachd) -> None:
    reason = "datum " + "f" * 64 + " failed"
    pachd.pps.jobs = [job("model", 9, 3, (1, 0, 2), (0, 0), state=pps.JOB_FAILURE, reason=reason, data_failed=1)]
    text = pachd.ok("inspect-job", IDS["model"])
    assert f"State: failure\nReason: {reason}\n" in text


def test_inspect_job_says_why_nothing_was_done(pachd: Pachd) -> None:
    for name in ("qcontrol", "attributes"):
        pachd.ok("create-repo", name)
    pachd.pfs.add_commit("attributes", {"/1.json": b""})
    empty = pachd.pfs.add_commit("qcontrol", {})
    info = job("infer", 9, 3, (0, 0, 0), (0, 0))
    cross = info.details.input.cross
    cross.add().pfs.CopyFrom(pps.PFSInput(repo="attributes", glob="/*", commit="master"))
    cross.add().pfs.CopyFrom(pps.PFSInput(name="model", repo="qcontrol", glob="/*", commit=empty.commit.id))
    pachd.pps.jobs = [info]
    text = pachd.ok("inspect-job", IDS["infer"])
    assert "Reason: there were no datums to process: model has no file that matches /*\n" in text


def test_an_id_alone_means_every_job_that_has_it(jobs: Pachd) -> None:
    for info in jobs.pps.jobs:
        info.job.id = OTHER
    views = jobs.ok("inspect-job", OTHER).split("\n\n")
    assert [view.splitlines()[1] for view in views] == [
        "Pipeline: qcontrol",
        "Pipeline: qc_pre_process",
        "Pipeline: model",
    ]
    assert jobs.ok("inspect-job", OTHER, "--pipeline", "model").count("Pipeline: ") == 1
    jobs.ok("stop-job", OTHER)
    stopped = [request.job.pipeline.name for request in jobs.pps.requests if isinstance(request, pps.StopJobRequest)]
    assert stopped == ["qcontrol", "qc_pre_process", "model"]
    jobs.ok("delete-job", f"model@{OTHER}")
    assert isinstance(jobs.pps.requests[-1], pps.DeleteJobRequest)
    assert jobs.pps.requests[-1].job.pipeline.name == "model"
    jobs.ok("inspect-job", OTHER, "-b")
    assert jobs.pps.requests[-1].wait


@pytest.mark.parametrize("command", ["inspect-job", "stop-job", "delete-job", "list-datum"])
def test_no_such_job(jobs: Pachd, command: str) -> None:
    missing = jobs.run(command, OTHER)
    assert (missing.code, missing.err) == (4, f"job {OTHER} not found: pachctl list-job shows the jobs there are\n")
    named = jobs.run(command, f"model@{OTHER}")
    assert (named.code, named.err) == (4, f"jobs default/model@{OTHER} not found\n")
    odd = jobs.run(command, "model")
    assert (odd.code, odd.err) == (4, "job model not found: give an ID of pachctl list-job, or PIPELINE@ID\n")


def test_datums(jobs: Pachd) -> None:
    info = jobs.pps.jobs[2]
    states = [pps.SUCCESS, pps.SKIPPED, pps.FAILED, pps.UNKNOWN, pps.RECOVERED]
    jobs.pps.datums = [datum(info, number, state) for number, state in enumerate(states)]
    jobs.pps.datums[3].ClearField("stats")
    words = ["success", "skipped", "failed", "-", "recovered"]
    lines = jobs.ok("list-datum", IDS["model"]).splitlines()
    assert lines[0].split() == ["ID", "STATUS", "TIME"]
    assert [line.split(None, 2)[1] for line in lines[1:]] == words
    assert [line.split(None, 2)[2].strip() for line in lines[1:]] == ["1 second"] * 3 + ["-", "1 second"]
    paged = jobs.ok("list-datum", IDS["model"], "--pageSize", "2", "--page", "1").splitlines()
    assert [line.split()[1] for line in paged[1:]] == ["failed", "-"]
    assert jobs.run("list-datum", IDS["model"], "--pageSize", "-1").err == "pageSize must be zero or positive\n"
    assert json.loads(jobs.ok("list-datum", IDS["model"], "--raw", "--pageSize", "1"))["state"] == "SUCCESS"


def test_datums_of_several_jobs_are_named(jobs: Pachd) -> None:
    for info in jobs.pps.jobs:
        info.job.id = OTHER
    jobs.pps.datums = [datum(jobs.pps.jobs[0], 1, pps.SUCCESS)]
    text = jobs.ok("list-datum", OTHER)
    assert text.startswith(f"Job: qcontrol@{OTHER}\nID ")
    assert f"\n\nJob: model@{OTHER}\nID STATUS TIME \n" in text


def test_inspect_datum(jobs: Pachd) -> None:
    info = datum(jobs.pps.jobs[2], 1, pps.SUCCESS)
    jobs.pps.datums = [info]
    padding = " " * 28
    assert jobs.ok("inspect-datum", IDS["model"], info.datum.id) == (
        f"ID: {info.datum.id}\nJob ID: {IDS['model']}\nPipeline: model\nState: success\nData Downloaded: 166B\n"
        "Data Uploaded: 221B\nTotal Time: 1 second\nDownload Time: Less than a second\nProcess Time: 1 second\n"
        "Upload Time: Less than a second\nPFS State:\n"
        f"  REPO       COMMIT{padding[:27]}PATH{' ' * 66}\n  model.meta {IDS['model']} /pfs/{info.datum.id} \n"
        f"Inputs:\n  REPO       COMMIT{padding[:27]}PATH    \n"
        f"  attributes {info.data[0].file.commit.id} /1.json \n"
    )
    missing = jobs.run("inspect-datum", IDS["model"], "nope")
    assert (missing.code, missing.err) == (4, f"datum nope not found in job {IDS['model']}\n")


def test_restart_datum(jobs: Pachd) -> None:
    jobs.ok("restart-datum", IDS["model"], "/a,/b")
    assert list(jobs.pps.requests[-1].data_filters) == ["/a", "/b"]
    none = jobs.run("restart-datum", IDS["model"], "/none")
    assert none.code == 1
    assert none.err.startswith("datum matching filter [/none] could not be found")
    assert jobs.run("restart-datum", IDS["model"], ",").code == 2


@pytest.fixture
def logs(jobs: Pachd) -> Pachd:
    """A job that printed two lines, and whose worker printed one."""
    jobs.pps.lines = [
        pps.LogMessage(message="hello", user=True),
        pps.LogMessage(message="the worker's", user=False),
        pps.LogMessage(message="world", user=True),
    ]
    return jobs


def test_get_logs(logs: Pachd) -> None:
    assert logs.ok("get-logs", "--job", IDS["model"]) == "hello\nworld\n"
    assert logs.pps.requests[-1] == pps.GetLogsRequest(pipeline=named("model"), job=logs.pps.jobs[2].job)
    assert logs.ok("get-logs", "-p", "model", "--worker") == "hello\nthe worker's\nworld\n"
    assert logs.ok("get-logs") == "hello\nthe worker's\nworld\n"
    assert logs.ok("get-logs", "-p", "model", "--raw").count('"message"') == 3


def test_get_logs_sends_its_flags(logs: Pachd) -> None:
    words = ["--job", f"model@{IDS['model']}", "--datum", "d1", "--inputs", "/a,/b", "--master", "-f", "-t", "5"]
    logs.ok("get-logs", *words)
    sent = logs.pps.requests[-1]
    assert (sent.master, sent.follow, sent.tail, sent.datum.id) == (True, True, 5, "d1")
    assert list(sent.data_filters) == ["/a", "/b"]


def test_get_logs_follows_one_job_only(logs: Pachd) -> None:
    for info in logs.pps.jobs:
        info.job.id = OTHER
    assert logs.ok("get-logs", "--job", OTHER) == "hello\nworld\n" * 3
    several = logs.run("get-logs", "--job", OTHER, "-f")
    assert several.code == 2
    assert "(qcontrol, qc_pre_process, model)" in several.err


def test_output_commit_without_a_commit(pachd: Pachd) -> None:
    pachd.pps.jobs = [job("model", 9, 3, (0, 0, 0), (0, 0), output_commit=pfs.Commit())]
    assert " model/- " in pachd.ok("list-job")
    pachd.pps.jobs[0].output_commit.CopyFrom(commit_message("model", OTHER, "user"))
    assert f" model/{OTHER} " in pachd.ok("list-job")
