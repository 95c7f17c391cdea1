"""Defaults of pipelines: of the whole cluster and of each project, as they are kept and read.

What is kept is the text that was set, word for word. Invariant: a text that is kept can be read, and says nothing that
belongs to one pipeline (its name) or to one request (`update`, `dryRun`, …); so it may lie under any spec. What
defaults mean for a spec is `effective`'s to say, what a change of them does to pipelines is `regenerate`'s.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from trunkline.catalog import Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs import projects
from trunkline.pfs.change import Change
from trunkline.pps import canonical, effective, spec

NOTHING = "{}"
"""The text where nobody has set any."""

_OF_ONE = ("pipeline", "update", "reprocess", "dryRun", "specCommit")
"""What cannot be a default: it names one pipeline, or says what one request does."""

_SETTING = "cluster_defaults"

Partial = Mapping[str, Any]
"""Canonical JSON of a part of a spec."""


class Layers(msgspec.Struct, frozen=True):
    """The defaults that lie under the specs of a project, nearest last."""

    cluster: Partial
    project: Partial


class ProjectDefaults(msgspec.Struct, frozen=True):
    """The defaults of a project; `updated` is None if nobody has set any."""

    text: str = NOTHING
    updated: Nanos | None = None


@functools.lru_cache(maxsize=64)
def parse(text: str, whose: str) -> Partial:
    """The partial spec in a text such as `{"createPipelineRequest": {"datumTries": "5"}}`; shared, not to be changed.

    Args:
        whose: `cluster` or `project`, for messages.

    Raises:
        InvalidRequest: it cannot be read, or says what cannot be a default; begins `invalid cluster defaults JSON`.
    """
    prefix = f"invalid {whose} defaults JSON"
    found = canonical.parse(text, prefix, spec.Defaults).get("createPipelineRequest")
    if found is None:
        return {}
    try:
        spec.decode(json.dumps(effective.merge({}, found)))
    except (InvalidRequest, UnicodeEncodeError) as error:
        raise InvalidRequest(f"{prefix}: {error}") from None
    wrong = next((field for field in _OF_ONE if field in found), None)
    if wrong is not None:
        raise InvalidRequest(f"{prefix}: createPipelineRequest.{wrong} cannot be a default: give it with each pipeline")
    return cast(Partial, found)


def of_cluster(tx: Tx) -> str:
    """The text that was set for the whole cluster."""
    row = tx.row("SELECT value FROM settings WHERE name = ?", (_SETTING,))
    return NOTHING if row is None else str(row["value"])


def of_project(tx: Tx, name: str) -> ProjectDefaults:
    """What was set for a project.

    Raises:
        NotFound: no such project.
    """
    key = projects.need(tx, name).key
    row = tx.row("SELECT text, updated FROM project_defaults WHERE project = ?", (key,))
    return ProjectDefaults() if row is None else ProjectDefaults(row["text"], row["updated"])


def layers(tx: Tx, project: str) -> Layers:
    """What lies under the specs of a project; one that does not exist has the cluster's, and fails later."""
    own = NOTHING if projects.find(tx, project) is None else of_project(tx, project).text
    return Layers(parse(of_cluster(tx), "cluster"), parse(own, "project"))


def put_cluster(change: Change, text: str) -> None:
    """Keeps a text as the cluster's defaults.

    Raises:
        InvalidRequest: as `parse`.
    """
    parse(text, "cluster")
    change.tx.run(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_SETTING, text),
    )


def put_project(change: Change, name: str, text: str) -> None:
    """Keeps a text as the defaults of a project.

    Raises:
        InvalidRequest, NotFound: as `parse`; no such project.
    """
    parse(text, "project")
    change.tx.run(
        "INSERT INTO project_defaults (project, text, updated) VALUES (?, ?, ?) "
        "ON CONFLICT (project) DO UPDATE SET text = excluded.text, updated = excluded.updated",
        (projects.need(change.tx, name).key, text, change.now),
    )
