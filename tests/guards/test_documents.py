"""Documents that name something which does not exist fail here, so that no page goes stale in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.guards.names import Resolver
from tests.guards.repository import ROOT, files, said

FENCE = re.compile(r"^```.*?^```", re.M | re.S)
TICKS = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
TYPED = re.compile(r"^\$ (?:.*\s)?((?:pachctl|make) [\w-]+)", re.M)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)")


def documents() -> list[Path]:
    """The pages of the repository that speak of it."""
    here = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
    folders = ("docs", "design", "benchmarks", "examples")
    return [
        path
        for path in files()
        if path.suffix == ".md" and (said(path) in here or path.relative_to(ROOT).parts[0] in folders)
    ]


@pytest.mark.parametrize("document", documents(), ids=said)
def test_what_a_page_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    resolver = Resolver(document)
    names = TICKS.findall(FENCE.sub("", text)) + TYPED.findall(text)
    assert sorted({name for name in names if resolver.resolve(name) is False}) == []


@pytest.mark.parametrize("document", documents(), ids=said)
def test_where_a_page_points_is_there(document: Path) -> None:
    links = [link for link in LINK.findall(FENCE.sub("", document.read_text())) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_there_are_pages() -> None:
    assert {"README.md", "docs/architecture.md", "docs/format.md"} <= {said(path) for path in documents()}


@pytest.mark.parametrize(
    ("name", "exists"),
    [
        ("make test", True),
        ("make coffee", False),
        ("pachctl list-job", True),
        ("pachctl put-file data master x -f …", True),
        ("pachctl brew-coffee", False),
        ("list-job", True),
        ("list-coffee", False),
        ("trunkline.kernel.errors", True),
        ("trunkline.kernel.errors.NotFound", True),
        ("trunkline.kernel.errors.Coffee", False),
        ("trunkline.coffee", False),
        ("kernel.errors", True),
        ("kernel.coffee", False),
        ("pfs.globs.Glob.expand", True),
        ("tests/guards", True),
        ("tests/coffee", False),
        ("docs/coffee.md", False),
        ("README.md", True),
        ("globs.py", True),
        ("coffee.py", False),
        (".venv/bin", True),
        ("TRUNKLINE_HOME", True),
        ("TRUNKLINE_COFFEE", False),
        ("commits.root", True),
        ("commits.coffee", False),
        ("NotFound", True),
        ("NoCoffee", False),
        ("LocalStore.sweep", True),
        ("READ_AGAIN", True),
        ("BREW_AGAIN", False),
        ("plan_key", True),
        ("coffee_key", False),
        ("/pfs/out", None),
        ("chunks/ab/<64 hex digits>", None),
        ("master^2", None),
        ("repo@branch:/path", None),
        ("kill -9", None),
        ("git-lfs", None),
        ("h ← 2·h", None),
        ("catalog.db", None),
        ("word", None),
    ],
)
def test_the_resolver_knows_what_is_there(name: str, exists: bool | None) -> None:
    assert Resolver(ROOT / "README.md").resolve(name) is exists
