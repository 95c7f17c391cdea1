"""The law: planning, finding the work and assembling cost what changed, whatever stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import pytest
from tests.pps.plan.naive import file_entry

from trunkline.maps import EMPTY, Entry, Maps, Root
from trunkline.maps.shape import Shape
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pps import inputs
from trunkline.pps.plan import plan, tree
from trunkline.pps.plan.operators import join
from trunkline.pps.plan.operators.base import Side
from trunkline.pps.spec import Input, PfsInput, PipelineName

SMALL_NODES = Shape(leaf=16, inner=8, inline=0)
"""So that a map of some thousand entries has a thousand nodes."""


def leaf(name: str, repo: str, glob: str = "/*", **fields: object) -> Input:
    return Input(pfs=PfsInput(name=name, repo=repo, glob=glob, **fields))


def keyed(name: str, repo: str, glob: str = "/(*)", **fields: object) -> Input:
    return leaf(name, repo, glob, join_on="$1", group_by="$1", **fields)


def flat(count: int) -> list[Entry]:
    return sorted(file_entry(f"/{number:07}", "x") for number in range(count))


def folders(count: int) -> list[Entry]:
    return sorted(file_entry(f"/{number // 20:06}/{number:07}", "x") for number in range(count))


EXPRESSIONS: dict[str, tuple[Callable[[int], list[Entry]], Input]] = {
    "files": (flat, leaf("n", "a")),
    "anywhere": (flat, leaf("n", "a", "/**")),
    "folders": (folders, leaf("n", "a")),
    "whole": (flat, leaf("n", "a", "/")),
    "cross": (flat, Input(cross=(leaf("n", "a"), leaf("m", "b")))),
    "union": (flat, Input(union=(leaf("n", "a"), leaf("n", "a", "/**"), leaf("m", "b")))),
    "join": (flat, Input(join=(keyed("n", "a"), keyed("m", "a")))),
    "outer": (flat, Input(join=(keyed("n", "a", outer_join=True), keyed("m", "b")))),
    "group": (flat, Input(group=(keyed("n", "a"), keyed("m", "b")))),
    "pairs": (flat, Input(group=(keyed("n", "a", "/(*)?"), keyed("m", "b")))),
    "one key": (flat, Input(join=(leaf("n", "a"), keyed("m", "b", "/*")))),
    "apart": (flat, Input(join=(Input(group=(keyed("n", "a"), keyed("k", "a"))), keyed("m", "a")))),
    "joined": (flat, Input(group=(Input(join=(keyed("n", "a"), keyed("m", "a"))), keyed("k", "b")))),
    "join × /": (flat, Input(cross=(Input(join=(keyed("n", "a"), keyed("m", "a"))), leaf("k", "b", "/")))),
    "nested": (flat, Input(union=(Input(cross=(leaf("n", "a"), leaf("m", "b"))), leaf("k", "a")))),
}


def touched(store: MeteredStore) -> int:
    counts = store.counts()
    return counts["get"].objects + counts["put"].objects + counts["put_many"].objects


def one_change(entries: list[Entry], kind: str) -> list[Entry]:
    middle = len(entries) // 2
    path = entries[middle][0].decode()
    if kind == "deleted":
        return entries[:middle] + entries[middle + 1 :]
    if kind == "changed":
        return [*entries[:middle], file_entry(path, "new"), *entries[middle + 1 :]]
    return sorted([*entries, file_entry(path + "-new", "new")])


def cost(size: int, make: Callable[[int], list[Entry]], expression: Input, kind: str) -> tuple[int, int]:
    """Nodes touched by a plan after one change, and changed datums."""
    plain = MemoryStore()
    maps = Maps(plain, shape=SMALL_NODES)
    expression = inputs.complete(expression, PipelineName(name="p"))
    entries, other = make(size), maps.build(flat(1))
    old = _contents(expression, maps.build(entries), other)
    new = _contents(expression, maps.build(one_change(entries, kind)), other)
    datums = plan.update(maps, plan.NOTHING, expression, "s", None, old)
    store = MeteredStore(plain)
    cold = Maps(store, shape=SMALL_NODES)
    after = plan.update(cold, datums, expression, "s", old, new)
    nodes = touched(store)
    return nodes, sum(1 for _ in maps.diff(datums.datums, after.datums))


def _contents(expression: Input, a: Root, b: Root) -> list[Root]:
    return [a if one.repo == "a" else b for one in inputs.leaves(expression)]


@pytest.mark.parametrize("kind", ["added", "changed", "deleted"])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_plan_costs_what_changed(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join, "FEW", 32)  # as many as a few leaves hold
    make, expression = EXPRESSIONS[name]
    costs = [cost(size, make, expression, kind) for size in (500, 4_000)]
    assert all(1 <= changed <= 2 for _, changed in costs)
    assert all(nodes <= 60 for nodes, _ in costs), f"{costs}; reading all is 250 and more"


def test_the_whole_of_a_folder_is_not_read_for_one_datum() -> None:
    """A datum of very many changed files costs no more than one of two."""
    plain = MemoryStore()
    maps = Maps(plain)
    expression = inputs.complete(leaf("n", "a"), PipelineName(name="p"))
    versions = [
        maps.build(sorted([file_entry(f"/d/{number:06}", text) for number in range(50_000)] + flat(10)))
        for text in ("x", "y")
    ]
    store = MeteredStore(plain)
    operator = tree.build(Maps(store), expression, versions[:1], versions[1:]).operator
    for side in Side:
        assert [elements[0].path for elements in operator.changed(side)] == ["/d/"]
    assert touched(store) < 40


def test_nothing_changed_costs_nothing() -> None:
    plain = MemoryStore()
    root = Maps(plain).build(flat(8_000))
    store = MeteredStore(plain)
    for _, expression in EXPRESSIONS.values():
        completed = inputs.complete(expression, PipelineName(name="p"))
        roots = _contents(completed, root, root)
        indexes = tree.build(Maps(plain), completed, [EMPTY] * len(roots), roots).indexes
        operator = tree.build(Maps(store), completed, roots, roots, indexes).operator
        assert [list(operator.changed(side)) for side in Side] == [[], []]
    assert touched(store) == 0


def test_the_other_side_of_a_cross_is_walked_once_for_each_change() -> None:
    """ΔA × B is as long as B, and streams: the first datum comes before B was read."""
    plain = MemoryStore()
    maps = Maps(plain)
    expression = inputs.complete(Input(cross=(leaf("m", "b"), leaf("n", "a"))), PipelineName(name="p"))
    a = maps.build(flat(50_000))
    b = [maps.build([file_entry("/x", text)]) for text in ("1", "2")]
    store = MeteredStore(plain)
    operator = tree.build(Maps(store), expression, [b[0], a], [b[1], a]).operator
    assert len(list(islice(operator.changed(Side.NEW), 10))) == 10
    assert touched(store) < 20
    assert sum(1 for _ in operator.changed(Side.NEW)) == 50_000


def test_a_join_of_very_many_under_one_key_streams() -> None:
    """The first datum comes before the key was read, and one changed file makes one datum."""
    plain = MemoryStore()
    maps = Maps(plain)
    expression = inputs.complete(Input(join=(keyed("n", "a", "/*"), keyed("m", "b", "/*"))), PipelineName(name="p"))
    entries, b = flat(50_000), maps.build([file_entry("/x", "1")])
    versions = [[b, maps.build(one)] for one in (entries, one_change(entries, "changed"))]
    nothing = [EMPTY, EMPTY]
    first = tree.build(maps, expression, nothing, versions[0])
    store = MeteredStore(plain)
    grown = tree.build(Maps(store), expression, *versions, first.indexes)
    assert [len(list(grown.operator.changed(side))) for side in Side] == [1, 1]
    assert len(list(islice(grown.operator.all(Side.NEW), 10))) == 10
    assert touched(store) < 30
