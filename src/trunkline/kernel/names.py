"""Names of projects, repos, branches and pipelines: what they may look like.

The rules and the words are those of release 2.11, because clients match the words.
"""

from __future__ import annotations

import re

from trunkline.kernel.errors import Refused
from trunkline.kernel.ids import is_id

DEFAULT_PROJECT = "default"
FILESET_REPO = "__filesets__"
LONGEST_NAME = 51
LONGEST_KUBERNETES_NAME = 63

_NAME = re.compile(r"[a-zA-Z0-9_-]+")


def check_name(name: str) -> None:
    """Refuses a name with anything but letters, digits, underscores and dashes."""
    if _NAME.fullmatch(name) is None:
        raise Refused(f"name ({name}) invalid: only alphanumeric characters, underscores, and dashes are allowed")


def check_project_name(name: str) -> None:
    """The rule for projects; `default` is always valid."""
    if name == DEFAULT_PROJECT:
        return
    check_name(name)
    _check_start_and_length("project", name)


def check_pipeline_name(project: str, name: str) -> None:
    """The rule for pipelines, including the room that a Kubernetes name needs."""
    try:
        check_name(name)
    except Refused as error:
        raise Refused(f"invalid pipeline name: {error}") from None
    _check_start_and_length("pipeline", name)
    kubernetes = f"{project}-{name}-v99".lower().replace("_", "-")
    if len(kubernetes) > LONGEST_KUBERNETES_NAME:
        over = len(kubernetes) - LONGEST_KUBERNETES_NAME
        raise Refused(
            f'Kubernetes name "{kubernetes}" is {over} characters longer than the {LONGEST_KUBERNETES_NAME} max'
        )


def check_repo_name(name: str) -> None:
    """The rule for repos."""
    check_name(name)
    if name == FILESET_REPO:
        raise Refused(f"{FILESET_REPO} is a reserved name")


def check_branch_name(name: str) -> None:
    """The rule for branches: a name that cannot be taken for a commit id."""
    check_name(name)
    if is_id(name):
        raise Refused("branch name cannot be a UUID V4")


def _check_start_and_length(kind: str, name: str) -> None:
    if len(name) > LONGEST_NAME:
        over = len(name) - LONGEST_NAME
        raise Refused(f'{kind} name "{name}" is {over} characters longer than the {LONGEST_NAME} max')
    if not name[0].isalnum():
        raise Refused(f"{kind} names must start with an alphanumeric character")
