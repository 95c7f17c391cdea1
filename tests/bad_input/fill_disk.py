"""Run by `test_broken_machine` on a home of 24 MiB: fills it, and checks that nothing but new writes is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bad_input.conftest import Terminal


def main() -> None:
    """Raises AssertionError if something is lost."""
    terminal = Terminal(Path(os.environ["FOLDER"]) / "terminal", print)
    terminal.home = Path(os.environ["TRUNKLINE_HOME"])
    terminal.environment["TRUNKLINE_HOME"] = str(terminal.home)
    try:
        play(terminal)
    finally:
        terminal.close()


def play(terminal: Terminal) -> None:
    """Puts until the disk is full, then looks at what is there, makes room, and goes on."""
    spare = terminal.home / "spare"
    spare.write_bytes(bytes(4 << 20))
    terminal.run("pachctl create-repo data")
    kept: dict[str, bytes] = {}
    for number in range(40):
        content = os.urandom(1 << 20)
        (terminal.work / "f").write_bytes(content)
        said = terminal.attempt(f"pachctl put-file data master f{number} -f f")
        if said.code:
            assert len(said.err.strip().splitlines()) == 1, said.err
            assert "space" in said.err, said.err
            break
        kept[f"f{number}"] = content
    else:
        raise AssertionError("the disk never became full")
    assert len(kept) > 5
    check(terminal, kept)
    spare.unlink()
    terminal.run("pachctl put-file data master last -f f")
    kept["last"] = (terminal.work / "f").read_bytes()
    check(terminal, kept)
    os.kill(terminal.pachd(), 9)
    check(terminal, kept)


def check(terminal: Terminal, kept: dict[str, bytes]) -> None:
    """Reads everything back."""
    listed = terminal.look("pachctl list-file data master").out.split("\n")[1:]
    assert sorted(line.split()[0] for line in listed if line) == sorted(kept), listed
    for name, content in kept.items():
        terminal.look(f"pachctl get-file data master {name} -o got")
        assert (terminal.work / "got").read_bytes() == content, name
    terminal.look("pachctl fsck")


if __name__ == "__main__":
    main()
