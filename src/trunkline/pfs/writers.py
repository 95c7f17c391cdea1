"""Who may write to a branch that comes from others: user code that was given a token for that branch.

Everybody else is refused there, because such a branch is filled by its pipeline. Invariants: a token opens one branch,
until it is taken back or pachd ends; who calls is known for the length of a call, in the thread that serves it, as the
session of what it reads is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_token: ContextVar[str] = ContextVar("token", default="")


@contextmanager
def calling(token: str) -> Iterator[None]:
    """For the length of a call: what the caller has shown."""
    before = _token.set(token)
    try:
        yield
    finally:
        _token.reset(before)


class Writers:
    """The tokens that are out."""

    def __init__(self) -> None:
        self._branches: dict[str, int] = {}

    def grant(self, branch: int) -> str:
        """A new token for the branch with this key."""
        token = secrets.token_hex(32)
        self._branches[token] = branch
        return token

    def revoke(self, token: str) -> None:
        """Takes a token back."""
        self._branches.pop(token, None)

    def current(self) -> int | None:
        """The key of the branch that the present caller may write to though it comes from others."""
        token = _token.get()
        return self._branches.get(token) if token else None
