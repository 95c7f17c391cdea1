"""A terminal on a fresh home with a little data, on which everything that is tried goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripts.tutorial.player import Player, Said


class Terminal(Player):
    """A player that also lets commands fail."""

    def attempt(self, line: str) -> Said:
        """Runs a command that may fail."""
        return self._run(line)

    def fails(self, line: str, *, says: str) -> str:
        """Runs a command that must fail: one line on standard error, no traceback, an exit code.

        Returns:
            The line.
        """
        said = self.attempt(line)
        assert said.code != 0, f"{line!r} succeeded: {said.out}"
        lines = said.err.strip().splitlines()
        assert len(lines) == 1, said.err
        assert "Traceback" not in said.err
        assert "rpc error" not in said.err
        assert says in lines[0], lines[0]
        return lines[0]


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A home with the repos `data` (files /a and /dir/b, an open commit on `open`), `other`, and a pipeline `copy`."""
    player = Terminal(tmp_path_factory.mktemp("bad"), print)
    try:
        for line in (
            "pachctl create-repo data",
            "pachctl create-repo other",
            "printf 1 | pachctl put-file data master a",
            "printf 2 | pachctl put-file data master dir/b",
            "pachctl start-commit data open",
        ):
            player.run(line)
        (player.work / "copy.json").write_text(
            '{"pipeline": {"name": "copy"}, "transform": {"image": "none", "cmd": ["sh"], '
            '"stdin": ["cp -r /pfs/data/* /pfs/out/"]}, "input": {"atom": {"repo": "data", "glob": "/*"}}}'
        )
        player.run("pachctl create-pipeline -f copy.json")
        player.run("pachctl flush-commit data/master")
        yield player
    finally:
        player.close()
