"""flush-commit, flush-job and subscribe-commit: what they find, and what they leave out."""

from __future__ import annotations

import pytest

from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

from .conftest import Pachd
from .fake_pfs import commit_message, stamp


@pytest.fixture
def chain(pachd: Pachd) -> dict[str, str]:
    """data → model → infer in one set; and a later commit of `report`, in another set, that read `model`."""
    for name in ("data", "model", "infer", "report"):
        pachd.ok("create-repo", name)
    data = pachd.pfs.add_commit("data", {"/a": b"x"})
    same = data.commit.id

    def member(repo: str, kind: str, *provenance: pfs.Commit, set_id: str = same) -> pfs.CommitInfo:
        now = stamp(pachd.clock.now())
        commit = commit_message(repo, set_id, kind)
        info = pfs.CommitInfo(commit=commit, started=now, finished=now, direct_provenance=provenance)
        pachd.pfs.commits.append(info)
        pachd.pfs.files[repo, set_id] = {}
        return info

    # Downstream first: the order in which members come must not matter.
    infer = member("infer", "user", commit_message("model", same))
    member("model", "meta", data.commit)
    model = member("model", "user", data.commit)
    later = "b" * 12 + "4" + "b" * 19
    report = member("report", "user", model.commit, set_id=later)
    model.direct_subvenance.extend([infer.commit, report.commit])
    stats = pps.ProcessStats()
    for repo, set_id in (("model", same), ("infer", same), ("report", later), ("other", same)):
        job = pps.Job(pipeline=pps.Pipeline(name=repo), id=set_id)
        output = commit_message(repo, set_id)
        pachd.pps.jobs.append(pps.JobInfo(job=job, output_commit=output, state=pps.JOB_SUCCESS, stats=stats))
    return {"same": same, "later": later}


def first_cells(text: str) -> list[str]:
    """The first column, without the header."""
    return [line.split()[0] for line in text.splitlines()[1:]]


def test_flush_commit_finds_everything_downstream(pachd: Pachd, chain: dict[str, str]) -> None:
    assert first_cells(pachd.ok("flush-commit", "data/master")) == ["model", "infer", "report"]
    waits = [request for request in pachd.pfs.requests if isinstance(request, pfs.InspectCommitSetRequest)]
    assert waits == [pfs.InspectCommitSetRequest(commit_set=pfs.CommitSet(id=chain["same"]), wait=True)]
    assert pachd.pfs.requests[-1].wait == pfs.FINISHED


def test_flush_commit_of_some_repos(pachd: Pachd, chain: dict[str, str]) -> None:
    assert first_cells(pachd.ok("flush-commit", "data/master", "-r", "report", "-r", "infer")) == ["infer", "report"]
    assert first_cells(pachd.ok("flush-commit", f"model/{chain['same']}")) == ["infer", "report"]
    assert pachd.ok("flush-commit", f"report/{chain['later']}") == "REPO ID PARENT STARTED DURATION SIZE \n"


def test_flush_commit_wants_repo_and_commit(pachd: Pachd, chain: dict[str, str]) -> None:
    wrong = pachd.run("flush-commit", "data")
    assert (wrong.code, wrong.err) == (2, 'invalid format "data": give REPO/COMMIT\n')
    none = pachd.run("flush-commit")
    assert none.err.startswith("expected at least 1 arguments, got 0\n\nUsage: ")
    assert pachd.run("flush-commit", "data/dev").code == 4


def test_flush_job_lists_jobs_of_downstream_commits_only(pachd: Pachd, chain: dict[str, str]) -> None:
    text = pachd.ok("flush-job", "data/master")
    outputs = [line.split()[1].split("/")[0] for line in text.splitlines()[1:]]
    assert sorted(outputs) == ["infer", "model", "report"]
    only = pachd.ok("flush-job", "data/master", "-p", "infer")
    assert first_cells(only) == [chain["same"]]


def test_subscribe_commit(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    commits = [pachd.pfs.add_commit("data", {}).commit.id for _ in range(3)]

    def seen(*words: str) -> list[str]:
        return [line.split()[1] for line in pachd.ok("subscribe-commit", "data", "master", *words).splitlines()[1:]]

    assert seen() == commits
    assert seen("--from", commits[0]) == commits[1:]
    assert seen("--from", "master^") == commits[2:]
    assert seen("--new") == []
    assert pachd.pfs.requests[-1].state == pfs.FINISHED
    both = pachd.run("subscribe-commit", "data", "master", "--new", "--from", "master")
    assert (both.code, both.err) == (2, "--new and --from cannot both be provided\n")


def test_subscribe_to_what_is_not_there(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    assert pachd.run("subscribe-commit", "data", "master", "--new").code == 0
    assert pachd.run("subscribe-commit", "nope", "master", "--new").code == 4
