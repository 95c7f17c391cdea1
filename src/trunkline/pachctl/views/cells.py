"""What the cells of several tables share: ages, lengths of time, sizes, ids of commits.

A time that is not known is `-` in a table.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.kernel import units
from trunkline.kernel.clock import SECOND, Nanos
from trunkline.wire import pfs_pb2 as pfs

UNKNOWN = "-"


def ago(when: Timestamp | None, now: Nanos) -> str:
    """`3 seconds ago`."""
    if when is None:
        return UNKNOWN
    return f"{units.duration(max(0, now - nanos(when)) / SECOND)} ago"


def between(start: Timestamp | None, end: Timestamp | None) -> str:
    """How long from one time to the other: `3 seconds`."""
    if start is None or end is None:
        return UNKNOWN
    return units.duration(max(0, nanos(end) - nanos(start)) / SECOND)


def length(duration: Duration | None) -> str:
    """A duration in words; nothing known is `-`."""
    return UNKNOWN if duration is None else units.duration(seconds(duration))


def seconds(duration: Duration) -> float:
    """A duration as a number of seconds."""
    return duration.seconds + duration.nanos / SECOND


def nanos(when: Timestamp) -> int:
    """A time as nanoseconds since the epoch."""
    return when.seconds * SECOND + when.nanos


def when(message: Message, field: str) -> Timestamp | None:
    """A time field, or nothing if it is not set."""
    return getattr(message, field) if message.HasField(field) else None


def repo_name(repo: pfs.Repo) -> str:
    """`name`, or `name.type` for a repo that is not a user's."""
    return repo.name if repo.type in ("", "user") else f"{repo.name}.{repo.type}"


def commit_name(commit: pfs.Commit) -> str:
    """`repo/id`."""
    return f"{repo_name(repo_of(commit))}/{commit.id}"


def repo_of(commit: pfs.Commit) -> pfs.Repo:
    """The repo of a commit, which some answers give only with the branch."""
    return commit.repo if commit.repo.name else commit.branch.repo


def path_name(path: str) -> str:
    """A path as this grammar shows it: no slash around it, but the root is `/`."""
    return path.strip("/") or "/"


def shortened(text: str, limit: int) -> str:
    """One line of at most so many characters, and dots if something was cut."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[:limit].rstrip()}..."
