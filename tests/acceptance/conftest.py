"""Plays each page once per session, and its sequel step by step; the tests look at what came out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.tutorial import data, page, walk
from scripts.tutorial.player import Player, StepError
from scripts.tutorial.sequel import STEPS, Sequel

Start = Callable[[data.Copy], Player]


def pytest_report_header() -> str:
    """Says on what data the tests run, so that nothing is left out in silence."""
    return data.described()


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Makes players, each with a home of its own; stops what they started."""
    players = []

    def make(copy: data.Copy) -> Player:
        player = Player(tmp_path_factory.mktemp("play"), transcript)
        players.append(player)
        data.lay_out(player.work, copy)
        return player

    yield make
    for player in players:
        player.close()


def transcript(text: str) -> None:
    """pytest shows it when a test fails."""
    print(text)


@dataclass
class Pages:
    """Pages that have been played, by name, or how that failed."""

    start: Start
    played: dict[str, tuple[Player, dict[str, walk.Played]]] = field(default_factory=dict)
    failed: dict[str, StepError] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Player, dict[str, walk.Played]]:
        """Plays the page unless it was played before.

        Raises:
            StepError: a command failed, now or then.
        """
        if name in self.failed:
            raise self.failed[name]
        if name not in self.played:
            try:
                self.played[name] = self._play(name)
            except StepError as failure:
                self.failed[name] = failure
                raise
        return self.played[name]

    def _play(self, name: str) -> tuple[Player, dict[str, walk.Played]]:
        steps, copy = PAGES[name]
        player = self.start(copy)
        if name == "shared":
            walk.register(player)
        return player, {each.step.place: each for each in walk.play(player, steps, copy)}


@pytest.fixture(scope="session")
def pages(start: Start) -> Pages:
    """The pages at hand."""
    return Pages(start)


def _pages() -> dict[str, tuple[list[page.Step], data.Copy]]:
    found = {"docs": (walk.our_page(), data.SCIKIT_LEARN)}
    if data.SHARED_PAGE.is_file():
        found["shared"] = page.parse(data.SHARED_PAGE.read_text()), data.SHARED
    return found


PAGES = _pages()


class NextDay:
    """The sequel of one page, played as far as a test asks for."""

    def __init__(self, pages: Pages, name: str) -> None:
        self.copy = PAGES[name][1]
        self.pages, self.name = pages, name
        self.day: Sequel | None = None
        self.done = 0
        self.broken: StepError | None = None

    def play_to(self, number: int) -> Sequel:
        """Plays the steps up to and with `number`, those of before only if they were not played yet.

        Raises:
            StepError: one of them failed, now or before.
        """
        if self.day is None:
            self.day = Sequel(self.pages.of(self.name)[0], self.copy)
        while self.done < number:
            if self.broken:
                raise StepError(f"step {self.done + 1} failed before this one") from self.broken
            try:
                STEPS[self.done](self.day)
            except StepError as failure:
                self.broken = failure
                raise
            self.done += 1
        return self.day


@pytest.fixture(scope="session", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in PAGES])
def next_day(request: pytest.FixtureRequest, pages: Pages) -> NextDay:
    """The sequel on each copy of the data."""
    return NextDay(pages, request.param)
