"""Each module says what happens there; each public class and function says what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from tests.guards.repository import modules, said

Node = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def undocumented(module: ast.Module, name: str) -> Iterator[str]:
    """What lacks words in a module: itself, its public classes and functions, and their public methods.

    A method that replaces a documented one of a base in the same module means the same.
    """
    if ast.get_docstring(module) is None:
        yield name
    told = {
        (node.name, inner.name)
        for node in module.body
        if isinstance(node, ast.ClassDef)
        for inner in node.body
        if isinstance(inner, ast.FunctionDef) and ast.get_docstring(inner)
    }
    for node in module.body:
        yield from _in(node, name, told, [])


def _in(node: ast.stmt, name: str, told: set[tuple[str, str]], bases: list[str]) -> Iterator[str]:
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
        return
    inherited = any((base, node.name) in told for base in bases)
    if ast.get_docstring(node) is None and not inherited and not _needs_none(node):
        yield f"{name}:{node.lineno} {node.name}"
    if isinstance(node, ast.ClassDef):
        above = [base.id for base in node.bases if isinstance(base, ast.Name)]
        for inner in node.body:
            yield from _in(inner, name, told, above)


def _needs_none(node: ast.stmt) -> bool:
    """A setter or an overload is told of by what it belongs to."""
    decorators = getattr(node, "decorator_list", [])
    names = {getattr(one, "attr", getattr(one, "id", "")) for one in decorators}
    return bool(names & {"setter", "overload"})


def test_everything_public_is_told_of() -> None:
    missing = [
        line
        for path, module in modules().items()
        if path.read_text().strip() and not said(path).startswith("src/trunkline/wire/")
        for line in undocumented(module, said(path))
        if not _is_test(line)
    ]
    assert missing == []


def _is_test(line: str) -> bool:
    """The tests of the shipped suites say it in their names."""
    return line.startswith("src/trunkline/testing/") and line.rpartition(" ")[2].startswith("test_")


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ('"""Says."""', []),
        ("x = 1", ["m"]),
        ('"""Says."""\ndef f(): ...\ndef _g(): ...', ["m:2 f"]),
        ('"""Says."""\nclass A:\n    """Says."""\n    def f(self): ...\n    def __init__(self): ...', ["m:4 f"]),
        ('"""Says."""\nclass _A:\n    def f(self): ...', []),
        ('"""Says."""\nclass _A:\n    def f(self): "Says."\nclass B(_A):\n    "Says."\n    def f(self): ...', []),
    ],
)
def test_what_is_missing_is_found(source: str, missing: list[str]) -> None:
    assert list(undocumented(ast.parse(source), "m")) == missing
