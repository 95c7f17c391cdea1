from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.kernel.errors import InvalidRequest
from trunkline.pps import canonical, effective, spec

SNAKE = {
    "pipeline": {"name": "edges"},
    "parallelism_spec": {"constant": 10},
    "datum_tries": 3,
    "transform": {"err_cmd": ["sh"], "env": {"some_name": "1"}, "accept_return_code": [2, "3"]},
    "input": {"cross": [{"pfs": {"repo": "a", "glob": "/*", "join_on": None, "empty_files": True}}]},
    "tolerations": [{"operator": 2, "effect": 1, "toleration_seconds": 30}],
    "service": {"internal_port": 8080},
    "egress": {"URL": "s3://bucket"},
    "s3_out": False,
}
CAMEL = {
    "pipeline": {"name": "edges"},
    "parallelismSpec": {"constant": "10"},
    "datumTries": "3",
    "transform": {"errCmd": ["sh"], "env": {"some_name": "1"}, "acceptReturnCode": ["2", "3"]},
    "input": {"cross": [{"pfs": {"repo": "a", "glob": "/*", "emptyFiles": True}}]},
    "tolerations": [{"operator": "EQUAL", "effect": "NO_SCHEDULE", "tolerationSeconds": "30"}],
    "service": {"internalPort": 8080},
    "egress": {"URL": "s3://bucket"},
    "s3Out": False,
}


def test_every_accepted_spelling_becomes_the_canonical_one() -> None:
    assert canonical.parse(json.dumps(SNAKE)) == CAMEL
    assert canonical.parse(json.dumps(CAMEL)) == CAMEL


def test_nulls_stay_for_the_merge_but_not_inside_lists() -> None:
    assert canonical.parse('{"autoscaling": null, "transform": {"image": null}}') == {
        "autoscaling": None,
        "transform": {"image": None},
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "a pipeline spec is a JSON object, not a list"),
        ("null", "not null"),
        ("NaN", "NaN is not JSON"),
        ('{"nonsense": 1}', 'unknown field "nonsense"'),
        ('{"transform": {"command": []}}', 'unknown field "transform.command"'),
        ('{"input": {"cross": [{"pfs": {"rep": ""}}]}}', 'unknown field "input.cross[0].pfs.rep"'),
        ('{"input": {"atom": {}}}', 'unknown field "input.atom"'),
        ('{"Transform": {}}', 'did you mean "transform"?'),
        ('{"data-tries": 1, "datum-tries": 3}', 'unknown field "data-tries"'),
        ('{"datum-tries": 3}', 'did you mean "datumTries"?'),
        ('{"datum_tries": 1, "datumTries": 2}', 'the field "datumTries" is given twice'),
        ('{"description": "a", "description": "b"}', 'the key "description" is given twice'),
        ('{"tolerations": [{"operator": "SOME"}]}', "tolerations[0].operator is 'SOME': give one of EMPTY"),
        ('{"tolerations": [{"operator": 7}]}', "tolerations[0].operator is 7"),
        ('{"datumTries": ' + "9" * 5000 + "}", "not JSON"),
        ('{"input":' * 1 + '{"cross":[' * 200 + "]}" * 200 + "}", "nested more than 100 levels deep"),
        ("[" * 100_000, "nested more than 100 levels deep"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        canonical.parse(text)
    assert str(error.value).startswith("could not make effective spec: ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"transform": "sh"}', "$.transform"),
        ('{"transform": {"cmd": "sh"}}', "Expected `array`, got `str` - at `$.transform.cmd`"),
        ('{"transform": {"env": {"A": 1}}}', "$.transform.env"),
        ('{"parallelismSpec": {"constant": "many"}}', "$.parallelismSpec.constant"),
        ('{"parallelismSpec": {"constant": -1}}', "$.parallelismSpec.constant"),
        ('{"datumTries": 1.5}', "$.datumTries"),
        ('{"description": "\\ud800"}', "could not make effective spec"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(text: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        effective.make(text)
    assert says in str(error.value)
    assert str(error.value).startswith("could not make effective spec: ")


def test_the_effective_spec_of_the_worked_example() -> None:
    user = {"pipeline": {"name": "p"}, "transform": {"cmd": ["c"]}, "autoscaling": None}
    cluster = {"datumTries": "5", "resourceRequests": {"cpu": 1}}
    project = {"resourceRequests": {"memory": "1Gi"}, "autoscaling": True}
    made = effective.make(json.dumps(user), cluster, project)
    assert json.loads(made.text) == {
        "pipeline": {"name": "p"},
        "transform": {"image": "ubuntu:20.04", "cmd": ["c"]},
        "outputBranch": "master",
        "datumTries": "5",
        "reprocessSpec": "until_success",
        "resourceRequests": {"cpu": 1, "memory": "1Gi"},
    }
    assert made.spec.datum_tries == 5
    assert effective.BUILT_IN["transform"] == {"image": "ubuntu:20.04"}, "layers are not altered"


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_merge_patch_standard(target: Any, patch: Any, result: Any) -> None:
    assert effective.merge(target, patch) == result


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_a_merge_done_twice_is_a_merge_done_once(target: Any, patch: Any) -> None:
    once = effective.merge(target, patch)
    assert effective.merge(once, patch) == once


def test_a_spec_survives_writing_and_reading() -> None:
    read = spec.decode(json.dumps(CAMEL))
    assert spec.decode(spec.encode(read)) == read
    assert spec.decode(canonical.encode(read)) == read
    written = json.loads(canonical.encode(read))
    assert written["parallelismSpec"] == {"constant": "10"}
    assert written["service"] == {"internalPort": 8080}
    assert "s3Out" not in written


@pytest.mark.parametrize(
    ("text", "value"), [(None, None), ("600s", 600.0), ("1.5s", 1.5), ("0.000000001s", 1e-9), ("-2s", -2.0)]
)
def test_durations(text: str | None, value: float | None) -> None:
    assert spec.seconds(text) == value


@pytest.mark.parametrize("text", ["", "10m", "600", "1h", "s", "1.0000000001s", "1e3s", " 1s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidRequest, match="give seconds with the unit s"):
        spec.seconds(text)
