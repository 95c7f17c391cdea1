"""The compatibility page says what the program does, and names tests that exist."""

from __future__ import annotations

from scripts import compatibility


def test_the_data_agree_with_the_program() -> None:
    assert list(compatibility.problems(compatibility.load())) == []


def test_the_page_is_what_the_data_make() -> None:
    assert compatibility.PAGE.read_text(encoding="utf-8") == compatibility.page(compatibility.load())
