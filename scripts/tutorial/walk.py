"""Plays a page: runs its commands in order, waits for jobs, checks what must come out of the data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.tutorial import page
from scripts.tutorial.data import CHECKOUT, TOLERANCE, Copy, model_figures, source_option
from scripts.tutorial.player import Player, Said, need

OUR_PAGE = CHECKOUT / "docs" / "tutorial.md"
COPIES_AGREE = 1e-4  # relative: how near the figures of one data copy are to those of another


@dataclass(frozen=True)
class Played:
    """A command of a page, and what it printed; None if it is not for us."""

    step: page.Step
    said: Said | None


def our_page() -> list[page.Step]:
    """The commands of `docs/tutorial.md`."""
    return page.parse(OUR_PAGE.read_text())


def play(player: Player, steps: list[page.Step], copy: Copy) -> Iterator[Played]:
    """Plays one command after the other. After a pipeline is created, what follows from its input is waited for.

    Raises:
        StepError: a command failed.
    """
    heading = ""
    for step in steps:
        if step.heading != heading:
            heading = step.heading
            player.say(f"\n# {heading}\n")
        if page.reason_not_played(step):
            yield Played(step, None)
            continue
        said = player.run(_with_source(step.command, copy))
        if made := re.match(r"pachctl create-pipeline -f (\S+)", step.command):
            player.run(f"pachctl flush-commit {_first_input(player.work / made[1])}/master")
        yield Played(step, said)


def register(player: Player) -> None:
    """Registers the example's local environments, with the commands of our page."""
    for step in our_page():
        if step.command.startswith("pachctl create-environment"):
            player.run(step.command)


def check_figures(player: Player, copy: Copy) -> None:
    """The numbers that the data copy must lead to, read back through `pachctl`.

    Raises:
        StepError: a number differs by more than the tolerance.
    """
    figures = model_figures(player.look("pachctl get-file qcontrol master model.json").out)
    for name, wanted in (copy.model | {"rmse": copy.rmse}).items():
        need(near(figures[name], wanted), f"{name} is {wanted!r} in the model (it is {figures[name]!r})")
    for name in ("1.json", "2.json"):
        check_prediction(player, copy, name)


def check_prediction(player: Player, copy: Copy, name: str) -> None:
    """The prediction for one file of attributes."""
    got = json.loads(player.look(f"pachctl get-file infer master {name}").out)
    got, wanted = got["predicted_diabetes_progression"], copy.predictions[name]
    need(near(got, wanted), f"the prediction for {name} is {wanted!r} (it is {got!r})")


def near(got: float, wanted: float) -> bool:
    """Whether two figures agree as closely as they must."""
    return abs(got - wanted) <= TOLERANCE * abs(wanted)


def _first_input(pipeline: Path) -> str:
    """The repo that a pipeline file names first."""
    given = json.loads(pipeline.read_text())["input"]
    repo: str = given.get("cross", [given])[0]["atom"]["repo"]
    return repo


def _with_source(command: str, copy: Copy) -> str:
    """The page prepares scikit-learn's copy; another one has to be named."""
    if Path(command.split()[-1]).name == "prepare.py":
        return " ".join([command, *source_option(copy)])
    return command
