"""Templates of pipeline specs."""

from __future__ import annotations

import json

from pachyderm_sdk import Client
from tests.compat.place import refused

TEMPLATE = """
function(suffix, src) {
  pipeline: { name: "edges-" + suffix },
  input: { pfs: { name: "images", glob: "/*", repo: src } },
  transform: { cmd: ["python3", "/edges.py"], image: "edges:1.0" },
  parallelism_spec: { constant: "2" },
}
"""


def test_render_template(client: Client) -> None:
    made = client.pps.render_template(template=TEMPLATE, args={"suffix": "1", "src": "images"})
    assert json.loads(made.json)["pipeline"]["name"] == "edges-1"
    [spec] = made.specs
    assert (spec.pipeline.name, spec.input.pfs.repo, spec.parallelism_spec.constant) == ("edges-1", "images", 2)
    several = client.pps.render_template(template="[{description: d} for d in ['a', 'b']]")
    assert [one.description for one in several.specs] == ["a", "b"]
    with refused("INVALID_ARGUMENT", "template cannot be rendered: .*parameter src not bound"):
        client.pps.render_template(template=TEMPLATE, args={"suffix": "1"})
    with refused("INVALID_ARGUMENT", "imports are not allowed"):
        client.pps.render_template(template="importstr '/etc/hostname'")
    with refused("INVALID_ARGUMENT", 'template makes no spec of a pipeline: unknown field "nonsense"'):
        client.pps.render_template(template="{nonsense: 1}")
