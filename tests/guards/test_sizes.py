"""Small modules, small functions: the budget of the house."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.guards.repository import modules, said

MEDIAN, MOST_OF_THEM, LARGEST = 150, 500, 1000
FUNCTION = 40
PERCENT = 90


def percentile(sizes: list[int], percent: int) -> int:
    """The size that this share of the sizes stays at or below."""
    return sorted(sizes)[max(0, -(-len(sizes) * percent // 100) - 1)]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions() -> dict[str, int]:
    """Every function of the product, with its lines."""
    found = {}
    for path, module in modules().items():
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{said(path)}:{node.lineno} {node.name}"] = (node.end_lineno or node.lineno) - node.lineno + 1
    return found


def test_modules_are_small() -> None:
    sizes = {said(path): lines(path) for path in modules() if lines(path)}
    assert percentile(list(sizes.values()), 50) < MEDIAN
    assert percentile(list(sizes.values()), PERCENT) < MOST_OF_THEM
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


def test_functions_are_small() -> None:
    assert percentile(list(functions().values()), PERCENT) < FUNCTION


def test_percentiles() -> None:
    assert percentile([5], 90) == 5
    assert percentile(list(range(1, 11)), 50) == 5
    assert percentile(list(range(1, 11)), 90) == 9
    assert percentile([1, 1, 1, 100], 90) == 100
