"""Pins: what writers and readers rely on before, or although, no row of the catalog says so.

A writer that was told "it is there" relies on an object that perhaps nothing names yet. So it has a *session*, and
each key that it asks about or puts is pinned in that session before the store is looked at. Whoever works from a
map whose row may vanish meanwhile holds the *root*. Both live in the memory of a pachd, which is alone while it
collects.

Invariants: an object is condemned only if no session pins it, and who pins a condemned key waits until it is gone,
so that the look at the store that follows tells the truth. While a collection is under way nothing is released: what
ended sessions pinned and held counts until the collection ends. What roots lead to is for the collector to know.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from trunkline.kernel.clock import SECOND, Clock, Nanos, SteadyClock
from trunkline.kernel.errors import Conflict, NotFound
from trunkline.kernel.ids import new_id

Held = tuple[str, bytes]
"""What a root is the root of (a word between holder and collector), and the packed root."""

STANDING_SECONDS = 3600.0
"""How long at least a pin counts that was made outside of every session; at most twice as long."""


class _Session:
    """Keys and roots, and when they cease to count (None: when the session is ended); never while a thread is bound."""

    __slots__ = ("bound", "ended", "expires", "keys", "roots")

    def __init__(self, expires: Nanos | None = None) -> None:
        self.keys: set[str] = set()
        self.roots: set[Held] = set()
        self.expires = expires
        self.bound = 0
        self.ended = False

    def over(self, now: Nanos) -> bool:
        """Whether it may be forgotten."""
        return not self.bound and (self.ended or (self.expires is not None and self.expires <= now))

    def take(self, other: _Session) -> None:
        self.keys |= other.keys
        self.roots |= other.roots


class Pins:
    """The sessions of one pachd. Thread-safe.

    Args:
        clock: for sessions that end by themselves.
        standing_seconds: how long pins outside of every session count.
    """

    def __init__(self, clock: Clock | None = None, standing_seconds: float = STANDING_SECONDS) -> None:
        self._clock = clock or SteadyClock()
        self._standing_for = int(standing_seconds * SECOND)
        self._changed = threading.Condition()
        self._sessions: dict[str, _Session] = {}
        self._standing, self._before = _Session(), _Session()
        self._rotates = self._clock.now() + self._standing_for
        self._retained: _Session | None = None  # while a collection is under way
        self._condemned: frozenset[str] = frozenset()
        self._reading: dict[object, None] = {}
        self._bound = threading.local()
        self._era = 0

    # -- sessions -------------------------------------------------------------------------------------------

    def begin(self, seconds: float | None = None) -> str:
        """Begins a session; returns its name.

        Args:
            seconds: after which it ends by itself unless it is touched; None: it lives until `end`.
        """
        name = new_id()
        with self._changed:
            self._sessions[name] = _Session(self._later(seconds))
        return name

    @property
    def sessions(self) -> int:
        """How many are open."""
        with self._changed:
            self._expire()
            return len(self._sessions)

    def touch(self, session: str, seconds: float | None) -> None:
        """Lets a session end so many seconds from now.

        Raises:
            NotFound: it is over.
        """
        with self._changed:
            self._find(session).expires = self._later(seconds)

    def end(self, session: str) -> None:
        """Ends a session, once no thread is bound to it any more; one that is over is fine."""
        with self._changed:
            if session in self._sessions:
                self._sessions[session].ended = True
                self._expire()

    def add(self, session: str, keys: Iterable[str]) -> None:
        """Pins the keys of objects. To be called before the store is asked about them.

        Raises:
            NotFound: the session is over.
        """
        found = list(keys)
        with self._changed:
            self._find(session)
            self._await(found)
            self._find(session).keys.update(found)

    @contextmanager
    def session(self) -> Iterator[str | None]:
        """A session for what this thread does inside; within another one, that one."""
        if self._stack():
            # Bound once more: the outer one may be a call that was given up, which another thread ends at any time.
            with self.within(self._stack()[-1]):
                yield self._stack()[-1]
            return
        name = self.begin()
        try:
            with self.within(name):
                yield name
        finally:
            self.end(name)

    @contextmanager
    def within(self, session: str) -> Iterator[None]:
        """Binds a session to this thread; until it is left, the session does not end.

        Raises:
            NotFound: it is over.
        """
        with self._changed:
            bound = self._find(session)
            bound.bound += 1
        stack = self._stack()  # taken now: a generator may be closed by another thread
        stack.append(session)
        try:
            yield
        finally:
            stack.remove(session)
            with self._changed:
                bound.bound -= 1

    def bound(self) -> str | None:
        """The session of this thread; None if it has none."""
        stack = self._stack()
        return stack[-1] if stack else None

    def pin(self, keys: Iterable[str]) -> None:
        """Pins keys in this thread's session, or for a while if it has none.

        Raises:
            NotFound: the thread's session is over.
        """
        stack = self._stack()
        if stack:
            self.add(stack[-1], keys)
            return
        found = list(keys)
        with self._changed:
            self._await(found)
            self._rotate()
            self._standing.keys.update(found)

    def hold(self, roots: Iterable[Held]) -> None:
        """Holds roots in this thread's session, as `pin` does keys.

        Call it inside of the `reading` in which the row that names the root was read.

        Raises:
            NotFound: the thread's session is over.
        """
        stack = self._stack()
        with self._changed:
            self._rotate()
            (self._find(stack[-1]) if stack else self._standing).roots.update(roots)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Around a short transaction of the catalog that reads roots, and the `hold` of those that are used on.

        A collection waits for those that began before it looked at the catalog: what they read may be gone
        from there, and what they hold is known only when they end.
        """
        mark = object()
        with self._changed:
            self._reading[mark] = None
        try:
            yield
        finally:
            with self._changed:
                del self._reading[mark]
                self._changed.notify_all()

    # -- collections ----------------------------------------------------------------------------------------

    @property
    def era(self) -> int:
        """A number for now: see `collected_since`."""
        with self._changed:
            return self._era if self._retained is None else -1

    def collected_since(self, era: int) -> bool:
        """Whether a collection was, or is, under way at any moment since `era` was asked for."""
        with self._changed:
            return self._retained is not None or self._era != era

    @contextmanager
    def collection(self) -> Iterator[Collection]:
        """A collection of garbage: from here on nothing that a session pins or holds is released.

        Raises:
            Conflict: one is under way.
        """
        with self._changed:
            if self._retained is not None:
                raise Conflict("another garbage collection is under way: wait for it, then repeat the call")
            self._expire()
            self._retained = _Session()
            self._era += 1
        try:
            yield Collection(self)
        finally:
            with self._changed:
                self._retained = None

    def settle(self) -> None:
        """Waits for everybody who is inside of `reading` now."""
        with self._changed:
            before = list(self._reading)
            self._changed.wait_for(lambda: not any(mark in self._reading for mark in before))

    def held(self) -> set[Held]:
        """The roots that count now."""
        with self._changed:
            return set().union(*(one.roots for one in self._counting()))

    @contextmanager
    def condemned(self, keys: Iterable[str]) -> Iterator[list[str]]:
        """Those of some keys that nobody pins; inside, they may be deleted, and who wants to pin one waits."""
        asked = set(keys)
        with self._changed:
            for one in self._counting():
                asked -= one.keys if len(one.keys) < len(asked) else asked & one.keys
            self._condemned = frozenset(asked)
        try:
            yield sorted(asked)
        finally:
            with self._changed:
                self._condemned = frozenset()
                self._changed.notify_all()

    # -- under the lock -------------------------------------------------------------------------------------

    def _stack(self) -> list[str]:
        stack: list[str] | None = getattr(self._bound, "stack", None)
        if stack is None:
            stack = self._bound.stack = []
        return stack

    def _later(self, seconds: float | None) -> Nanos | None:
        return None if seconds is None else Nanos(self._clock.now() + int(seconds * SECOND))

    def _find(self, session: str) -> _Session:
        found = self._sessions.get(session)
        if found is not None and found.over(self._clock.now()):
            self._release(self._sessions.pop(session))
            found = None
        if found is None:
            raise NotFound(f"write session {session[:40]} is over: begin another one, and write everything again")
        return found

    def _release(self, session: _Session) -> None:
        if self._retained is not None:
            self._retained.take(session)

    def _await(self, keys: list[str]) -> None:
        self._changed.wait_for(lambda: self._condemned.isdisjoint(keys))

    def _rotate(self) -> None:
        now = self._clock.now()
        if now < self._rotates:
            return
        self._release(self._before)
        self._before, self._standing = self._standing, _Session()
        if now >= self._rotates + self._standing_for:
            self._release(self._before)
            self._before = _Session()
        self._rotates = now + self._standing_for

    def _expire(self) -> None:
        self._rotate()
        now = self._clock.now()
        for name in [name for name, one in self._sessions.items() if one.over(now)]:
            self._release(self._sessions.pop(name))

    def _counting(self) -> list[_Session]:
        """Everything that is not over."""
        self._expire()
        retained = [] if self._retained is None else [self._retained]
        return [*self._sessions.values(), self._standing, self._before, *retained]


class Collection:
    """The right to collect, as long as the `Pins.collection` that gave it lasts."""

    def __init__(self, pins: Pins) -> None:
        self.settle, self.held, self.condemned = pins.settle, pins.held, pins.condemned
