"""What must hold of one input expression over versions of its repos; drawn a few times by `make test`, often by `make
plans`.

Invariant: each check knows the expression, the contents and the naive evaluation only, not how a case was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import pytest
from tests.pps.plan import naive
from tests.pps.plan.expressions import Repos

from trunkline.maps import Maps
from trunkline.maps.shape import Shape
from trunkline.objects.memory import MemoryStore
from trunkline.pps import inputs
from trunkline.pps.plan import plan, records, spool, tree
from trunkline.pps.plan.operators import cross, join, matches
from trunkline.pps.plan.operators.base import Operator, Side
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
            patch.setattr(join, "FEW", 1)
            patch.setattr(spool, "IN_MEMORY", 2)
            patch.setattr(spool, "BLOCK", 1)
        yield


def operator_over(maps: Maps, expression: Input, old: Repos, new: Repos) -> Operator:
    roots = (naive.roots(maps, expression, repos) for repos in (old, new))
    return tree.build(maps, expression, *roots).operator


def a_plan_from_a_base_is_the_full_plan(
    expression: Input, versions: Sequence[Repos], *, tiny: bool, forgetful: bool
) -> None:
    """Whatever the base, and whether or not its indexes are still there: the datum map, and the indexes."""
    maps = fresh()
    contents = [naive.roots(maps, expression, repos) for repos in versions]
    view = plan.update(maps, plan.NOTHING, expression, SALT, None, contents[0])
    for old, new in pairwise(contents):
        before = view._replace(indexes=()) if forgetful else view
        with limits(tiny):
            view = plan.update(maps, before, expression, SALT, old, new)
        full = plan.update(maps, plan.NOTHING, expression, SALT, None, new)
        assert view == full
        assert list(maps.range(view.datums)) == list(maps.range(full.datums))


def a_full_plan_is_what_the_expression_says(expression: Input, versions: Sequence[Repos]) -> None:
    maps = fresh()
    seen: dict[bytes, naive.Naive] = {}
    leaves = list(inputs.leaves(expression))
    for repos in versions:
        view = plan.update(maps, plan.NOTHING, expression, SALT, None, naive.roots(maps, expression, repos))
        planned = {entry[0]: records.decode(entry) for entry in maps.range(view.datums)}
        said = {naive.datum_id(datum): datum for datum in naive.datums(expression, repos).values()}
        assert planned.keys() == said.keys()
        for key, record in planned.items():
            datum = said[key]
            assert [(one.name, one.path) for one in record.inputs] == [(part.name, part.path) for part in datum]
            assert record.size == naive.size(datum)
            assert [leaves[one.leaf].repo for one in record.inputs] == [part.repo for part in datum]
            for one in record.inputs:
                assert (one.join_on, one.group_by) == naive.keys_of(leaves[one.leaf], one.path)
            known = seen.setdefault(record.hash, datum)
            assert known == datum, "one hash, one content"


def every_changed_datum_comes_once(expression: Input, versions: Sequence[Repos], *, tiny: bool) -> None:
    maps = fresh()
    old, new = versions[0], versions[-1]
    with limits(tiny):
        operator = operator_over(maps, expression, old, new)
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


def find_agrees_with_all(expression: Input, versions: Sequence[Repos]) -> None:
    operator = operator_over(fresh(), expression, versions[0], versions[-1])
    leaves = list(inputs.leaves(expression))
    labels: dict[tuple[str, str, str], int] = {}
    numbers = [labels.setdefault((leaf.name, leaf.repo, leaf.branch), len(labels)) for leaf in leaves]
    for side in Side:
        for elements in operator.all(side):
            key = tuple((numbers[one.leaf], one.path) for one in elements)
            assert (len(key), elements) in list(operator.find(key, 0, side))
            assert not any(end == len(key) + 1 for end, _ in operator.find((*key, (99, "/")), 0, side))
