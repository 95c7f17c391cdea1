"""Bad input gets a clear error and loses nothing: each line of that list, typed by a user."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from tests.bad_input.conftest import Terminal

from trunkline.wire import pfs_pb2, pfs_pb2_grpc, pps_pb2, pps_pb2_grpc

MISSING = "0" * 12 + "4" + "0" * 19

MISSING_THINGS = [
    ("pachctl inspect-repo nope", "repo default/nope not found"),
    ("pachctl list-file nope master", "repo default/nope not found"),
    ("printf x | pachctl put-file nope master f", "repo default/nope not found"),
    ("pachctl list-commit data nope", 'branch "nope" not found in repo default/data'),
    ("pachctl get-file data nope a", 'branch "nope" not found in repo default/data'),
    (f"pachctl inspect-commit data {MISSING}", f"commit default/data@{MISSING} not found"),
    ("pachctl inspect-commit data master^9", "not found"),
    ("pachctl get-file data master nope", "file nope not found in repo default/data"),
    ("pachctl inspect-file data master nope", "not found"),
    ("pachctl inspect-pipeline nope", 'pipeline "default/nope" not found'),
    ("pachctl start-pipeline nope", 'pipeline "default/nope" not found'),
    ("pachctl delete-pipeline nope", "not found"),
    (f"pachctl inspect-job {MISSING}", "not found"),
    (f"pachctl inspect-job copy@{MISSING}", "not found"),
    (f"pachctl stop-job copy@{MISSING}", "not found"),
    (f"pachctl get-logs --job copy@{MISSING}", "not found"),
    ("pachctl delete-branch data nope", 'branch "nope" not found in repo default/data'),
]

FORBIDDEN_NAMES = [
    ("pachctl create-repo 'a b'", "only alphanumeric characters, underscores, and dashes are allowed"),
    ("pachctl create-repo a/b", "only alphanumeric characters, underscores, and dashes are allowed"),
    ("pachctl create-repo ''", "only alphanumeric characters, underscores, and dashes are allowed"),
    ("pachctl create-repo __filesets__", "reserved name"),
    ("pachctl create-branch data 'x y' --head master", "only alphanumeric characters"),
    (f"pachctl create-branch data {MISSING} --head master", "branch name cannot be a UUID V4"),
]

REFUSED_WRITES = [
    ("pachctl create-repo data", "repo default/data already exists"),
    ("printf x | pachctl put-file copy master f", "cannot start a commit on an output branch"),
    ("pachctl start-commit copy master", "cannot start a commit on an output branch"),
    ("printf x | pachctl put-file data master ../x", "relative file paths are not allowed"),
    ("printf x | pachctl put-file data master d/../../x", "relative file paths are not allowed"),
    ("printf x | pachctl put-file data master ''", "path"),
    ("printf x | pachctl put-file data master /", "path"),
    ("printf x | pachctl put-file data master a/below", "collision (/a)"),
    ("printf x | pachctl put-file data master dir", "collision (/dir)"),
    ("pachctl start-commit data open", "has not been finished"),
    ("pachctl finish-commit data master", "has already finished"),
    ("pachctl delete-repo data", "cannot be deleted because it's in the direct provenance of"),
    ("pachctl delete-branch data master", "cannot be deleted because it's in the direct provenance of"),
    ("pachctl glob-file data master '/[a'", "does not parse"),
]


@pytest.mark.parametrize(("line", "says"), MISSING_THINGS + FORBIDDEN_NAMES + REFUSED_WRITES)
def test_a_command_that_cannot_work_says_why(terminal: Terminal, line: str, says: str) -> None:
    before = _state(terminal)
    terminal.fails(line, says=says)
    assert _state(terminal) == before


def test_a_finished_commit_cannot_be_written(terminal: Terminal) -> None:
    commit = terminal.raw("pachctl inspect-commit data master")[0]["commit"]["id"]
    terminal.fails(f"printf x | pachctl put-file data {commit} f", says="has already finished")


def _spec(**change: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "pipeline": {"name": "bad"},
        "transform": {"image": "none", "cmd": ["true"]},
        "input": {"atom": {"repo": "data", "glob": "/*"}},
    }
    spec.update(change)
    return {key: value for key, value in spec.items() if value is not None}


def _atom(**fields: str) -> dict[str, Any]:
    return {"atom": {"glob": "/*", **fields}}


BAD_SPECS = [
    ("{ not json", "malformed pipeline spec"),
    ('{"pipeline": {"name": "bad"}', "malformed pipeline spec"),
    (_spec(pipeline=None), "Pipeline cannot be nil"),
    (_spec(pipeline={}), "invalid pipeline name"),
    (_spec(pipeline={"name": "no good"}), "invalid pipeline name"),
    (_spec(input=None), "input"),
    (_spec(input={"atom": {"repo": "data"}}), "input must specify a glob"),
    (_spec(input={"atom": {"glob": "/*"}}), "input must specify a repo"),
    (_spec(paralelism={"constant": 1}), "paralelism"),
    (_spec(input=_atom(repo="data", globb="/")), "globb"),
    (_spec(input=_atom(repo="nope")), "repo default/nope not found"),
    (_spec(input={"atom": {"repo": "data", "glob": "/[a"}}), "does not parse"),
    (_spec(input=_atom(repo="bad")), "bad"),
    (_spec(pipeline={"name": "copy"}), 'pipeline "default/copy" already exists'),
    (_spec(pipeline={"name": "other"}), "a repo with the same name already exists"),
    (_spec(input={"cross": [_atom(repo="data"), _atom(repo="data")]}), 'name "data" was used more than once'),
    (_spec(datum_tries=0, parallelism_spec={"constant": "many"}), "constant"),
    (_spec(service={"internal_port": 80, "type": "Ingress"}), "service type"),
]


@pytest.mark.parametrize(("spec", "says"), BAD_SPECS, ids=[says for _, says in BAD_SPECS])
def test_a_pipeline_file_that_is_wrong(terminal: Terminal, spec: Any, says: str) -> None:
    before = _state(terminal)
    text = spec if isinstance(spec, str) else json.dumps(spec)
    (terminal.work / "bad.json").write_text(text)
    terminal.fails("pachctl create-pipeline -f bad.json", says=says)
    assert _state(terminal) == before


def test_a_cycle_of_pipelines(terminal: Terminal) -> None:
    (terminal.work / "after.json").write_text(json.dumps(_spec(pipeline={"name": "after"}, input=_atom(repo="copy"))))
    terminal.run("pachctl create-pipeline -f after.json")
    terminal.run("pachctl flush-commit copy/master")
    terminal.until("pachctl list-pipeline", lambda out: out.count("running") == 2, "both pipelines run")
    cycle = _spec(pipeline={"name": "copy"}, input=_atom(repo="after"))
    (terminal.work / "cycle.json").write_text(json.dumps(cycle))
    before = _state(terminal)
    terminal.fails("pachctl update-pipeline -f cycle.json", says="cycle")
    assert _state(terminal) == before
    terminal.run("pachctl delete-pipeline after")


def test_a_file_that_is_not_there(terminal: Terminal) -> None:
    terminal.fails("pachctl put-file data master x -f nowhere.csv", says="nowhere.csv")
    terminal.fails("pachctl create-pipeline -f nowhere.json", says="nowhere.json")
    terminal.fails("pachctl get-file data master / -o out", says="-r")


def _state(terminal: Terminal) -> list[bytes]:
    """What a refused command must leave as it was; asked without pachctl, because that takes a moment each time."""
    address = json.loads((terminal.home / "run" / "pachd.json").read_text())["address"]
    with grpc.insecure_channel(address) as channel:
        files, pipelines = pfs_pb2_grpc.APIStub(channel), pps_pb2_grpc.APIStub(channel)
        answers = [
            *files.ListRepo(pfs_pb2.ListRepoRequest()),
            *files.ListCommit(pfs_pb2.ListCommitRequest()),
            *files.ListBranch(pfs_pb2.ListBranchRequest()),
            *pipelines.ListPipeline(pps_pb2.ListPipelineRequest()),
        ]
    return [answer.SerializeToString() for answer in answers]
