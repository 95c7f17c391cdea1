"""The spec a user wrote, in the one spelling that the rest of the system reads: canonical protobuf JSON.

Field names may be lowerCamelCase or snake_case, 64-bit integers text or numbers, enums names or numbers.
What comes out has lowerCamelCase, text and names. Invariants: no key is lost or invented, except that `null`
inside a list's element means unset; nulls elsewhere stay: the merge with the defaults gives them a meaning.
"""

from __future__ import annotations

import functools
import json
import types
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from trunkline.kernel.errors import InvalidRequest
from trunkline.pps import spec
from trunkline.pps.spec import Int64, PipelineSpec, Uint64

_WIDE = {get_args(Int64)[1], get_args(Uint64)[1]}
_DEEPEST = 100
"""Levels of nesting; protobuf's own limit."""


def parse(
    text: str, prefix: str = "could not make effective spec", message: type[msgspec.Struct] = PipelineSpec
) -> dict[str, Any]:
    """Reads a spec as the user wrote it.

    Args:
        text: JSON.
        prefix: of messages.
        message: what it is, if not a whole spec.

    Raises:
        InvalidRequest: not a JSON object, a key given twice, an unknown field, nested too deeply; the message
            begins with `prefix` and says where.
    """
    try:
        value = json.loads(text, object_pairs_hook=_no_twins, parse_constant=_no_constant)
        if not isinstance(value, dict):
            what = "a pipeline spec is" if message is PipelineSpec else "give"
            raise InvalidRequest(f"{what} a JSON object, not {_kind(value)}")
        found: dict[str, Any] = _object(value, message, "", _DEEPEST)
    except ValueError as error:  # of the JSON reader, or an integer of thousands of digits
        raise InvalidRequest(f"{prefix}: not JSON: {error}") from None
    except RecursionError:
        raise InvalidRequest(f"{prefix}: nested more than {_DEEPEST} levels deep") from None
    except InvalidRequest as error:
        raise InvalidRequest(f"{prefix}: {error}") from None
    return found


def encode(given: PipelineSpec) -> str:
    """A spec as canonical JSON, with 64-bit integers as text; `spec.decode` reads it back."""
    value = _object(json.loads(spec.encode(given)), PipelineSpec, "", _DEEPEST)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidRequest(f'the key "{twice}" is given twice in one object: keep one')
    return found


def _no_constant(text: str) -> Any:
    raise InvalidRequest(f"{text} is not JSON: give a number")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "text", bool: "a truth value", int: "a number", float: "a number"}
    return names.get(type(value), "null")


Rewrite = Callable[[Any, str, int], Any]
"""Takes a value, the path to it and the levels left; returns the value in canonical form."""


def _keep(value: Any, path: str, left: int) -> Any:
    return value  # a wrong type is told by `spec.decode`


@functools.cache
def _fields(message: type[msgspec.Struct]) -> dict[str, tuple[str, Rewrite]]:
    """For each accepted spelling of a field: its canonical name, and how its value is rewritten."""
    hints = get_type_hints(message, include_extras=True)
    found: dict[str, tuple[str, Rewrite]] = {}
    for field in msgspec.structs.fields(message):
        known = (field.encode_name, _rewrite(hints[field.name]))
        found[field.encode_name] = known
        if field.encode_name != "URL":
            found[field.name] = known
    return found


def _object(value: dict[str, Any], message: type[msgspec.Struct], path: str, left: int) -> dict[str, Any]:
    if left <= 0:
        raise InvalidRequest(f"nested more than {_DEEPEST} levels deep")
    fields = _fields(message)
    found: dict[str, Any] = {}
    for key, inner in value.items():
        here = f"{path}.{key}" if path else key
        if key not in fields:
            raise InvalidRequest(f'unknown field "{here}"{_hint(key, fields)}')
        name, rewrite = fields[key]
        if name in found:
            raise InvalidRequest(f'the field "{here}" is given twice, in two spellings: keep one')
        found[name] = None if inner is None else rewrite(inner, here, left - 1)
    return found


def _hint(key: str, fields: dict[str, tuple[str, Rewrite]]) -> str:
    plain = key.replace("_", "").replace("-", "").lower()
    for name, _ in fields.values():
        if name.lower() == plain:
            return f', did you mean "{name}"?'
    return ""


def _rewrite(hint: Any) -> Rewrite:
    """How a value of a declared type is brought into canonical form."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _rewrite(next(one for one in get_args(hint) if one is not type(None)))
    if origin is Annotated:
        return _wide_integer if get_args(hint)[1] in _WIDE else _keep
    if origin is tuple:
        return _list_of(_rewrite(get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return functools.partial(_message, hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return functools.partial(_enum, hint)
    return _keep


def _message(message: type[msgspec.Struct], value: Any, path: str, left: int) -> Any:
    return _object(value, message, path, left) if isinstance(value, dict) else value


def _wide_integer(value: Any, path: str, left: int) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _enum(enum: type[Enum], value: Any, path: str, left: int) -> Any:
    names = [member.value for member in enum]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return names[value]
    if value not in names:
        raise InvalidRequest(f"{path} is {value!r}: give one of {', '.join(names)}")
    return value


def _list_of(rewrite: Rewrite) -> Rewrite:
    def rewrite_list(value: Any, path: str, left: int) -> Any:
        if not isinstance(value, list):
            return value
        return [_without_nulls(rewrite(one, f"{path}[{at}]", left - 1)) for at, one in enumerate(value)]

    return rewrite_list


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
