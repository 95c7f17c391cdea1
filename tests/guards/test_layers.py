"""The contract of layers speaks of every room of the house, and of none that does not exist."""

from __future__ import annotations

import configparser
import re

from tests.guards.repository import ROOT, SOURCE


def contract() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def rooms() -> set[str]:
    return {path.parent.name for path in SOURCE.glob("*/__init__.py")}


def named(text: str) -> set[str]:
    return set(re.findall(r"trunkline\.(\w+)", text))


def test_every_room_is_in_the_contract() -> None:
    parser = contract()
    layers = named(parser["importlinter:contract:layers"]["layers"])
    # What is generated, and what only tests use, are in contracts of their own.
    beside = {"wire", "testing"}
    assert rooms() - beside <= layers
    every = named("\n".join(value for section in parser.values() for value in section.values()))
    assert beside <= every


def test_no_contract_speaks_of_a_room_that_is_not_there() -> None:
    parser = contract()
    text = "\n".join(value for section in parser.values() for value in section.values())
    to_come = named("".join(re.findall(r"\(trunkline\.\w+\)", text)))  # in parentheses: optional
    assert named(text) - rooms() <= to_come


def test_the_page_on_architecture_names_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert {room for room in rooms() if f"`trunkline.{room}`" not in page} == set()
