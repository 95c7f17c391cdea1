"""Pipeline specifications as they were written for release 1.7, turned into today's; a pure function of JSON.

Invariant: a specification of today comes out as it went in, and a field that neither release knows is left in
place, so that the server refuses it by name. Field names may be in snake_case or lowerCamelCase, mixed. What the
old release could do and this one cannot is refused with what to write instead; hints that had no influence on
results (`TUNING`) are dropped, and `dropped` names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trunkline.kernel.errors import InvalidRequest

Json = dict[str, Any]

TUNING = ("cacheSize", "enableStats", "batch", "maxQueueSize", "scaleDownThreshold")
"""Settings of 1.7 that changed how a pipeline was run, never what it made."""

_GPU_TYPE = "nvidia.com/gpu"
_SETS = ("cross", "union", "join", "group")


def translate(spec: Json) -> Json:
    """Today's form of a specification.

    Args:
        spec: one specification, as JSON values; not changed.

    Raises:
        InvalidRequest: something that only the old release could do; the message has the remedy.
    """
    result: Json = {}
    spelled: dict[str, str] = {}
    for name, value in spec.items():
        for new_name, new_value in _TRANSLATIONS.get(_plain(name), _keep)(name, value):
            earlier = spelled.setdefault(_plain(new_name), name)
            if earlier != name:
                raise InvalidRequest(f"malformed pipeline spec: {earlier} and {name} say the same, keep one of them")
            result[new_name] = new_value
    return result


def dropped(spec: Json) -> tuple[str, ...]:
    """The settings of a specification that have no effect today, as they are spelled in it."""
    tuning = {_plain(name) for name in TUNING}
    ignored = tuning | {"incremental"}
    return tuple(name for name in spec if _plain(name) in ignored)


def _plain(name: str) -> str:
    """A field name without the difference between snake_case and lowerCamelCase."""
    return name.replace("_", "").lower()


Pairs = list[tuple[str, Any]]


def _keep(name: str, value: Any) -> Pairs:
    return [(name, value)]


def _drop(name: str, value: Any) -> Pairs:
    return []


def _rename(new_name: str) -> Callable[[str, Any], Pairs]:
    def renamed(name: str, value: Any) -> Pairs:
        return [(new_name, value)]

    return renamed


def _incremental(name: str, value: Any) -> Pairs:
    if value in (False, None):
        return []
    raise InvalidRequest(
        f"malformed pipeline spec: {name} is not offered any more: a datum never sees its earlier output; "
        "leave it out, unchanged datums are skipped anyway"
    )


def _input(name: str, value: Any) -> Pairs:
    return [(name, _translated_input(value))]


def _translated_input(value: Any) -> Any:
    """An input with `atom` as `pfs`, at any depth."""
    if not isinstance(value, Mapping):
        return value
    result: Json = {}
    for name, inner in value.items():
        plain = _plain(name)
        if plain == "git":
            raise InvalidRequest(
                "malformed pipeline spec: git inputs are not offered any more; put the files into a repo"
            )
        if plain == "atom":
            if "pfs" in value:
                raise InvalidRequest("malformed pipeline spec: multiple input types set: atom and pfs")
            result["pfs"] = inner
        elif plain in _SETS and isinstance(inner, list):
            result[name] = [_translated_input(child) for child in inner]
        else:
            result[name] = inner
    return result


def _parallelism(name: str, value: Any) -> Pairs:
    if isinstance(value, Mapping) and any(_plain(inner) == "coefficient" for inner in value):
        raise InvalidRequest(
            f"malformed pipeline spec: {name}.coefficient is not offered any more, as it counted the nodes of a "
            f"cluster; give {name}.constant, the number of workers"
        )
    return [(name, value)]


def _resources(name: str, value: Any) -> Pairs:
    """`gpu` as a number becomes so many of the usual kind."""
    if not isinstance(value, Mapping):
        return [(name, value)]
    result: Json = {}
    for inner, amount in value.items():
        number = _whole(amount) if _plain(inner) == "gpu" else None
        if number is None:
            result[inner] = amount
        elif number:
            result[inner] = {"type": _GPU_TYPE, "number": number}
    return [(name, result)]


def _whole(value: Any) -> int | None:
    """A number, or a number as text (both were allowed)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _egress(name: str, value: Any) -> Pairs:
    """The one field was called `URL`; today's message keeps it, in capitals."""
    if not isinstance(value, Mapping):
        return [(name, value)]
    return [(name, {"URL" if _plain(inner) == "url" else inner: url for inner, url in value.items()})]


_TRANSLATIONS: dict[str, Callable[[str, Any], Pairs]] = {
    "input": _input,
    "parallelismspec": _parallelism,
    "resourcerequests": _resources,
    "resourcelimits": _resources,
    "egress": _egress,
    "chunkspec": _rename("datumSetSpec"),
    "standby": _rename("autoscaling"),
    "incremental": _incremental,
    **dict.fromkeys(map(_plain, TUNING), _drop),
}
