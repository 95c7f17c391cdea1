"""Pipelines drawn as boxes and lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.pachctl.views.spaced.dag import draw

from .spaced import Real

SPEC = """\
pipeline: {name: %s}
input: {cross: [%s]}
transform: {image: "edges:1.0", cmd: ["true"]}
"""


def pipeline(real: Real, name: str, *repos: str) -> None:
    inputs = ", ".join(f'{{pfs: {{repo: {repo}, glob: "/"}}}}' for repo in repos)
    real.ok("create pipeline", stdin=(SPEC % (name, inputs)).encode())


def test_draw_pipeline(real: Real) -> None:
    assert real.ok("draw pipeline") == ""
    real.ok("create repo images")
    pipeline(real, "edges", "images")
    pipeline(real, "montage", "images", "edges")
    assert (
        real.ok("draw pipeline --edge-height 3")
        == """\
┌───────────┐
│  images   │
└───────────┘
      │
      ├──────────────┐
      │              │
┌───────────┐        │
│   edges   │        │
└───────────┘        │
      │              │
      ├──────────────┘
      │
┌───────────┐
│  montage  │
└───────────┘
"""
    )
    assert "│mont…│" in real.ok("draw pipeline --box-width 5")
    set_id = real.raw("inspect pipeline edges")[0]["spec_commit"]["id"]
    assert "montage" not in real.ok(f"draw pipeline -c {set_id}")
    assert real.no("draw pipeline -c x").startswith('invalid commit set id "x"')
    assert real.no("draw pipeline --box-width 1").startswith("--box-width is at least 3")


GRAPHS = st.integers(0, 12).flatmap(
    lambda count: st.fixed_dictionaries(
        {
            f"n{number}": st.lists(st.sampled_from([f"n{before}" for before in range(number)] or ["x"]), unique=True)
            for number in range(count)
        }
    )
)


@given(GRAPHS, st.integers(3, 12), st.integers(1, 6))
def test_every_node_has_one_box_below_all_that_it_reads(graph: dict[str, list[str]], width: int, height: int) -> None:
    lines = draw(graph, width, height).splitlines()
    nodes = {*graph, *(name for sources in graph.values() for name in sources)}
    words = [line.replace("│", " ").split() for line in lines]
    at = {name: [number for number, line in enumerate(words) if name in line] for name in nodes}
    assert all(len(rows) == 1 for rows in at.values())
    assert all(at[source][0] < at[name][0] for name, sources in graph.items() for source in sources)
    assert all(line == line.rstrip() for line in lines)
