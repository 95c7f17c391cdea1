"""The effective spec: what the user wrote, over the defaults of project and cluster, over the built-in ones.

The merge is that of RFC 7396: objects key by key, lists and values replaced whole, `null` deletes what was
inherited. It works on canonical JSON and knows no field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline.kernel.errors import InvalidRequest
from trunkline.pps import canonical, spec
from trunkline.pps.spec import PipelineSpec

BUILT_IN: Mapping[str, Any] = {
    "transform": {"image": "ubuntu:20.04"},
    "outputBranch": "master",
    "datumTries": "3",
    "reprocessSpec": "until_success",
}
"""What holds where nobody says otherwise."""


class Effective(msgspec.Struct, frozen=True):
    """An effective spec, as JSON and as types."""

    text: str
    spec: PipelineSpec


def make(
    user_spec: str,
    cluster: Mapping[str, Any] | None = None,
    project: Mapping[str, Any] | None = None,
) -> Effective:
    """Merges built-in defaults, those of the cluster, those of the project, and the user's spec; later wins.

    Args:
        user_spec: JSON as the user wrote it, in any accepted spelling.
        cluster, project: canonical JSON of partial specs; none by default.

    Raises:
        InvalidRequest: the user's spec cannot be read; the message begins `could not make effective spec:`.
    """
    return over(canonical.parse(user_spec), cluster, project)


def over(
    given: Mapping[str, Any],
    cluster: Mapping[str, Any] | None = None,
    project: Mapping[str, Any] | None = None,
    *,
    built_in: Mapping[str, Any] = BUILT_IN,
) -> Effective:
    """As `make`, of a spec in canonical JSON.

    Raises:
        InvalidRequest: a value of a wrong type; the message begins `could not make effective spec:`.
    """
    merged: Any = {}
    for layer in (built_in, cluster or {}, project or {}, given):
        merged = merge(merged, layer)
    text = json.dumps(merged, ensure_ascii=False)
    try:
        return Effective(text, spec.decode(text))
    except (InvalidRequest, UnicodeEncodeError) as error:  # the latter: half of a surrogate pair
        raise InvalidRequest(f"could not make effective spec: {error}") from None


def merge(target: Any, patch: Any) -> Any:
    """`patch` applied to `target`, both JSON values; neither is altered (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result
