"""`python -m scripts.tutorial`: the whole page and its sequel, on a fresh home that is thrown away."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from scripts.tutorial import data, tables, walk
from scripts.tutorial.player import Player, StepError
from scripts.tutorial.sequel import STEPS, Sequel

BY_HAND = """
All of it worked, and the home it ran on is gone. To go on by hand, from the top folder of the checkout:

  . .venv/bin/activate
  python examples/diabetes/prepare.py       writes the data to examples/diabetes/build/
  pachctl create-repo training_data         starts a pachd that keeps everything in ~/.trunkline

docs/tutorial.md has the other commands, `pachctl --help` all there are; `pachctl stop-pachd` ends the server.
"""


def main() -> int:
    """Plays everything. The exit code is 1 if a step failed, and its last line says which."""
    copy = data.preferred()
    say(f"# The tutorial, on a fresh home\n\n{data.described()}; this run uses the {copy.name} copy.")
    with tempfile.TemporaryDirectory(prefix="trunkline-tutorial-") as top:
        player = Player(Path(top), say)
        try:
            play_all(player, copy)
        except StepError as failure:
            print(f"\nThe tutorial stopped: {failure}", file=sys.stderr)
            return 1
        finally:
            player.close()
    say(BY_HAND)
    return 0


def play_all(player: Player, copy: data.Copy) -> None:
    """The page, checked against what it shows, then the sequel.

    Raises:
        StepError: at the first thing that is not as it must be.
    """
    data.lay_out(player.work, copy)
    for played in walk.play(player, walk.our_page(), copy):
        check(played, copy)
    walk.check_figures(player, copy)
    sequel = Sequel(player, copy)
    for number, step in enumerate(STEPS, start=1):
        player.say(f"\n# The next day, {number}: {step.__name__.replace('_', ' ')}\n")
        step(sequel)


def check(played: walk.Played, copy: data.Copy) -> None:
    """Compares one command's output with the page, which shows the run on scikit-learn's copy."""
    if played.said is None or not played.step.expected:
        return
    expected = played.step.expected
    for cell, other in copy.other_cells.items():
        expected = expected.replace(cell, other)
    step = replace(played.step, expected=expected)
    if problems := tables.differences(step, played.said.out, walk.COPIES_AGREE):
        raise StepError(f"{step.place} is not as the page shows it: {'; '.join(problems)}")


def say(text: str) -> None:
    """Prints at once, also into a pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
