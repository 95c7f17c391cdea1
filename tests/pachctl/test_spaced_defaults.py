"""Defaults of the cluster and of projects in the spaced grammar, against a real pachd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .spaced import Real

SPEC = b"""\
pipeline: {name: edges}
input: {pfs: {repo: images, glob: "/*"}}
transform: {image: "edges:1.0", cmd: ["true"]}
"""
TRIES = b"createPipelineRequest: {datumTries: 5}"


@pytest.fixture
def edges(real: Real) -> Real:
    """A pipeline over a repo."""
    real.ok("create repo images")
    real.ok("create pipeline", stdin=SPEC)
    return real


def tries(real: Real) -> str:
    return json.loads(real.raw("inspect pipeline edges")[0]["effective_spec_json"])["datumTries"]


def test_setting_defaults(edges: Real, tmp_path: Path) -> None:
    assert edges.ok("create defaults --cluster", stdin=TRIES) == "no affected pipelines\n"
    assert tries(edges) == "3"
    affected = "affected pipelines:\n\tdefault/edges\n"
    assert edges.ok("update defaults --cluster --regenerate --dry-run", stdin=TRIES) == affected
    assert tries(edges) == "3"
    assert edges.ok("update defaults --cluster --regenerate", stdin=TRIES) == affected
    assert tries(edges) == "5"
    path = tmp_path / "ours.json"
    path.write_text('{"createPipelineRequest": {"datumTries": "7"}}')
    assert edges.ok(f"update defaults --project default -f {path} --regenerate --reprocess") == affected
    assert tries(edges) == "7"
    assert "Defaults: " in edges.ok("inspect project default")
    assert edges.ok("delete defaults --project default --regenerate") == affected
    assert edges.ok("delete defaults --cluster") == "no affected pipelines\n"
    assert tries(edges) == "5"
    assert "Effective Spec: " in edges.ok("inspect pipeline edges")


def test_inspect_defaults(real: Real) -> None:
    assert real.ok("inspect defaults --cluster") == "{}\n"
    real.ok("create defaults --project default", stdin=b'{"createPipelineRequest":{"datumTries":5}}')
    assert json.loads(real.ok("inspect defaults --project default --raw"))["createPipelineRequest"] == {"datumTries": 5}
    assert real.ok("inspect defaults --project default").startswith('{\n  "createPipelineRequest": {\n')
    assert real.ok("inspect defaults --cluster --raw") == "{}\n"


def test_what_is_refused(real: Real) -> None:
    for line in ("inspect defaults", "inspect defaults --cluster --project default", "delete defaults"):
        assert real.no(line) == "must pass either --cluster or --project PROJECT"
    assert real.no("create defaults --cluster", stdin=b"{").startswith("malformed defaults: standard input line 1")
    assert "has 2 documents" in real.no("create defaults --cluster", stdin=b"{}{}")
    assert real.no("create defaults --cluster", stdin=b"nonsense: {}").startswith("invalid cluster defaults JSON: ")
    assert real.no("inspect defaults --project nope") == 'project "nope" not found'
    assert "without regenerate" in real.no("delete defaults --cluster --reprocess")
