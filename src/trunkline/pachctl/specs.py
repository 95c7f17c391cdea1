"""Reads pipeline files: several JSON or YAML documents, or lists of them, from a file, URL or pipe.

Invariant: nothing is sent before every document of the input has been read and translated; an error names the
source, the line and the column.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.pachctl.fetch import fetch
from trunkline.pachctl.sources import STDIN, is_url

Json = dict[str, Any]


def read(origin: str) -> list[Json]:
    """Every specification of a source, in order.

    Args:
        origin: a file, a URL or `-`.

    Raises:
        NotFound: no such file.
        InvalidRequest: neither JSON nor YAML, or something else than objects.
    """
    return documents(text(origin), _named(origin))


def text(origin: str) -> str:
    """What a source holds.

    Raises:
        NotFound, InvalidRequest: no such file; it cannot be read, or is not UTF-8.
    """
    try:
        return _bytes(origin).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"malformed pipeline spec: {_named(origin)} is not UTF-8: {error.reason}") from None


def _named(origin: str) -> str:
    return "standard input" if origin == STDIN else origin


def documents(text: str, name: str) -> list[Json]:
    """The objects of a text that holds JSON or YAML documents, or lists of them.

    What begins with a brace or a bracket is JSON, unless its name says that it is YAML.

    Raises:
        InvalidRequest: `malformed pipeline spec: …`, with line and column.
    """
    if name.endswith((".yaml", ".yml")) or text.lstrip()[:1] not in ("{", "[", ""):
        from trunkline.pps import yamlspecs  # slow to load

        found = list(yamlspecs.documents(text, name))
    else:
        found = list(_objects(text, name))
    if not found:
        raise InvalidRequest(f"malformed pipeline spec: {name} has no specification in it")
    return found


def _bytes(origin: str) -> bytes:
    if origin == STDIN:
        return sys.stdin.buffer.read()
    if is_url(origin):
        return fetch(origin)
    try:
        return Path(origin).read_bytes()
    except FileNotFoundError:
        raise NotFound(f"{origin} doesn't exist") from None
    except OSError as error:
        raise InvalidRequest(f"{origin} cannot be read: {error.strerror}") from None


def _objects(text: str, name: str) -> Iterator[Json]:
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
    position = _skip_space(text, 0)
    while position < len(text):
        start = position
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise _malformed(name, text, error.pos, error.msg[:1].lower() + error.msg[1:]) from None
        except _BadValueError as error:
            raise _malformed(name, text, start, str(error)) from None
        except RecursionError:
            raise _malformed(name, text, start, "nested too deeply") from None
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, dict):
                raise _malformed(name, text, start, "a specification is an object, in braces")
            yield item
        position = _skip_space(text, position)


class _BadValueError(ValueError):
    """JSON that Python reads and the API does not."""


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    result: Json = {}
    for key, value in pairs:
        if key in result:
            raise _BadValueError(f'the field "{key}" is given twice')
        if key != "$schema":  # editors put it there; it says nothing about the pipeline
            result[key] = value
    return result


def _refuse_constant(text: str) -> Any:
    raise _BadValueError(f"{text} is not a JSON number")


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _malformed(name: str, text: str, position: int, reason: str) -> InvalidRequest:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return InvalidRequest(f"malformed pipeline spec: {name} line {line} column {column}: {reason}")
