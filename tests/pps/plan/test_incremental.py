"""The plan from a base is the full plan, and the full plan is what the input expression says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pps.plan import checks, naive
from tests.pps.plan.expressions import Repos, expressions, histories

from trunkline.pps.plan import plan
from trunkline.pps.spec import Input


@settings(max_examples=150, deadline=None)
@given(expressions(), histories(), st.booleans(), st.booleans())
def test_a_plan_from_a_base_is_the_full_plan(
    expression: Input, versions: list[Repos], tiny: bool, forgetful: bool
) -> None:
    checks.a_plan_from_a_base_is_the_full_plan(expression, versions, tiny=tiny, forgetful=forgetful)


@settings(max_examples=150, deadline=None)
@given(expressions(), histories(longest=2))
def test_a_full_plan_is_what_the_expression_says(expression: Input, versions: list[Repos]) -> None:
    checks.a_full_plan_is_what_the_expression_says(expression, versions)


@settings(max_examples=150, deadline=None)
@given(expressions(), histories(longest=2), st.booleans())
def test_every_changed_datum_comes_once_and_no_other(expression: Input, versions: list[Repos], tiny: bool) -> None:
    checks.every_changed_datum_comes_once(expression, versions, tiny=tiny)


@settings(max_examples=60, deadline=None)
@given(expressions(), histories(longest=2))
def test_find_agrees_with_all(expression: Input, versions: list[Repos]) -> None:
    checks.find_agrees_with_all(expression, versions)


@settings(max_examples=40, deadline=None)
@given(expressions(), histories(longest=2), st.text(max_size=3), st.text(max_size=3))
def test_salt_changes_hashes_and_nothing_else(expression: Input, versions: list[Repos], one: str, other: str) -> None:
    maps = checks.fresh()
    roots = naive.roots(maps, expression, versions[0])
    views = [plan.update(maps, plan.NOTHING, expression, salt, None, roots) for salt in (one, other)]
    first, second = (list(maps.range(view.datums)) for view in views)
    assert views[0].indexes == views[1].indexes
    assert [entry[0] for entry in first] == [entry[0] for entry in second]
    for left, right in zip(first, second, strict=True):
        assert (left[1] == right[1]) == (one == other)
        assert left[2:] == right[2:]
