"""A text in the user's editor, for the commands that change a pipeline by hand."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path

from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.pachctl.app import App

EDITOR = "vim"


def edited(app: App, text: str, suffix: str, editor: str | None) -> str:
    """What the user makes of a text.

    Args:
        app: its environment names the editor.
        text: to begin with.
        suffix: of the file, which tells editors what it is.
        editor: a command; `EDITOR` of the environment, or vim, unless given.

    Raises:
        NotFound: the editor is not there.
        InvalidRequest: it failed, or left no text.
    """
    command = editor or app.environ.get("EDITOR") or EDITOR
    with tempfile.TemporaryDirectory(prefix="pachctl-edit-") as folder:
        path = Path(folder) / f"pipeline{suffix}"
        path.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run([*shlex.split(command), str(path)], check=False)
            after = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise NotFound(f"the editor {command!r} cannot be used: {error}; --editor names another one") from None
    if done.returncode:
        raise InvalidRequest(f"the editor {command!r} ended with {done.returncode}: nothing was changed")
    return after
