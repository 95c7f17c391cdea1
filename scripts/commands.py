"""The part of the compatibility page that is about commands: from `docs/compatibility_commands.toml`.

Invariants: every command of the original is listed, in both grammars; one is listed as `none` exactly when `pachctl`
does not have it, and one that it has names a test.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trunkline.pachctl.registry import ENTRIES
from trunkline.pachctl.unbuilt import OLD_COMMANDS, SPACED_COMMANDS

DATA = Path(__file__).resolve().parent.parent / "docs" / "compatibility_commands.toml"

STATUSES = ("full", "partial", "none")

Rows = dict[str, dict[str, Any]]


def load() -> Rows:
    """The data: what is said of each command."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def problems(said: Rows, test_exists: Callable[[str], bool]) -> Iterator[str]:
    """Where the data and the program disagree."""
    original = SPACED_COMMANDS | OLD_COMMANDS
    for name in sorted(original - set(said)):
        yield f"the command {name} is not in the data: give it a status, and a test"
    for name, row in said.items():
        status = row.get("status")
        if name not in original:
            yield f"the original has no command {name}, which the data name"
        if status not in STATUSES:
            yield f"the command {name} has the unknown status {status!r}"
        elif (status != "none") != (name in ENTRIES):
            yield f"the command {name} is listed as {status}, and it is {'' if name in ENTRIES else 'not '}built"
        elif status != "none" and not test_exists(row.get("test", "")):
            yield f"the command {name} names no test that exists: {row.get('test', '')!r}"


def page(said: Rows, link: Callable[[str], str]) -> Iterator[str]:
    """The lines of the page."""
    for title, names in (
        ("Commands of release 2.11", SPACED_COMMANDS),
        ("Commands of release 1.7", OLD_COMMANDS - SPACED_COMMANDS),
    ):
        built = [name for name in sorted(names) if said.get(name, {}).get("status") in ("full", "partial")]
        yield from ("", f"### {title}", "", "| command | status | test | note |", "| --- | --- | --- | --- |")
        for name in built:
            row = said[name]
            yield f"| {name} | {row['status']} | {link(row['test'])} | {row.get('note', '')} |"
        missing = ", ".join(name for name in sorted(names) if name not in built)
        yield from ("", f"Not built; each says so: {missing}.")
