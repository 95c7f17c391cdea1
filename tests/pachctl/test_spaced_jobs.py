"""Jobs, datums and logs in the spaced grammar: tables and views of scripted answers, and what is sent."""

from __future__ import annotations

import pytest

from trunkline.wire import pps_pb2 as pps

from .conftest import Pachd
from .samples import IDS, datum, job, named, tutorial_jobs

MODEL = f"model@{IDS['model']}"


@pytest.fixture
def jobs(pachd: Pachd) -> Pachd:
    """The jobs of the tutorial."""
    pachd.pps.jobs = tutorial_jobs()
    return pachd


def test_list_job_of_a_pipeline(jobs: Pachd) -> None:
    assert jobs.ok("list", "job", "-p", "model") == (
        "PROJECT PIPELINE ID                               STARTED       DURATION  RESTART PROGRESS  DL       UL   "
        "STATE   \n"
        f"default model    {IDS['model']} 7 minutes ago 3 seconds 0       1 + 0 / 1 41.28KiB 207B success \n"
    )
    assert jobs.pps.requests[-1].history == 0
    jobs.ok("list", "jobs", "-p", "model", "--history", "all", "-A")
    assert jobs.pps.requests[-1].history == -1
    assert not jobs.pps.requests[-1].projects
    assert len(jobs.ok("list", "job", "-x", "--state", "success").splitlines()) == 4
    assert len(jobs.ok("list", "job", "-x", "--state", "failure").splitlines()) == 1
    assert len(jobs.ok("list", "job", IDS["model"]).splitlines()) == 2


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"state": pps.JOB_FAILURE, "reason": "x" * 30}, f"failure: {'x' * 25}..."),
        ({"state": pps.JOB_FAILURE, "reason": "short"}, "failure: short"),
        ({"state": pps.JOB_CREATED}, "-"),
        ({"data_processed": 0, "data_skipped": 0, "data_total": 0}, "success: there were no datums to process"),
        ({"state": pps.JOB_RUNNING}, "running"),
    ],
)
def test_states_of_jobs(pachd: Pachd, fields: dict, state: str) -> None:
    pachd.pps.jobs = [job("model", 9, 3, (1, 2, 4), (0, 0), **fields)]
    assert pachd.ok("list", "job", "-p", "model").splitlines()[1].rstrip().endswith(f" {state}")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["list", "job", "--state", "running"], "cannot specify '--state' when listing all jobs"),
        (["list", "job", "--history", "1"], "cannot specify '--history' when listing all jobs"),
        (
            ["list", "job", IDS["model"], "-p", "x"],
            f"cannot specify '--pipeline' when listing the jobs of {IDS['model']}",
        ),
        (["list", "job", "-p", "x", "--history", "some"], 'invalid history "some": give none, all or a number'),
        (["inspect", "job", "@x"], 'invalid format "@x": pipeline must be specified'),
        (["inspect", "job", "x"], 'invalid format "x": expected pipeline@job-id'),
        (
            ["inspect", "job", IDS["model"]],
            f'Use "list job {IDS["model"]}" to see jobs with a given ID across different pipelines',
        ),
        (["list", "datum"], "must specify either a job or a pipeline spec"),
        (["list", "datum", MODEL, "-f", "x"], "can't specify both a job and a pipeline spec"),
        (["logs", "-t", "3"], "tail has been deprecated and removed from Pachyderm, use --since instead"),
        (["logs", "-p", "a", "-j", MODEL], "only one of pipeline or job should be specified"),
        (["logs", "-j", "x"], 'invalid format "x": expected pipeline@job-id'),
    ],
)
def test_words_that_are_refused(jobs: Pachd, words: list[str], error: str) -> None:
    assert jobs.run(*words)[:3] == (1, "", f"{error}\n")


def test_inspect_and_wait(jobs: Pachd) -> None:
    text = jobs.ok("inspect", "job", MODEL)
    assert text.startswith(f"ID: {IDS['model']}\nPipeline: model\nProject: default\nStarted: 7 minutes ago\n")
    assert f"Output Commit: model@{IDS['model']}\n" in text
    assert "Processed: 1\nFailed: 0\nSkipped: 0\nRecovered: 0\nTotal: 1\n" in text
    assert '"pipeline_version"' not in jobs.ok("inspect", "job", MODEL, "--raw")
    assert '"output_commit"' in jobs.ok("inspect", "job", MODEL, "--raw")
    assert len(jobs.ok("wait", "job", MODEL).splitlines()) == 2
    assert jobs.pps.requests[-1].wait
    missing = jobs.run("wait", "job", IDS["infer"])
    assert (missing.code, missing.err.split(":")[0]) == (1, f"no jobs found for ID {IDS['infer']}")


def test_stop_and_delete(jobs: Pachd) -> None:
    wanted = pps.Job(pipeline=named("model"), id=IDS["model"])
    jobs.ok("stop", "job", MODEL)
    assert jobs.pps.requests[-1] == pps.StopJobRequest(job=wanted)
    jobs.ok("delete", "job", MODEL)
    assert jobs.pps.requests[-1].job == wanted


def test_datums(jobs: Pachd) -> None:
    model = jobs.pps.jobs[2]
    jobs.pps.datums = [datum(model, 1, pps.SUCCESS), datum(model, 2, pps.FAILED), datum(model, 3, pps.SKIPPED)]
    commit = "c" * 12 + "4" + "c" * 19
    listed = jobs.ok("list", "datum", MODEL).splitlines()
    assert listed[0].split() == ["ID", "FILES", "STATUS", "TIME"]
    assert listed[1] == f"{1:064x} attributes@{commit}:/1.json success 1 second "
    assert [line.split()[2] for line in listed[1:]] == ["success", "failed", "skipped"]
    text = jobs.ok("inspect", "datum", MODEL, f"{1:064x}")
    assert text.startswith(f"ID\t{1:064x}\nJob ID\t{IDS['model']}\nImage ID\t\nState\tSUCCESS\n")
    assert "Total Time\t1.5s\n" in text
    assert f"attributes {commit} /1.json" in text
    jobs.ok("restart", "datum", MODEL, "/1.json,/2.json")
    assert list(jobs.pps.requests[-1].data_filters) == ["/1.json", "/2.json"]
    assert "/none" in jobs.run("restart", "datum", MODEL, "/none").err
    assert jobs.run("restart", "datum", MODEL, ",").code == 1


def test_logs(jobs: Pachd) -> None:
    jobs.pps.lines = [
        pps.LogMessage(message="from user code\n", user=True),
        pps.LogMessage(message="from the worker"),
    ]
    assert jobs.ok("logs", "-p", "model") == "from user code\n"
    assert jobs.pps.requests[-1].since.seconds == 24 * 3600
    assert jobs.ok("logs", "--job", MODEL, "--worker") == "from the worker\n"
    assert jobs.ok("logs", "--since", "1h30m") == "from user code\nfrom the worker\n"
    assert jobs.pps.requests[-1].since.seconds == 5400
    assert jobs.ok("logs", "-j", MODEL, "--raw").count('"message"') == 1
    assert jobs.ok("logs", "-p", "model", "--master").count("from") == 2
    wrong = jobs.run("logs", "--since", "soon")
    assert (wrong.code, wrong.err.splitlines()[0]) == (
        1,
        "invalid value for '--since': 'soon' is not a length of time such as 90s, 5m or 1h30m",
    )
