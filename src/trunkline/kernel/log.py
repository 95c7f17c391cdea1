"""pachd's own log: one JSON object a line, to a file or to standard error.

Invariant: no message, and no field, carries a token, a password or file content.
"""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the call that the current thread handles; each line that is logged meanwhile carries it."""


class JsonFormatter(logging.Formatter):
    """Renders a record, with whatever was passed as `extra`, as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without the newline."""
        fields: dict[str, object] = {
            "ts": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if REQUEST.get():
            fields["request"] = REQUEST.get()
        fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str, ensure_ascii=False)


def configure(level: str, path: Path | None = None, stream: TextIO | None = None) -> None:
    """Sends everything below the logger `trunkline` to a file, or else to a stream (standard error)."""
    handler: logging.Handler
    handler = logging.FileHandler(path) if path is not None else logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger("trunkline")
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False
