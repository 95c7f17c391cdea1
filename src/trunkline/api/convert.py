"""Between wire messages and domain values of the versioned file system.

Invariant: nothing is decided here. An unset project means `default`; an unset repo type means `user`.
"""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.names import DEFAULT_PROJECT
from trunkline.pfs.refs import USER, BranchRef, CommitRef, RepoRef
from trunkline.pfs.rows import Commit
from trunkline.pfs.tree import Node
from trunkline.pfs.triggers import Trigger
from trunkline.wire import pfs_pb2


def timestamp(nanos: int | None) -> Timestamp | None:
    """A wire timestamp, or None for an unset time."""
    return None if nanos is None else needed_timestamp(nanos)


def needed_timestamp(nanos: int) -> Timestamp:
    """A wire timestamp."""
    return Timestamp(seconds=nanos // 1_000_000_000, nanos=nanos % 1_000_000_000)


def repo_ref(message: pfs_pb2.Repo) -> RepoRef:
    """The repo that a message names."""
    return RepoRef(message.name, message.type or USER, message.project.name or DEFAULT_PROJECT)


def branch_ref(message: pfs_pb2.Branch) -> BranchRef:
    """The branch that a message names."""
    return BranchRef(repo_ref(message.repo), message.name)


def commit_ref(message: pfs_pb2.Commit) -> CommitRef:
    """The commit that a message names, by id or by branch.

    Raises:
        InvalidRequest: no repo in it.
    """
    repo = message.repo if message.repo.name else message.branch.repo
    if not repo.name:
        raise InvalidRequest("cannot resolve nil commit: name a repo, and a branch or a commit id")
    return CommitRef(repo_ref(repo), message.id, message.branch.name)


def optional_commit_ref(holder: object, field: str) -> CommitRef | None:
    """The commit in an optional field, or None."""
    if not holder.HasField(field):  # type: ignore[attr-defined]
        return None
    return commit_ref(getattr(holder, field))


def repo_message(ref: RepoRef) -> pfs_pb2.Repo:
    """A repo on the wire."""
    return pfs_pb2.Repo(name=ref.name, type=ref.type, project=pfs_pb2.Project(name=ref.project))


def branch_message(ref: BranchRef) -> pfs_pb2.Branch:
    """A branch on the wire."""
    return pfs_pb2.Branch(repo=repo_message(ref.repo), name=ref.name)


def commit_message(commit: Commit, *, with_branch: bool = False) -> pfs_pb2.Commit:
    """A commit on the wire; the branch only where spec 00, section 15, keeps it."""
    branch = branch_message(BranchRef(commit.repo, commit.branch)) if with_branch and commit.branch else None
    return pfs_pb2.Commit(repo=repo_message(commit.repo), id=commit.id, branch=branch)


def trigger(message: pfs_pb2.Trigger) -> Trigger:
    """The trigger that a message describes."""
    return Trigger(
        source=message.branch,
        all=message.all,
        rate_limit_spec=message.rate_limit_spec,
        size=message.size,
        commits=message.commits,
        cron_spec=message.cron_spec,
    )


def trigger_message(trigger: Trigger) -> pfs_pb2.Trigger:
    """A trigger on the wire."""
    return pfs_pb2.Trigger(
        branch=trigger.source,
        all=trigger.all,
        rate_limit_spec=trigger.rate_limit_spec,
        size=trigger.size,
        commits=trigger.commits,
        cron_spec=trigger.cron_spec,
    )


def file_info(commit: pfs_pb2.Commit, committed: int | None, node: Node, tag: str) -> pfs_pb2.FileInfo:
    """A file or directory on the wire."""
    return pfs_pb2.FileInfo(
        file=pfs_pb2.File(commit=commit, path=node.path, datum="" if node.is_dir else tag),
        file_type=pfs_pb2.DIR if node.is_dir else pfs_pb2.FILE,
        committed=timestamp(committed),
        size_bytes=node.size,
        hash=node.hash,
    )
