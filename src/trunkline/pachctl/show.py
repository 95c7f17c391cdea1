"""How the spaced grammar prints: whole messages with `--raw`, otherwise a table or the view of one thing.

`--raw` is protobuf JSON with the names of the fields as they are in the contract, one object directly after the
other; or YAML, one document each. A listing of any length streams.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from trunkline.pachctl import table
from trunkline.pachctl.app import App

if TYPE_CHECKING:
    from google.protobuf.message import Message

M = TypeVar("M", bound="Message")
Row = Callable[[M], Sequence[str]]


def listing(app: App, messages: Iterable[M], header: Sequence[str], row: Row[M]) -> None:
    """A table of messages, or with `--raw` the messages."""
    if app.flags.raw:
        raw(app, messages)
    else:
        table.show(header, map(row, messages))


def one(app: App, message: M, detail: Callable[[M], str]) -> None:
    """The view of one message, or with `--raw` the message."""
    if app.flags.raw:
        raw(app, [message])
    else:
        sys.stdout.write(detail(message))


def raw(app: App, messages: Iterable[Message]) -> None:
    """Whole messages, each as soon as it is known."""
    for text in texts(messages, app.flags.output or "json"):
        sys.stdout.write(text)
        sys.stdout.flush()


def texts(messages: Iterable[Message], form: str) -> Iterator[str]:
    """Each message as text; what separates it from the one before is part of it."""
    from google.protobuf.json_format import MessageToDict, MessageToJson  # slow to load, and rarely needed

    for index, message in enumerate(messages):
        if form == "json":
            yield MessageToJson(message, indent=2, preserving_proto_field_name=True, ensure_ascii=False)
        else:
            value = MessageToDict(message, preserving_proto_field_name=True)
            yield f"{'---' + chr(10) if index else ''}{yaml_text(value)}"


def json_text(message: Message) -> str:
    """A message as JSON, with the names of the contract."""
    return next(texts([message], "json"))


def document(app: App, value: Any) -> str:
    """A value as the document that `-o` asks for."""
    if app.flags.output == "yaml":
        return yaml_text(value)
    import json

    return f"{json.dumps(value, indent=2, ensure_ascii=False)}\n"


def yaml_text(value: Any) -> str:
    """A value as a YAML document, its fields in their order."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return text


def confirmed() -> bool:
    """Asks whether to go on, in the words of the original; the answer counts by its first letter."""
    sys.stderr.write("Are you sure you want to do this? (y/N): ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip()
    print(f"got confirm result: {answer}")
    return answer[:1] in ("y", "Y")
