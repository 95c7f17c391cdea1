"""Merging of defaults: the examples of RFC 7396, its laws on any JSON, and the layers of specs."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.kernel.errors import InvalidRequest
from trunkline.pps import effective
from trunkline.pps.defaults import parse
from trunkline.pps.effective import merge

CATALOGS = ("sqlite",)  # nothing here asks one

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
NAMES = st.sampled_from(["a", "b", "c", "A"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)


def without_nulls(value: Any) -> Any:
    """The value as a merge can make it: no member of an object is null; lists are taken as they are."""
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_standard(target: Any, patch: Any, result: Any) -> None:
    assert merge(target, patch) == result


@given(VALUES, VALUES)
def test_a_patch_that_is_no_object_replaces_and_neither_side_is_altered(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    made = merge(target, patch)
    assert (target, patch) == before
    if not isinstance(patch, dict):
        assert made == patch


@given(OBJECTS, OBJECTS)
def test_each_member_is_merged_on_its_own(target: Any, patch: Any) -> None:
    made = merge(target, patch)
    for key in {*target, *patch}:
        if key not in patch:
            assert made[key] == target[key]
        elif patch[key] is None:
            assert key not in made
        else:
            assert made[key] == merge(target.get(key), patch[key])


@given(OBJECTS, OBJECTS)
def test_twice_is_once(target: Any, patch: Any) -> None:
    assert merge(merge(target, patch), patch) == merge(target, patch)


@given(VALUES)
def test_over_nothing_a_patch_loses_its_nulls_and_nothing_else(patch: Any) -> None:
    assert merge({}, patch) == without_nulls(patch)
    assert merge(without_nulls(patch), patch) == without_nulls(patch)


@given(OBJECTS, OBJECTS)
def test_there_is_a_patch_between_any_two_values(one: Any, other: Any) -> None:
    source, target = without_nulls(one), without_nulls(other)
    assert merge(source, difference(source, target)) == target


def difference(source: Any, target: Any) -> Any:
    """A patch that makes the one of the other."""
    if not (isinstance(source, dict) and isinstance(target, dict)):
        return target
    changed = {key: difference(source.get(key), value) for key, value in target.items() if source.get(key) != value}
    return {**changed, **{key: None for key in source if key not in target}}


# -- layers ---------------------------------------------------------------------------------------------

FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "datumTries": st.sampled_from(["1", "5"]) | st.none(),
        "autoscaling": st.booleans() | st.none(),
        "transform": st.fixed_dictionaries(
            {}, optional={"image": st.sampled_from(["a", "b"]) | st.none(), "env": st.just({"K": "v"}) | st.none()}
        )
        | st.none(),
        "resourceRequests": st.fixed_dictionaries({}, optional={"cpu": st.just(1) | st.none()}) | st.none(),
        "tolerations": st.lists(st.just({"operator": "EXISTS"}), max_size=2) | st.none(),
    },
)


@given(FIELDS, FIELDS, FIELDS)
def test_the_nearest_layer_that_says_something_wins(cluster: Any, project: Any, user: Any) -> None:
    """Leaf by leaf, as somebody would look it up by hand."""
    made = json.loads(effective.make(json.dumps(user), cluster, project).text)
    layers = (user, project, cluster, effective.BUILT_IN)
    for path in (("datumTries",), ("autoscaling",), ("transform", "image"), ("resourceRequests", "cpu")):
        assert look(made, path) == next((found for layer in layers if (found := says(layer, path))), ("", None))[1]


def look(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def says(layer: Any, path: tuple[str, ...]) -> tuple[str, Any] | None:
    """What a layer says of a leaf; a null on the way says that it is not there. None if it says nothing."""
    for name in path:
        if name not in layer:
            return None
        layer = layer[name]
        if layer is None:
            return ("null", None)
    return ("value", layer)


def test_the_worked_example() -> None:
    user = {"pipeline": {"name": "p"}, "transform": {"cmd": ["true"]}, "autoscaling": None}
    cluster = parse('{"createPipelineRequest": {"datum_tries": 5, "resourceRequests": {"cpu": 1}}}', "cluster")
    project = parse(
        '{"create_pipeline_request": {"resource_requests": {"memory": "1Gi"}, "autoscaling": true}}', "project"
    )
    assert json.loads(effective.make(json.dumps(user), cluster, project).text) == {
        "pipeline": {"name": "p"},
        "transform": {"image": "ubuntu:20.04", "cmd": ["true"]},
        "outputBranch": "master",
        "datumTries": "5",
        "reprocessSpec": "until_success",
        "resourceRequests": {"cpu": 1, "memory": "1Gi"},
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("[]", "give a JSON object, not a list"),
        ('{"createPipelineRequest": {"nonsense": 1}}', 'unknown field "createPipelineRequest.nonsense"'),
        ('{"createPipelineRequest": []}', "Expected `object`, got `array`"),
        ('{"createPipelineRequest": "pipeline"}', "Expected `object`, got `str`"),
        ('{"pipeline": {}}', 'unknown field "pipeline"'),
        ('{"createPipelineRequest": {"datumTries": "many"}}', "datumTries"),
        ('{"createPipelineRequest": {"datumTries": "1", "datum_tries": 1}}', "given twice"),
        (
            '{"createPipelineRequest": {"pipeline": {"name": "p"}}}',
            "createPipelineRequest.pipeline cannot be a default",
        ),
        ('{"createPipelineRequest": {"dry_run": true}}', "createPipelineRequest.dryRun cannot be a default"),
        ('{"createPipelineRequest": {"update": null}}', "createPipelineRequest.update cannot be a default"),
    ],
)
def test_defaults_that_cannot_be_read_are_named(text: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse(text, "cluster")
    assert str(error.value).startswith("invalid cluster defaults JSON: ")
    assert says in str(error.value)


@pytest.mark.parametrize("text", ["{}", '{"createPipelineRequest": null}', '{"createPipelineRequest": {}}'])
def test_no_defaults_at_all(text: str) -> None:
    assert parse(text, "project") == {}
