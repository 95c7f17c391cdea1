"""Commands that the original has and this program does not: they say so, and name what to use meanwhile.

Nothing is called unknown that a user of the original may rightly expect; unknown are only other words.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from trunkline.kernel.errors import InvalidRequest, NotBuilt, TrunklineError
from trunkline.pachctl.registry import ENTRIES, TOPICS

_OLD = """
    auth completion delete-all deploy edit-pipeline enterprise extract garbage-collect get-object get-tag
    mount port-forward restore run-pipeline undeploy unmount
"""
OLD_COMMANDS = frozenset(_OLD.split())
"""Of the grammar of 1.7."""

_SPACED = """
    auth buildinfo check completion config connect copy create debug delete diff draw edit enterprise exit
    find finish get glob idp inspect kube-events license list logs logs2 loki misc mount next port-forward put
    rerun restart resume run shell squash start stop subscribe unmount update validate wait
"""
SPACED_VERBS = frozenset(_SPACED.split())
"""First words of the grammar of 2.11; most are followed by a noun."""

_SUCCESSORS = {
    ("wait", "commit"): "flush-commit",
    ("wait", "job"): "flush-job",
    ("squash", "commit"): "delete-commit",
    ("get", "logs"): "get-logs",
    ("logs", ""): "get-logs",
    ("port-forward", ""): "start-pachd",
    ("garbage-collect", ""): "fsck",
    ("rerun", "pipeline"): "update-pipeline",
    ("edit", "pipeline"): "update-pipeline",
    ("edit-pipeline", ""): "update-pipeline",
    ("delete", "all"): "delete-repo",
    ("delete-all", ""): "delete-repo",
}
"""Where the hyphenated name is not simply verb-noun."""


def refusal(words: Sequence[str]) -> TrunklineError:
    """What to say to a command line whose first word is no command.

    Args:
        words: the command line after `pachctl`, never empty.
    """
    first = words[0]
    if first in SPACED_VERBS or first in OLD_COMMANDS:
        return _not_built(words)
    return _unknown(first)


def _not_built(words: Sequence[str]) -> NotBuilt:
    first = words[0]
    noun = words[1] if len(words) > 1 and not words[1].startswith("-") else ""
    typed = f"{first} {noun}" if noun and first in SPACED_VERBS else first
    successor = _hyphenated(first, noun)
    hint = f"; use: pachctl {successor}" if successor else ""
    return NotBuilt(f"pachctl {typed} is not built yet{hint}")


def _hyphenated(first: str, noun: str) -> str | None:
    for singular in (noun, noun.removesuffix("s"), noun.removesuffix("es")):
        known = _SUCCESSORS.get((first, singular)) or f"{first}-{singular}"
        if known in ENTRIES:
            return known
    return _SUCCESSORS.get((first, ""))


def _unknown(first: str) -> InvalidRequest:
    names = [*ENTRIES, *(topic.noun for topic in TOPICS)]
    near = get_close_matches(first.replace("_", "-"), names, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "pachctl --help lists all commands"
    return InvalidRequest(f'unknown command "{first}" for pachctl: {hint}')
