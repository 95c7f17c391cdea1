"""Reads a page of commands: a Markdown file whose fenced blocks hold `$ command` lines and what they print.

Which parts of the page of 2018 cannot be played or compared, and why, is said here and nowhere else.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One command of a page.

    Attributes:
        section: the number that begins the heading above it; `0` before the first numbered one.
        heading: that heading.
        command: the line after `$ `.
        expected: what the page shows below it; may be empty.
        turn: 1 for the first time this command stands in this section, 2 for the second.
    """

    section: str
    heading: str
    command: str
    expected: str
    turn: int

    @property
    def place(self) -> str:
        """A name for messages and test ids: `4 pachctl list-job #2`."""
        return f"{self.section} {self.command}" + (f" #{self.turn}" if self.turn > 1 else "")


# Commands that are not for us, by their first words.
NOT_PLAYED = {
    "kubectl": "looks at the pods of a cluster; Trunkline runs on one machine without any",
    "cd /home/pachrat": "the folder of the workshop's machine; the player works in a folder of its own",
    "make setup": "has been done, or the player would not run",
    ". .venv/bin/activate": "the player has the folder on its search path",
}

# Blocks of the page of 2018 that show another run than the rest of it: place, a mark in them, reason.
ANOTHER_RUN = (
    ("4 pachctl list-job #2", "49.86KiB", "DL 4.444KiB, UL 49.86KiB: the Julia version of the exercise"),
    ("4 pachctl list-repo", "43.67 KiB", "repos that no step of the page makes, among them `training`"),
    ("4 pachctl list-file model master", "model.jld", "43.67 KiB; section 5 and the job say 207B"),
)

# Single cells of that page that another run made: place, column, cell, reason.
ANOTHER_RUN_CELLS = (("7 pachctl list-job", "DL", "40.97KiB", "the same file is 41.28KiB in sections 3, 4 and 5"),)


def reason_not_played(step: Step) -> str | None:
    """Why the command is left out, or None."""
    return next((why for start, why in NOT_PLAYED.items() if step.command.startswith(start)), None)


def reason_not_compared(step: Step) -> str | None:
    """Why what the command prints cannot be as the page shows it, or None."""
    marks = ((mark, why) for place, mark, why in ANOTHER_RUN if place == step.place)
    return next((why for mark, why in marks if mark in step.expected), None)


def is_of_another_run(step: Step, column: str, cell: str) -> bool:
    """Whether a single cell of the page contradicts the rest of it."""
    return any((step.place, column, cell) == known[:3] for known in ANOTHER_RUN_CELLS)


def parse(text: str) -> list[Step]:
    """The commands of a page, in order."""
    steps: list[Step] = []
    seen: Counter[tuple[str, str]] = Counter()
    section, heading, fenced = "0", "", False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced and line.startswith("$ "):
            command = line[2:].strip()
            seen[section, command] += 1
            steps.append(Step(section, heading, command, "", seen[section, command]))
        elif fenced and steps:
            last = steps[-1]
            shown = f"{last.expected}\n{line}".lstrip("\n")
            steps[-1] = Step(last.section, last.heading, last.command, shown, last.turn)
        elif title := re.match(r"#+ +((\d+)\..*)", line):
            heading, section = title[1], title[2]
    return steps
