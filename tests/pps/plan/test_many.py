"""The same as `test_incremental`, ten thousand times: every case is planned from a base and from nothing, and held
against the naive evaluation of its input expression. Run by `make plans`.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.pps.plan import checks
from tests.pps.plan.expressions import Repos, expressions, histories

from trunkline.pps.spec import Input

CASES = int(os.environ.get("TRUNKLINE_PLANS", "10000"))
AT_ONCE = 250
FIRST = int(os.environ.get("TRUNKLINE_SEED", "0"))


@pytest.mark.plans
@pytest.mark.parametrize("part", range(FIRST, FIRST + max(1, CASES // AT_ONCE)))
def test_ten_thousand_plans(part: int) -> None:
    @seed(part)
    @settings(
        max_examples=AT_ONCE,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(expressions(), histories(), st.booleans(), st.booleans())
    def case(expression: Input, versions: list[Repos], tiny: bool, forgetful: bool) -> None:
        checks.a_plan_from_a_base_is_the_full_plan(expression, versions, tiny=tiny, forgetful=forgetful)
        checks.a_full_plan_is_what_the_expression_says(expression, versions)
        checks.every_changed_datum_comes_once(expression, versions, tiny=tiny)
        checks.find_agrees_with_all(expression, versions)

    case()
