"""`--raw`: protobuf JSON as in 1.7, lowerCamelCase and indented by two, one object after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message


def text(message: Message) -> str:
    """One message; fields without a value are left out, 64-bit numbers are strings."""
    from google.protobuf.json_format import MessageToJson  # takes longer to load than most commands to run

    return MessageToJson(message, indent=2, ensure_ascii=False)


def show(messages: Iterable[Message]) -> None:
    """Prints each message as it comes, every one followed by a newline."""
    for message in messages:
        sys.stdout.write(f"{text(message)}\n")
        sys.stdout.flush()
