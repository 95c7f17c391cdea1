"""The plan from a base is the full plan, and the full plan is what the input expression says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pps.plan import naive
from tests.pps.plan.expressions import Repos, expressions, histories

from trunkline.maps import EMPTY, Maps
from trunkline.maps.shape import Shape
from trunkline.objects.memory import MemoryStore
from trunkline.pps import inputs
from trunkline.pps.plan import plan, records, spool, tree
from trunkline.pps.plan.operators import cross, matches
from trunkline.pps.plan.operators.base import Side
from trunkline.pps.plan.records import Encoder
from trunkline.pps.spec import Input

SALT = "0123456789abcdef"
SMALL = Shape(leaf=2, inner=2, inline=0)


def fresh() -> Maps:
    return Maps(MemoryStore(), shape=SMALL)


@contextmanager
def limits(tiny: bool) -> Iterator[None]:
    """With tiny limits, what is made for large inputs happens to small ones too."""
    with pytest.MonkeyPatch.context() as patch:
        if tiny:
            patch.setattr(matches, "PATIENCE", 1)
            patch.setattr(cross, "REMEMBERED", 1)
            patch.setattr(cross, "KNOWN_CHANGES", 0)
            patch.setattr(spool, "IN_MEMORY", 2)
            patch.setattr(spool, "BLOCK", 1)
        yield


@settings(max_examples=150, deadline=None)
@given(expressions(), histories(), st.booleans())
def test_a_plan_from_a_base_is_the_full_plan(expression: Input, versions: list[Repos], tiny: bool) -> None:
    maps = fresh()
    contents = [naive.roots(maps, expression, repos) for repos in versions]
    datums = plan.update(maps, EMPTY, expression, SALT, None, contents[0])
    for old, new in pairwise(contents):
        with limits(tiny):
            datums = plan.update(maps, datums, expression, SALT, old, new)
        full = plan.update(maps, EMPTY, expression, SALT, None, new)
        assert datums.digest == full.digest
        assert list(maps.range(datums)) == list(maps.range(full))


@settings(max_examples=150, deadline=None)
@given(expressions(), histories(longest=2))
def test_a_full_plan_is_what_the_expression_says(expression: Input, versions: list[Repos]) -> None:
    maps = fresh()
    seen: dict[bytes, naive.Naive] = {}
    for repos in versions:
        datums = plan.update(maps, EMPTY, expression, SALT, None, naive.roots(maps, expression, repos))
        planned = {entry[0]: records.decode(entry) for entry in maps.range(datums)}
        said = {naive.datum_id(datum): datum for datum in naive.datums(expression, repos).values()}
        assert planned.keys() == said.keys()
        for key, record in planned.items():
            datum = said[key]
            assert [(one.name, one.path) for one in record.inputs] == [(part.name, part.path) for part in datum]
            assert record.size == naive.size(datum)
            leaves = list(inputs.leaves(expression))
            assert [leaves[one.leaf].repo for one in record.inputs] == [part.repo for part in datum]
            known = seen.setdefault(record.hash, datum)
            assert known == datum, "one hash, one content"


@settings(max_examples=150, deadline=None)
@given(expressions(), histories(longest=2), st.booleans())
def test_every_changed_datum_comes_once_and_no_other(expression: Input, versions: list[Repos], tiny: bool) -> None:
    with limits(tiny):
        _every_changed_datum_comes_once(expression, versions)


def _every_changed_datum_comes_once(expression: Input, versions: list[Repos]) -> None:
    maps = fresh()
    old, new = versions[0], versions[-1]
    roots = [naive.roots(maps, expression, repos) for repos in (old, new)]
    operator = tree.build(maps, expression, *roots)
    encoder = Encoder(list(inputs.leaves(expression)), SALT)
    before, after = naive.datums(expression, old), naive.datums(expression, new)
    for side, here, there in ((Side.OLD, before, after), (Side.NEW, after, before)):
        given_out = list(operator.changed(side))
        ids = Counter(encoder.id(elements) for elements in given_out)
        assert set(ids.values()) <= {1}
        changed = {naive.datum_id(datum) for key, datum in here.items() if there.get(key) != datum}
        # Of equal datums, another alternative of a union may be the first to give them.
        entries = {encoder.id(e): encoder.entry(encoder.id(e), e) for e in operator.all(side.other)}
        moved = {
            key
            for key, elements in ((encoder.id(e), e) for e in given_out)
            if key in entries and entries[key][:3] == encoder.entry(key, elements)[:3]
        }
        assert ids.keys() - moved == changed
        assert Counter(encoder.id(e) for e in operator.all(side)) == Counter(map(naive.datum_id, here.values()))


@settings(max_examples=60, deadline=None)
@given(expressions(), histories(longest=2))
def test_find_agrees_with_all(expression: Input, versions: list[Repos]) -> None:
    maps = fresh()
    operator = tree.build(maps, expression, *(naive.roots(maps, expression, v) for v in (versions[0], versions[-1])))
    leaves = list(inputs.leaves(expression))
    labels: dict[tuple[str, str, str], int] = {}
    numbers = [labels.setdefault((leaf.name, leaf.repo, leaf.branch), len(labels)) for leaf in leaves]
    for side in Side:
        for elements in operator.all(side):
            key = tuple((numbers[one.leaf], one.path) for one in elements)
            assert (len(key), elements) in list(operator.find(key, 0, side))
            assert not any(end == len(key) + 1 for end, _ in operator.find((*key, (99, "/")), 0, side))


@settings(max_examples=40, deadline=None)
@given(expressions(), histories(longest=2), st.text(max_size=3), st.text(max_size=3))
def test_salt_changes_hashes_and_nothing_else(expression: Input, versions: list[Repos], one: str, other: str) -> None:
    maps = fresh()
    roots = naive.roots(maps, expression, versions[0])
    first, second = (list(maps.range(plan.update(maps, EMPTY, expression, salt, None, roots))) for salt in (one, other))
    assert [entry[0] for entry in first] == [entry[0] for entry in second]
    for left, right in zip(first, second, strict=True):
        assert (left[1] == right[1]) == (one == other)
        assert left[2:] == right[2:]
