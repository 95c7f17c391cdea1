"""Names of things: which project, repo, branch, commit is meant, and how messages spell it.

Invariant: a reference says what the caller said; only `resolve` turns it into rows.
"""

from __future__ import annotations

import msgspec

from trunkline.kernel.names import DEFAULT_PROJECT

USER, SPEC, META = "user", "spec", "meta"


class RepoRef(msgspec.Struct, frozen=True, order=True):
    """A repo by name."""

    name: str
    type: str = USER
    project: str = DEFAULT_PROJECT

    def __str__(self) -> str:
        suffix = "" if self.type == USER else f".{self.type}"
        return f"{self.project}/{self.name}{suffix}"


class BranchRef(msgspec.Struct, frozen=True, order=True):
    """A branch by name."""

    repo: RepoRef
    name: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.name}"


class CommitRef(msgspec.Struct, frozen=True):
    """A commit as a caller names it: by id, by branch, or with ancestry (`id` may be `master^2`)."""

    repo: RepoRef
    id: str = ""
    branch: str = ""

    def __str__(self) -> str:
        return f"{self.repo}@{self.id or self.branch}"
