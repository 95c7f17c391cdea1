"""The client configuration file of the original, changed: read whole, edited, written back whole.

Invariants: what this program does not know in the file stays in it; the file is replaced at once, and only its
owner can read it, because it holds tokens.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trunkline.kernel.errors import InvalidRequest, NotFound, TrunklineError
from trunkline.kernel.ids import new_id
from trunkline.pachctl import config
from trunkline.pachctl.app import App

Json = dict[str, Any]

DEFAULT = "default"


class ConfigFile:
    """The file as it is now; `save` makes it what was changed here.

    Attributes:
        path: of the file.
        v2: the part that matters: `active_context`, `metrics`, `contexts`.
    """

    def __init__(self, app: App) -> None:
        """Reads the file; nothing and an empty file are a file with the context `default`.

        Raises:
            InvalidRequest: it cannot be read.
        """
        self.path = config.config_path(app.environ)
        self._environ: Mapping[str, str] = app.environ
        self._whole = config.read(self.path)
        self.v2: Json = config.upgraded(self._whole)
        if not self.v2.get("contexts"):
            self.v2["contexts"] = {DEFAULT: {}}
            self.v2.setdefault("active_context", DEFAULT)

    @property
    def contexts(self) -> dict[str, Json]:
        """All contexts by name."""
        found = self.v2["contexts"]
        if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
            raise InvalidRequest(f'could not parse config json at "{self.path}": v2.contexts is not an object')
        return found

    @property
    def active_name(self) -> str:
        """The name of the active context: that of `PACH_CONTEXT`, or the file's."""
        return str(self._environ.get("PACH_CONTEXT") or self.v2.get("active_context") or DEFAULT)

    @property
    def active(self) -> Json:
        """The active context.

        Raises:
            NotFound: it is not in the file.
        """
        if self.active_name == DEFAULT and not self._environ.get("PACH_CONTEXT"):
            return self.contexts.setdefault(DEFAULT, {})
        return self.context(self.active_name)

    def context(self, name: str) -> Json:
        """A context by name.

        Raises:
            NotFound: there is none.
        """
        if name not in self.contexts:
            raise NotFound(f"context does not exist: {name}")
        return self.contexts[name]

    def save(self) -> None:
        """Writes the file.

        Raises:
            TrunklineError: it cannot be written.
        """
        whole = {"user_id": self._whole.get("user_id") or new_id()}
        whole |= {key: value for key, value in self._whole.items() if key not in ("user_id", "v1", "v2")}
        text = json.dumps({**whole, "v2": self.v2}, indent=2, ensure_ascii=False) + "\n"
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _write(partial, text)
            partial.replace(self.path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise TrunklineError(f"cannot write {self.path}: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as stream:  # noqa: PTH123 - of a descriptor
        stream.write(text)


def shown(value: object) -> str:
    """A part of the file as JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)
