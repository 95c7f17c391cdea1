from __future__ import annotations

import json
from typing import Any

import pytest
from tests.pps.world import pfs_input, spec_of

from trunkline.kernel.errors import InvalidRequest, NotBuilt, Refused, TrunklineError
from trunkline.pps import effective, inputs, spec, validate
from trunkline.pps.spec import Input, PipelineName, PipelineSpec


def completed(text: str) -> PipelineSpec:
    found = validate.complete(effective.make(text).spec)
    validate.check(found)
    return found


def refused(text: str, kind: type[TrunklineError] = Refused) -> str:
    with pytest.raises(kind) as error:
        completed(text)
    assert type(error.value) is kind
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_pipeline_files_of_the_tutorial_are_fine_after_their_dialect_is_read() -> None:
    found = completed(
        spec_of(
            "infer",
            {"cross": [pfs_input("attributes"), pfs_input("qcontrol", "/")]},
            parallelism_spec={"constant": "10"},
            transform={"image": "x/goregpredict", "cmd": ["/infer", "-inModelDir=/pfs/model"]},
        )
    )
    assert found.parallelism == 10
    assert found.transform is not None
    assert found.transform.image == "x/goregpredict"


def test_defaults_are_filled_in() -> None:
    found = completed(spec_of("edges", pfs_input("images", "*")))
    assert found.input is not None
    assert found.input.pfs == spec.PfsInput(
        project="default", name="images", repo="images", repo_type="user", branch="master", glob="/*"
    )
    assert found.output_branch == "master"
    assert found.datum_tries == 3
    assert found.reprocess_spec == "until_success"
    assert found.name == PipelineName(name="edges", project=spec.ProjectName(name="default"))
    assert found.transform is not None
    assert found.transform.image == "ubuntu:20.04"
    assert found.parallelism == 1


def test_inputs_take_the_project_of_their_pipeline() -> None:
    text = json.dumps(
        {"pipeline": {"name": "p", "project": {"name": "other"}}, "input": pfs_input("a"), "transform": {}}
    )
    found = completed(text)
    assert [str(branch) for branch in inputs.branches(found.input or Input())] == ["other/a@master"]


def test_the_parts_of_an_input_are_sorted_by_name_at_every_level() -> None:
    given = {"cross": [pfs_input("z"), {"union": [pfs_input("y"), pfs_input("b")]}, pfs_input("q", name="a")]}
    found = completed(spec_of("p", given)).input or Input()
    assert [leaf.name for leaf in inputs.leaves(found)] == ["a", "b", "y", "z"]
    assert [len(part.union) for part in found.cross] == [0, 2, 0]


def test_what_concerns_one_request_is_not_kept_and_a_salt_is() -> None:
    found = completed(spec_of("p", "a", update=True, reprocess=True, dryRun=False, salt="s"))
    assert (found.update, found.reprocess, found.dry_run, found.salt) == (False, False, False, "s")


def test_a_completed_spec_stays_as_it_is() -> None:
    found = completed(spec_of("p", {"cross": [pfs_input("b"), pfs_input("a")]}, datumTries=5))
    assert validate.complete(found) == found


CLUSTER = {
    "resourceRequests": {"cpu": 0.5, "memory": "64M", "disk": "1Gi", "gpu": {"type": "t", "number": 1}},
    "sidecarResourceLimits": {"memory": "1.5Gi"},
    "schedulingSpec": {"nodeSelector": {"a": "b"}, "priorityClassName": "high"},
    "tolerations": [{"key": "k", "operator": "EXISTS"}],
    "podSpec": '{"a": 1}',
    "podPatch": "[]",
    "metadata": {"labels": {"a": "b"}},
    "description": "text",
    "datumSetSpec": {"number": 10, "perWorker": "2"},
    "datumTimeout": "600s",
    "jobTimeout": "1.5s",
}


def test_what_only_a_cluster_honours_is_kept() -> None:
    found = completed(spec_of("p", "a", **CLUSTER))
    again = json.loads(spec.encode(found))
    assert {name: again[name] for name in CLUSTER if name != "datumSetSpec"} == {
        name: value for name, value in CLUSTER.items() if name != "datumSetSpec"
    }


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a b", "invalid pipeline name: name (a b) invalid: only alphanumeric characters, underscores, and dashes"),
        ("", "invalid pipeline name: name () invalid"),
        ("_a", "pipeline names must start with an alphanumeric character"),
        ("a" * 52, f'pipeline name "{"a" * 52}" is 1 characters longer than the 51 max'),
    ],
)
def test_names(name: str, says: str) -> None:
    assert says in refused(spec_of(name, "a"))


def test_a_name_that_is_too_long_with_its_project() -> None:
    given = json.loads(spec_of("a" * 51, "a")) | {"pipeline": {"name": "a" * 51, "project": {"name": "defaults"}}}
    assert refused(json.dumps(given)).endswith("is 1 characters longer than the 63 max")


def test_a_spec_without_a_pipeline() -> None:
    assert refused('{"input": {"pfs": {"repo": "a", "glob": "/"}}}') == "request.Pipeline cannot be nil"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "no input set"),
        ({"cross": []}, "no input set"),
        ({"pfs": {"repo": "a", "glob": "/"}, "cross": [pfs_input("b")]}, "multiple input types set"),
        ({"cross": [pfs_input("b")], "union": [pfs_input("c")]}, "multiple input types set"),
        ({"pfs": {"glob": "/"}}, "input must specify a repo"),
        (
            {"pfs": {"repo": "out", "glob": "/"}},
            "inputs based on repos named \"out\" must have 'name' set, as pachyderm already creates /pfs/out to "
            "collect job output",
        ),
        ({"pfs": {"repo": "a"}}, "input must specify a glob"),
        (
            pfs_input("a", commit="x"),
            "input cannot come from a commit; use a branch with head pointing to the commit",
        ),
        (pfs_input("a", name="out"), "input cannot be named out"),
        (pfs_input("a", name=".env"), "input cannot be named .env"),
        ({"cross": [pfs_input("a"), pfs_input("b", name="a")]}, 'name "a" was used more than once'),
        (
            {"cross": [{"union": [pfs_input("a"), pfs_input("b")]}, pfs_input("c", name="b")]},
            'name "b" was used more than once',
        ),
        (
            {"union": [{"cross": [pfs_input("a"), pfs_input("b", name="a")]}, pfs_input("c")]},
            'name "a" was used more than once',
        ),
        (pfs_input("a", branch="x y"), 'input.pfs.branch of "a": name (x y) invalid'),
        (pfs_input("p"), "input.pfs.repo names default/p, the pipeline's own output repo"),
        ({"cross": [pfs_input("a"), pfs_input("p", name="b")]}, "the pipeline's own output repo"),
    ],
)
def test_inputs_that_break_a_rule(given: dict[str, Any], says: str) -> None:
    assert says in refused(spec_of("p", given))


def test_a_missing_input_says_what_to_give() -> None:
    said = refused('{"pipeline": {"name": "p"}, "transform": {"cmd": ["x"]}}')
    assert said.startswith("no input set")
    assert '{"pfs": {"repo": "images", "glob": "/*"}}' in said


def test_alternatives_of_a_union_may_share_a_name() -> None:
    given = {"union": [pfs_input("a", name="x"), pfs_input("b", name="x")]}
    found = completed(spec_of("p", given)).input or Input()
    assert [leaf.repo for leaf in inputs.leaves(found)] == ["a", "b"]


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a\nb", "é" * 128])
def test_an_input_cannot_leave_its_folder(name: str) -> None:
    assert refused(spec_of("p", pfs_input("a", name=name)), InvalidRequest).startswith("input.pfs.name")


def test_a_glob_that_does_not_parse_names_its_input() -> None:
    assert refused(spec_of("p", pfs_input("a", "/[")), InvalidRequest).startswith('input.pfs.glob of "a": ')


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"s3Out": True}, "s3Out"),
        ({"determined": {}}, "determined"),
        ({"specCommit": {"id": "x"}}, "specCommit"),
        ({"input": pfs_input("a", s3=True)}, "input.pfs.s3"),
        ({"input": pfs_input("a", reference=True)}, "input.pfs.reference"),
        ({"input": pfs_input("a", propagationSpec={"never": True})}, "input.pfs.propagationSpec.never"),
    ],
)
def test_what_is_not_built_yet_is_refused_by_name(fields: dict[str, Any], field: str) -> None:
    said = refused(spec_of("p", "a") if not fields else json.dumps(json.loads(spec_of("p", "a")) | fields), NotBuilt)
    assert said.startswith(field)
    assert "this release of Trunkline does not" in said
    assert ": " in said, "the remedy"


@pytest.mark.parametrize(
    ("fields", "kind", "says"),
    [
        ({"tfJob": {"tfJob": "x"}}, Refused, "embedding TFJobs in pipelines is not supported yet"),
        (
            {"transform": {"image": None}},
            Refused,
            "invalid transform: pipeline transform must contain an image",
        ),
        ({"transform": None}, Refused, "pipeline must specify a transform"),
        (
            {"reprocessSpec": "sometimes"},
            Refused,
            "invalid pipeline spec: ReprocessSpec must be one of 'until_success' or 'every_job'",
        ),
        ({"podSpec": "{"}, Refused, "malformed PodSpec"),
        ({"podPatch": "x"}, Refused, "malformed PodPatch"),
        (
            {"tolerations": [{"operator": "EQUAL"}, {"key": "k"}]},
            Refused,
            "toleration 2/2: cannot omit key/value comparison operator; specify EQUAL or EXISTS",
        ),
        ({"outputBranch": "a/b"}, Refused, "outputBranch: name (a/b) invalid"),
        ({"outputBranch": "0123456789ab4" + "0" * 19}, Refused, "branch name cannot be a UUID V4"),
        ({"datumTries": -1}, InvalidRequest, "datumTries is -1"),
        ({"datumTimeout": "10m"}, InvalidRequest, 'datumTimeout: invalid duration "10m"'),
        ({"jobTimeout": "0s"}, InvalidRequest, "jobTimeout is 0s"),
        ({"datumTimeout": "-1s"}, InvalidRequest, "datumTimeout is -1s"),
        ({"datumSetSpec": {"number": -1}}, InvalidRequest, "datumSetSpec.number is -1"),
        ({"parallelismSpec": {"constant": 2**40}}, InvalidRequest, "parallelismSpec.constant"),
        ({"resourceRequests": {"memory": "lots"}}, InvalidRequest, 'resourceRequests.memory is "lots"'),
        ({"resourceLimits": {"disk": "-1Gi"}}, InvalidRequest, "resourceLimits.disk"),
        ({"resourceLimits": {"cpu": -0.5}}, InvalidRequest, "resourceLimits.cpu"),
        ({"sidecarResourceRequests": {"gpu": {"number": -1}}}, InvalidRequest, "sidecarResourceRequests.gpu"),
        ({"transform": {"env": {"A=B": "x"}}}, InvalidRequest, "transform.env has a variable named 'A=B'"),
        ({"transform": {"env": {"": "x"}}}, InvalidRequest, "transform.env"),
        ({"transform": {"env": {"A": "\0"}}}, InvalidRequest, "transform.env contains a NUL"),
        ({"transform": {"cmd": ["a\0b"]}}, InvalidRequest, "transform.cmd contains a NUL"),
    ],
)
def test_other_rules(fields: dict[str, Any], kind: type[TrunklineError], says: str) -> None:
    assert says in refused(spec_of("p", "a", **fields), kind)


def test_zero_tries_and_zero_workers_mean_the_default() -> None:
    found = completed(spec_of("p", "a", datumTries=0, parallelismSpec={"constant": 0}))
    assert (found.datum_tries, found.parallelism) == (3, 1)


def test_an_input_without_a_pipeline() -> None:
    found = validate.completed_input(PipelineName(), spec.decode_input(json.dumps(pfs_input("a"))))
    assert [str(branch) for branch in inputs.branches(found)] == ["default/a@master"]
    cron = {"cross": [{"cron": {"name": "tick"}}, pfs_input("a")]}
    with pytest.raises(Refused, match="can't list datums with a cron input, there will be no datums until"):
        validate.completed_input(PipelineName(), spec.decode_input(json.dumps(cron)))
    with pytest.raises(InvalidRequest, match="malformed input"):
        spec.decode_input('{"pfs": 1}')
