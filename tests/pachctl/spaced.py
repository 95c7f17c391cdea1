"""A real pachd in this process, and command lines of the spaced grammar against it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.api.serving import Serving
from tests.pachctl.conftest import Result, invoke


class Real:
    """The server, a home with a configuration file, and a way to type commands."""

    def __init__(self, folder: Path) -> None:
        self.serving = Serving(folder)
        self.environ = {
            "PACHD_ADDRESS": self.serving.address,
            "HOME": str(folder),
            "PACH_CONFIG": str(folder / "config.json"),
        }

    def run(self, line: str | list[str], stdin: bytes = b"") -> Result:
        """Runs `pachctl LINE`."""
        words = line.split() if isinstance(line, str) else line
        return invoke(words, self.environ, clock=self.serving.clock, stdin=stdin)

    def ok(self, line: str | list[str], stdin: bytes = b"") -> str:
        """Runs a command line that must succeed; what it printed."""
        result = self.run(line, stdin)
        assert (result.code, result.err) == (0, ""), result
        return result.out

    def no(self, line: str | list[str], stdin: bytes = b"") -> str:
        """Runs a command line that must fail with 1; its one line on standard error."""
        result = self.run(line, stdin)
        assert (result.code, result.out) == (1, ""), result
        assert "Traceback" not in result.err
        return result.err.rstrip("\n")

    def raw(self, line: str) -> list[dict]:
        """The objects that a command with `--raw` prints."""
        text, decoder, found = self.ok(f"{line} --raw"), json.JSONDecoder(), []
        while text:
            value, end = decoder.raw_decode(text)
            found.append(value)
            text = text[end:]
        return found

    def rows(self, line: str) -> list[list[str]]:
        """The cells of a table, without its header; no cell of it may have a space in it."""
        return [row.split() for row in self.ok(line).splitlines()[1:]]

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.serving.clock.advance(seconds)

    def stop(self) -> None:
        """Ends it; whatever was done to it, it is sound."""
        assert self.serving.problems() == []
        self.serving.stop()
