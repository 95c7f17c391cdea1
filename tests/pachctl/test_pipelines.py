"""The commands of pipelines, and reading specification files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import specs
from trunkline.wire import pps_pb2 as pps

from .conftest import Pachd
from .samples import job, pipeline

SPEC = {"pipeline": {"name": "model"}, "transform": {"cmd": ["/train"]}, "input": {"atom": {"repo": "a", "glob": "/"}}}


def sent(pachd: Pachd) -> list[dict]:
    """The specifications that the server was given."""
    requests = [request for request in pachd.pps.requests if isinstance(request, pps.CreatePipelineV2Request)]
    return [json.loads(request.create_pipeline_request_json) for request in requests]


def test_create_pipeline_speaks_todays_dialect(pachd: Pachd, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(SPEC))
    assert pachd.ok("create-pipeline", "-f", str(tmp_path / "p.json")) == ""
    assert sent(pachd) == [SPEC | {"input": {"pfs": {"repo": "a", "glob": "/"}}}]
    assert not pachd.pps.requests[-1].update


def test_several_documents(pachd: Pachd) -> None:
    second = SPEC | {"pipeline": {"name": "infer"}}
    text = f"{json.dumps(SPEC)}\n{json.dumps([second, SPEC])}"
    assert pachd.ok("create-pipeline", stdin=text.encode()) == "Reading from stdin.\n"
    assert [spec["pipeline"]["name"] for spec in sent(pachd)] == ["model", "infer", "model"]


def test_nothing_is_sent_if_one_document_is_bad(pachd: Pachd) -> None:
    text = f"{json.dumps(SPEC)}\n  nonsense"
    result = pachd.run("create-pipeline", "-f", "-", stdin=text.encode())
    assert (result.code, sent(pachd)) == (2, [])
    assert result.err == "malformed pipeline spec: standard input line 2 column 3: expecting value\n"


def test_what_the_server_refuses(pachd: Pachd) -> None:
    pachd.pps.refuse_spec = "could not make effective spec: unknown field nonsense\nsecond line"
    result = pachd.run("create-pipeline", stdin=json.dumps(SPEC).encode())
    assert (result.code, result.err) == (2, "could not make effective spec: unknown field nonsense\n")


def test_missing_file(pachd: Pachd) -> None:
    result = pachd.run("create-pipeline", "-f", "/no/such.json")
    assert (result.code, result.err) == (4, "/no/such.json doesn't exist\n")


def test_settings_without_effect_are_told(pachd: Pachd) -> None:
    spec = SPEC | {"cache_size": "64M"}
    result = pachd.run("create-pipeline", "-p", "-r", "hub", stdin=json.dumps(spec).encode())
    assert result.code == 0
    assert result.err.splitlines() == [
        "pachctl: --push-images, --registry: nothing is pushed, images are names of environments on this machine; "
        "see pachctl create-environment",
        "pachctl: model: cache_size has no effect any more and is left out",
    ]


def test_update_pipeline_says_what_keeps_old_results(pachd: Pachd) -> None:
    pachd.pps.pipelines = [pipeline()]
    pachd.pps.pipelines_after = [pipeline(details={"transform": pps.Transform(image="new")})]
    pachd.pps.jobs = [job("model", 9, 3, (2, 5, 7), (0, 0))]
    result = pachd.run("update-pipeline", stdin=json.dumps(SPEC).encode())
    assert result.code == 0
    assert result.err == (
        "pachctl: model: 7 datums keep results of the code before; to redo them, update again with --reprocess\n"
    )
    assert pachd.pps.requests[0].update


def test_update_pipeline_with_the_same_code_says_nothing(pachd: Pachd) -> None:
    pachd.pps.pipelines = [pipeline()]
    pachd.pps.jobs = [job("model", 9, 3, (2, 5, 7), (0, 0))]
    assert pachd.run("update-pipeline", stdin=json.dumps(SPEC).encode()).err == ""


def test_update_pipeline_with_reprocess(pachd: Pachd) -> None:
    assert pachd.run("update-pipeline", "--reprocess", stdin=json.dumps(SPEC).encode()).err == ""
    assert (pachd.pps.requests[-1].update, pachd.pps.requests[-1].reprocess) == (True, True)


def test_list_pipeline(pachd: Pachd) -> None:
    cross = pps.Input(
        cross=[
            pps.Input(pfs=pps.PFSInput(repo="a", glob="/*")),
            pps.Input(union=[pps.Input(cron=pps.CronInput(name="t", spec="@daily")), pps.Input()]),
        ]
    )
    pachd.pps.pipelines = [pipeline("infer", details={"input": cross}, state=pps.PIPELINE_PAUSED), pipeline()]
    assert pachd.ok("list-pipeline") == (
        "NAME  INPUT                      OUTPUT       CREATED            STATE   \n"
        "infer (a:/* ⨯ (t:@daily ∪ none)) infer/master About a minute ago paused  \n"
        "model training_data:/            model/master About a minute ago running \n"
    )


def test_inspect_pipeline(pachd: Pachd) -> None:
    pachd.pps.pipelines = [pipeline(reason="", details={"datum_timeout": {"seconds": 90}})]
    pachd.pps.jobs = [job("model", 9, 3, (1, 0, 1), (0, 0)), job("model", 9, 3, (1, 0, 1), (0, 0))]
    assert pachd.ok("inspect-pipeline", "model") == (
        "Name: model\nDescription: fits\nCreated: About a minute ago\nState: running\nStopped: false\n"
        "Parallelism Spec: constant: 10\nDatum Timeout: About a minute\n"
        'Input: {\n  "pfs": {\n    "name": "training_data",\n    "repo": "training_data",\n    "branch": "master",\n'
        '    "glob": "/"\n  }\n}\nOutput Branch: master\n'
        'Transform: {\n  "image": "go-train:multi",\n  "cmd": [\n    "/train",\n    "-outDir=/pfs/out"\n  ]\n}\n'
        "Job Counts:\nstarting: 0\nrunning: 0\nfailure: 0\nsuccess: 2\nkilled: 0\negressing: 0\nfinishing: 0\n"
        "unrunnable: 0\n"
    )
    missing = pachd.run("inspect-pipeline", "nope")
    assert (missing.code, missing.err) == (4, 'pipeline "default/nope" not found\n')


def test_extract_pipeline(pachd: Pachd) -> None:
    pachd.pps.pipelines = [pipeline()]
    expected = {"pipeline": {"name": "model"}, "input": {"pfs": {"repo": "é"}}}
    text = pachd.ok("extract-pipeline", "model")
    assert json.loads(text) == expected
    assert "é" in text
    assert pachd.ok("list-pipeline", "--spec") == text


@pytest.mark.parametrize("command", ["start-pipeline", "stop-pipeline", "delete-pipeline"])
def test_start_stop_delete(pachd: Pachd, command: str) -> None:
    pachd.pps.pipelines = [pipeline()]
    assert pachd.ok(command, "model") == ""
    assert pachd.pps.requests[-1].pipeline.name == "model"
    missing = pachd.run(command, "nope")
    assert missing.code == 4
    assert missing.err.endswith('pipeline "default/nope" not found\n')


def test_delete_pipeline_words(pachd: Pachd) -> None:
    assert pachd.run("delete-pipeline").err == "either a pipeline name or the --all flag needs to be provided\n"
    assert pachd.run("delete-pipeline", "a", "--all").code == 2
    pachd.ok("delete-pipeline", "--all", "-f")
    assert pachd.pps.requests[-1].force
    assert pachd.run("delete-pipeline", "nope").err.startswith("error from delete-pipeline: ")
    assert pachd.run("delete-pipeline", "").code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f has no specification in it"),
        ("  \n ", "f has no specification in it"),
        ('{"a": 1,}', "f line 1 column 9: "),
        ('{"a": 1', "f line 1 column 8: expecting ',' delimiter"),
        ('{\n"a": 1\n"b": 2}', "f line 3 column 1: expecting ',' delimiter"),
        ('{"a": 1}\n{"b" 2}', "f line 2 column 6: expecting ':' delimiter"),
        ('{"a": 1} "b"', "f line 1 column 10: a specification is an object, in braces"),
        ("[1]", "f line 1 column 1: a specification is an object, in braces"),
        ('{"a": {"b": 1, "b": 2}}', 'f line 1 column 1: the field "b" is given twice'),
        ('{"a": NaN}', "f line 1 column 1: NaN is not a JSON number"),
        ("pipeline:\n  name: x\n name: y", "f line 3 column 2: "),
        ("a: 1\na: 2", 'f line 2 column 1: the field "a" is given twice'),
        ("a: &x 1\nb: *x", "f line 1 column 4: anchors and aliases are not allowed"),
        ("- 1", "f: a specification is an object"),
        ("words", "f: a specification is an object"),
        ("1: 2", "f line 1 column 1: the name of a field is a text"),
        ("a: \x00", "f: "),
        ("a: !!python/object:os.system x", "f line 1 column 4: "),
        ("[" * 100_000, "f line 1 column 1: nested too deeply"),
    ],
)
def test_malformed_documents(text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        specs.documents(text, "f")
    assert str(caught.value).startswith(f"malformed pipeline spec: {message}")


def test_schema_keys_of_editors_are_left_out() -> None:
    assert specs.documents('{"$schema": "x", "a": {"$schema": "y", "b": 1}}', "f") == [{"a": {"b": 1}}]


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"\xff\xfe{")
    with pytest.raises(InvalidRequest, match="is not UTF-8"):
        specs.read(str(tmp_path / "p"))
    (tmp_path / "q").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert specs.read(str(tmp_path / "q")) == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: {b: [1, 2.5, true, null, yes]}", [{"a": {"b": [1, 2.5, True, None, "yes"]}}]),
        ("a: 2024-01-02T03:04:05Z\nb: 0123\nc: 1:30", [{"a": "2024-01-02T03:04:05Z", "b": "0123", "c": "1:30"}]),
        ("a: 1\n---\nb: 2\n---\n", [{"a": 1}, {"b": 2}]),
        ("- a: 1\n- b: 2", [{"a": 1}, {"b": 2}]),
        ("$schema: x\na: {$schema: y, b: 1}", [{"a": {"b": 1}}]),
        ("# words\na: |\n  x\n  y\n", [{"a": "x\ny\n"}]),
    ],
)
def test_documents_in_yaml(text: str, found: list[dict]) -> None:
    assert specs.documents(text, "f") == found
