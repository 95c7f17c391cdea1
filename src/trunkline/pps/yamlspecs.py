"""Pipeline files in YAML: several documents, or lists of them, as the same objects that JSON gives.

YAML means here what it means in release 1.2: only `true` and `false` are truths, a date stays text, and a number is
a number. Anchors and aliases are refused, as the original does; so is a field that is given twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from trunkline.kernel.errors import InvalidRequest

_PLAIN = (
    ("null", r"~|null|", "~n"),
    ("bool", r"true|false", "tf"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789."),
)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # the library tells no types
    """Reads the part of YAML that pipeline files are written in."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base has it

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node; never one that stands for another."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not allowed", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """An object; each of its fields is given once, and by a text."""
        seen: set[Any] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                raise yaml.MarkedYAMLError(problem="the name of a field is a text", problem_mark=key.start_mark)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f'the field "{name}" is given twice', problem_mark=key.start_mark)
            seen.add(name)
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        made.pop("$schema", None)  # editors put it there; it says nothing about the pipeline
        return made


for _kind, _form, _first in _PLAIN:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_form})$"), [*_first, ""])


def documents(text: str, name: str) -> Iterator[dict[str, Any]]:
    """The objects of a text.

    Args:
        text: YAML.
        name: of the source, for messages.

    Raises:
        InvalidRequest: `malformed pipeline spec: …`, with line and column.
    """
    try:
        values = list(yaml.load_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" line {mark.line + 1} column {mark.column + 1}" if mark is not None else ""
        raise InvalidRequest(f"malformed pipeline spec: {name}{place}: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InvalidRequest(f"malformed pipeline spec: {name}: {reason}") from None
    except RecursionError:
        raise InvalidRequest(f"malformed pipeline spec: {name}: nested too deeply") from None
    for value in values:
        if value is None:
            continue
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, dict):
                raise InvalidRequest(f"malformed pipeline spec: {name}: a specification is an object")
            yield item
