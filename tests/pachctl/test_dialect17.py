"""Specifications of release 1.7, in today's form."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.kernel.errors import InvalidRequest
from trunkline.pps.dialect17 import dropped, translate
from trunkline.wire import pps_pb2 as pps

EXAMPLES = Path(__file__).parents[2] / "examples" / "diabetes"


def one(name: str, repo: str, glob: str, *cmd: str) -> dict:
    """A pipeline with one input, as the tutorial writes them."""
    return {
        "pipeline": {"name": name},
        "transform": {"image": f"go-{name}:latest", "cmd": list(cmd)},
        "parallelism_spec": {"constant": "1"},
        "input": {"atom": {"repo": repo, "glob": glob}},
    }


QCONTROL = one("qcontrol", "", "", "/qcontrol") | {
    "input": {
        "cross": [
            {"atom": {"repo": "model", "glob": "/"}},
            {"atom": {"repo": "qc_pre_process", "glob": "/"}},
        ]
    }
}
TUTORIAL = [
    one("model", "training_data", "/", "/train", "-inFile=/pfs/training_data/training_prod.csv"),
    one("qc_pre_process", "qc_data", "/", "/qcpre"),
    QCONTROL,
    QCONTROL | {"pipeline": {"name": "infer"}, "parallelism_spec": {"constant": "10"}},
]


@pytest.mark.parametrize("spec", TUTORIAL, ids=lambda spec: spec["pipeline"]["name"])
def test_the_tutorials_four(spec: dict) -> None:
    before = copy.deepcopy(spec)
    today = translate(spec)
    assert json.dumps(today) == json.dumps(spec).replace('"atom"', '"pfs"')
    assert spec == before
    request = ParseDict(today, pps.CreatePipelineRequest())
    assert request.parallelism_spec.constant in (1, 10)
    assert dropped(spec) == ()


def test_the_files_of_the_example() -> None:
    files = [path for path in EXAMPLES.rglob("*.json") if '"pipeline"' in path.read_text()]
    assert len(files) >= 4
    for path in files:
        ParseDict(translate(json.loads(path.read_text())), pps.CreatePipelineRequest())


@pytest.mark.parametrize(
    ("old", "today"),
    [
        ({"chunk_spec": {"number": 3, "size_bytes": "9"}}, {"datumSetSpec": {"number": 3, "size_bytes": "9"}}),
        ({"chunkSpec": {"sizeBytes": 9}}, {"datumSetSpec": {"sizeBytes": 9}}),
        ({"standby": True}, {"autoscaling": True}),
        (
            {"resource_requests": {"cpu": 1, "gpu": 2}},
            {"resource_requests": {"cpu": 1, "gpu": {"type": "nvidia.com/gpu", "number": 2}}},
        ),
        ({"resourceLimits": {"gpu": "1"}}, {"resourceLimits": {"gpu": {"type": "nvidia.com/gpu", "number": 1}}}),
        ({"resource_limits": {"gpu": 0, "memory": "1G"}}, {"resource_limits": {"memory": "1G"}}),
        (
            {"resource_limits": {"gpu": {"type": "amd", "number": 1}}},
            {"resource_limits": {"gpu": {"type": "amd", "number": 1}}},
        ),
        ({"egress": {"url": "s3://b"}}, {"egress": {"URL": "s3://b"}}),
        ({"egress": {"URL": "s3://b"}}, {"egress": {"URL": "s3://b"}}),
        (
            {
                "cache_size": "64M",
                "enableStats": True,
                "batch": True,
                "max_queue_size": 1,
                "scale_down_threshold": "1s",
            },
            {},
        ),
        ({"incremental": False}, {}),
        (
            {"nonsense": 1, "input": {"cron": {"name": "t", "spec": "@daily"}}},
            {"nonsense": 1, "input": {"cron": {"name": "t", "spec": "@daily"}}},
        ),
        (
            {
                "input": {
                    "union": [{"cross": [{"atom": {"repo": "a"}}, {"pfs": {"repo": "b"}}]}, {"atom": {"repo": "c"}}]
                }
            },
            {"input": {"union": [{"cross": [{"pfs": {"repo": "a"}}, {"pfs": {"repo": "b"}}]}, {"pfs": {"repo": "c"}}]}},
        ),
        (
            {"input": 3, "egress": 4, "resource_limits": 5, "parallelism_spec": 6},
            {"input": 3, "egress": 4, "resource_limits": 5, "parallelism_spec": 6},
        ),
    ],
)
def test_each_rule(old: dict, today: dict) -> None:
    assert translate(old) == today


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"parallelism_spec": {"coefficient": 1}}, "parallelism_spec.coefficient is not offered any more"),
        ({"parallelismSpec": {"coefficient": 1, "constant": 1}}, "give parallelismSpec.constant"),
        ({"incremental": True}, "incremental is not offered any more"),
        ({"input": {"git": {"url": "x"}}}, "git inputs are not offered any more"),
        ({"input": {"cross": [{"git": {"url": "x"}}]}}, "git inputs are not offered any more"),
        ({"input": {"atom": {"repo": "a"}, "pfs": {"repo": "a"}}}, "multiple input types set: atom and pfs"),
        ({"standby": True, "autoscaling": False}, "standby and autoscaling say the same"),
        ({"datum_set_spec": {}, "chunk_spec": {}}, "datum_set_spec and chunk_spec say the same"),
    ],
)
def test_what_is_refused(spec: dict, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        translate(spec)
    assert str(caught.value).startswith("malformed pipeline spec: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dropped_names_fields_as_they_are_spelled() -> None:
    assert dropped({"cacheSize": 1, "enable_stats": True, "incremental": False, "salt": "x"}) == (
        "cacheSize",
        "enable_stats",
        "incremental",
    )


inputs = st.recursive(
    st.sampled_from([{"pfs": {"repo": "a", "glob": "/*"}}, {"cron": {"name": "t", "spec": "@daily"}}]),
    lambda inner: st.builds(
        lambda kind, items: {kind: items}, st.sampled_from(["cross", "union", "join", "group"]), st.lists(inner)
    ),
    max_leaves=8,
)
todays = st.fixed_dictionaries(
    {"pipeline": st.just({"name": "x"}), "input": inputs},
    optional={
        "parallelismSpec": st.just({"constant": "2"}),
        "autoscaling": st.booleans(),
        "datum_set_spec": st.just({"number": 1}),
        "resourceRequests": st.just({"cpu": 0.5, "gpu": {"type": "t", "number": 1}}),
        "egress": st.just({"objectStorage": {"url": "s3://b"}}),
        "outputBranch": st.text(max_size=3),
    },
)


@settings(deadline=None, max_examples=100)
@given(todays)
def test_todays_specifications_come_out_as_they_went_in(spec: dict) -> None:
    assert json.dumps(translate(spec)) == json.dumps(spec)
