"""lineage and explain, from the command line, over pipelines that real workers ran: the example's stages, in small."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from tests.pachctl.conftest import Result, invoke

from trunkline.kernel.config import Settings
from trunkline.pachd.daemon import Pachd

STAGES = {
    "model": ({"pfs": {"repo": "training", "glob": "/"}}, "cat /pfs/training/* > /pfs/out/model"),
    "infer": (
        {"cross": [{"pfs": {"repo": "attributes", "glob": "/*"}}, {"pfs": {"repo": "model", "glob": "/"}}]},
        "for one in /pfs/attributes/*; do cat /pfs/model/model $one > /pfs/out/$(basename $one); done",
    ),
}


class Place:
    """A pachd with the stages, and clients of both kinds."""

    def __init__(self, daemon: Pachd) -> None:
        assert daemon._record is not None
        self.address = daemon._record.address
        host, _, port = self.address.rpartition(":")
        self.client = Client(host=host, port=int(port))

    def pachctl(self, *words: str) -> Result:
        return invoke(words, {"PACHD_ADDRESS": self.address, "HOME": "/nonexistent"})

    def put(self, repo: str, **files: str) -> str:
        with self.client.pfs.commit(branch=pfs.Branch.from_uri(f"{repo}@master")) as commit:
            for name, text in files.items():
                commit.put_file_from_bytes(path=f"/{name}", data=text.encode())
        return str(commit.id)

    def settle(self) -> None:
        for name in STAGES:
            self.client.pfs.wait_commit(pfs.Commit.from_uri(f"{name}@master"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    settings = Settings(home=tmp_path / "home", port=0, max_workers=1, passed_on={"PATH": "/usr/bin:/bin"})
    daemon = Pachd(settings, threading.Event())
    daemon.start()
    made = Place(daemon)
    for repo in ("training", "attributes"):
        made.client.pfs.create_repo(repo=pfs.Repo(name=repo))
    for name, (given, script) in STAGES.items():
        made.client.pps.create_pipeline(
            pipeline=pps.Pipeline(name=name),
            transform=pps.Transform(cmd=["sh"], stdin=[script]),
            input=pps.Input().from_dict(given),
        )
    yield made
    daemon.stop()


def test_a_prediction_leads_back_to_its_data_and_data_lead_to_predictions(place: Place) -> None:
    trained = place.put("training", a="1\n", b="2\n")
    first = place.put("attributes", one="x\n")
    place.settle()
    second = place.put("attributes", two="y\n")
    place.settle()

    up = place.pachctl("lineage", "infer@master:/one")
    assert up.code == 0, up.err
    lines = up.out.splitlines()
    assert lines[0] == f"infer@{second}:/one (6B)"
    assert f"of infer@{second}, skipped; ran in infer@{first}, version 1, code ubuntu:20.04" in lines[1]
    for words in (f"/pfs/attributes: attributes@{second}:/one (2B)", f"model@{trained}:/model (4B)"):
        assert sum(words in line for line in lines) == 1, up.out
    for name in "ab":
        assert sum(f"training@{trained}:/{name} (2B)" in line for line in lines) == 1, up.out
    assert place.pachctl("lineage", "infer", "master", "/one").out == up.out

    down = place.pachctl("lineage", "--downstream", "training@master:/b")
    assert [line.split("@")[0].strip(" │├└─") for line in down.out.splitlines() if "datum" not in line] == [
        "training",
        "model",
        *["infer"] * 3,
    ], down.out
    shallow = place.pachctl("lineage", "--downstream", "training@master:/b", "--depth", "1")
    assert "infer" not in shallow.out
    raw = place.pachctl("lineage", "infer@master:/one", "--raw", "-o", "json").out
    messages, _ = json.JSONDecoder().raw_decode(f"[{raw.replace('}{', '},{')}]")
    assert messages[-1] == {"end": {"files": "5", "datums": "2"}}
    assert messages[1]["datum"]["run"]["job"]["id"] == first

    assert place.pachctl("lineage", "infer@master:/none").err.startswith("file /none not found in repo")
    assert "depth is -1" in place.pachctl("lineage", "infer@master:/one", "--depth", "-1").err
    assert "REPO COMMIT PATH" in place.pachctl("lineage", "infer", "master").err


def test_jobs_are_explained_before_and_after_they_run(place: Place) -> None:
    place.put("training", a="1\n")
    first = place.put("attributes", one="x\n")
    place.settle()
    second = place.put("attributes", one="y\n", two="z\n")
    place.settle()

    ran = place.pachctl("explain", "infer@master")
    assert ran.code == 0, ran.err
    assert f"infer@{second} (version 1) success" in ran.out
    assert f"builds on job {first}" in ran.out
    assert "2 datums: 1 changed, 1 new; 2 ran" in ran.out or "2 datums: 1 new, 1 changed; 2 ran" in ran.out, ran.out
    assert f"/attributes/one: attributes@{second}, before {first}" in ran.out
    assert f"/attributes/two: attributes@{second}, was not there" in ran.out
    assert "with /model/" in ran.out
    for words in (["explain", "infer", "master"], ["explain", f"infer@{second}"]):
        assert place.pachctl(*words).out == ran.out
    assert place.pachctl("explain", second).out == ran.out, "model has no job of this id"
    assert len(place.pachctl("explain", "infer@master", "--number", "1").out.splitlines()) < len(ran.out.splitlines())

    back = place.pachctl("explain", "attributes@master", "--head", "master^")
    assert back.out.splitlines()[0] == "infer would run (version 1)"
    assert "1 datum: 1 changed, 1 gone; 1 known, skipped" in back.out
    jobs = [job.job.id for job in place.client.pps.list_job()]
    assert place.pachctl("explain", "attributes@master", "--head", "master").out == "no job: nothing comes of it\n"
    assert jobs == [job.job.id for job in place.client.pps.list_job()]

    opened = place.client.pfs.start_commit(branch=pfs.Branch.from_uri("training@master"))
    place.client.pfs.put_file_from_bytes(commit=opened, path="/b", data=b"2\n")
    ahead = place.pachctl("explain", "training@master").out
    assert f"default/training@{opened.id} is open: it waits for finish commit" in ahead
    assert "1 datum: 1 changed; 1 to run" in ahead
    assert "/training/: training@" in ahead
    assert ": /b\n" in ahead
    assert f"job default/model@{opened.id} is" in ahead
    raw = place.pachctl("explain", "training@master", "--raw")
    assert '"cause": "CHANGED"' in raw.out
    place.client.pfs.finish_commit(commit=opened)
    place.settle()
    assert "1 ran" in place.pachctl("explain", f"model@{opened.id}").out

    assert "give ID, PIPELINE@ID" in place.pachctl("explain", "nothing").err
    assert place.pachctl("explain", "none@master").code == 1
    assert "number is -1" in place.pachctl("explain", "infer@master", "--number", "-1").err
    assert "give the id of a datum" in place.pachctl("explain", "infer@master", "--after", "x").err
    refused = place.pachctl("explain", "infer@master", "--head", "master^")
    assert "ask about the branch of an input" in refused.err


def test_a_job_that_failed_says_of_what_and_those_behind_it_say_so_too(place: Place) -> None:
    place.client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="model"),
        transform=pps.Transform(cmd=["sh"], stdin=["echo broken >&2; exit 3"]),
        input=pps.Input().from_dict(STAGES["model"][0]),
        update=True,
    )
    place.put("attributes", one="x\n")
    failed = place.put("training", a="1\n")
    place.settle()
    out = place.pachctl("explain", failed).out
    assert f"model@{failed} (version 2) failure" in out
    assert "failed after 3 tries" in out
    assert f"infer@{failed} (version 1) unrunnable" in out
    assert f"default/model@{failed} has an error" in out
