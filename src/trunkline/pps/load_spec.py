"""What a load test is to do: how much data, and which pipelines read it.

The public API leaves the form of both texts open, so it is ours: `Load` as one object, and pipelines as in a pipeline
file. Invariant: what `pipelines` returns reads nothing but what is in the project of the test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from trunkline.kernel.errors import InvalidRequest
from trunkline.pps import canonical, yamlspecs

REPO = "load"
"""The repo that random files are put into, and that pipelines read."""

COPY: Mapping[str, Any] = {
    "pipeline": {"name": "load-copy"},
    "input": {"pfs": {"repo": REPO, "glob": "/*"}},
    "transform": {"cmd": ["sh"], "stdin": [f"cp -r /pfs/{REPO}/* /pfs/out/"]},
}
"""The pipeline of a test that names none."""

_Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=1 << 30)]
_SETS = ("cross", "union", "join", "group")


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data of a test.

    Attributes:
        commits: one after the other, each when the jobs of the one before have ended.
        files: that each commit puts, over older ones in part.
        deletes: of older files, in each commit.
        least_bytes, most_bytes: of a file.
        directories: that the files lie in.
    """

    commits: _Count = 3
    files: _Count = 20
    deletes: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 2
    least_bytes: _Bytes = 0
    most_bytes: _Bytes = 100_000
    directories: _Count = 4


def load(text: str) -> Load:
    """Reads the data of a test, YAML or JSON; what it leaves out, and an empty text, has the values of `Load`.

    Raises:
        InvalidRequest: it cannot be read; begins `malformed load_spec`.
    """
    found = _documents(text, "load_spec")
    if len(found) > 1:
        raise InvalidRequest(f"malformed load_spec: {len(found)} documents: give one object")
    try:
        made = msgspec.convert(found[0] if found else {}, Load)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"malformed load_spec: {error}") from None
    if made.least_bytes > made.most_bytes:
        raise InvalidRequest("malformed load_spec: least_bytes is more than most_bytes")
    return made


def pipelines(text: str, project: str, *, parallelism: int = 0, pod_patch: str = "") -> list[str]:
    """The specs of a test's pipelines, as JSON; `COPY` for an empty text.

    Args:
        text: specs as in a pipeline file, YAML or JSON.
        project: that they are to be in, whatever they say.
        parallelism, pod_patch: in each of them, where given.

    Raises:
        InvalidRequest: they cannot be read; begins `malformed dag_spec`.
    """
    made = []
    for given in _documents(text, "dag_spec") or [dict(COPY)]:
        spec = canonical.parse(json.dumps(given), "malformed dag_spec")
        name = spec.get("pipeline")
        spec["pipeline"] = {**(name if isinstance(name, dict) else {}), "project": {"name": project}}
        _place(spec.get("input"), project)
        for field in ("update", "reprocess", "dryRun"):
            spec.pop(field, None)
        if parallelism:
            spec["parallelismSpec"] = {"constant": str(parallelism)}
        if pod_patch:
            spec["podPatch"] = pod_patch
        made.append(json.dumps(spec, ensure_ascii=False))
    return made


def _place(given: Any, project: str) -> None:
    """Lets an input read from the project of the test alone."""
    if not isinstance(given, dict):
        return
    for kind in ("pfs", "cron"):
        if isinstance(given.get(kind), dict):
            given[kind]["project"] = project
    for kind in _SETS:
        for child in given.get(kind) or ():
            _place(child, project)


def _documents(text: str, name: str) -> list[dict[str, Any]]:
    try:
        return list(yamlspecs.documents(text, name))
    except InvalidRequest as error:
        raise InvalidRequest(str(error).replace("malformed pipeline spec: ", "malformed ", 1)) from None
