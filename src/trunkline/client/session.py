"""A write session: chunks that were asked about or stored stay in the store as long as it lasts.

It is kept by a thread of its own and ended when the work is done or given up; one that nobody ends is over after
its lease. Invariant: where the store's folder is written directly, it was proved to be that of the pachd that
answers, for the same user on the same machine: the token file has the text whose digest pachd tells.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from blake3 import blake3
from google.protobuf.empty_pb2 import Empty

from trunkline.client.connection import Calls
from trunkline.kernel.errors import TrunklineError
from trunkline.objects.local import LocalStore
from trunkline.objects.presence import Sink
from trunkline.wire import content_pb2 as wire

MESSAGE_BYTES = 4 << 20
"""Bytes of chunks in one message; a larger chunk makes a message of its own."""

PROOF = "content.token"
"""The only name that is believed: no server can pass off another file as its own."""

_TOKEN_LENGTH = 64


class Session:
    """A context manager; see the module.

    Attributes:
        id: for requests.
        cluster: the id of the installation.
        folder: of the store; None if it cannot be reached.
        store: takes chunks.
    """

    def __init__(self, calls: Calls) -> None:
        """Begins a session.

        Raises:
            NotBuilt: the server has none; it is an original.
        """
        self._calls = calls
        told: wire.Session = calls.content.Open(Empty())
        self.id: str = told.id
        self.cluster: str = told.cluster_id
        self.folder = _folder(told)
        self.store: Sink = (
            RemoteSink(calls, told.id) if self.folder is None else FolderSink(LocalStore(self.folder), calls, told.id)
        )
        self._pause = told.lease.ToNanoseconds() / 1e9 / 3
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="session", daemon=True)

    def __enter__(self) -> Session:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        # It ends by itself if pachd cannot be told now.
        with suppress(TrunklineError):
            self._calls.content.Close(wire.SessionRequest(session=self.id))

    def _keep(self) -> None:
        # What goes wrong here shows in the next call that needs the session.
        while not self._over.wait(self._pause):
            with suppress(TrunklineError):
                self._calls.content.Renew(wire.SessionRequest(session=self.id))


def _folder(told: wire.Session) -> Path | None:
    """The folder of the store, if it was proved that pachd means this machine's, and this user may write there."""
    if not told.folder or Path(told.token_file).name != PROOF or len(told.token_digest) != blake3.digest_size:
        return None
    try:
        with open(told.token_file, "rb") as file:  # noqa: PTH123
            status = os.fstat(file.fileno())
            text = file.read(_TOKEN_LENGTH + 1)
    except OSError:
        return None
    # For another user, root included, what is made in the folder would not be pachd's.
    if status.st_uid != os.geteuid() or len(text) != _TOKEN_LENGTH or blake3(text).digest() != told.token_digest:
        return None
    return Path(told.folder)


class _Asking:
    """Asks pachd what is missing; which keeps what is there."""

    def __init__(self, calls: Calls, session: str) -> None:
        self._calls, self._session = calls, session

    def missing(self, keys: Collection[str]) -> set[str]:
        """As `trunkline.objects.presence.AsksForMany.missing`."""
        if not keys:
            return set()
        return set(self._calls.content.Need(wire.NeedRequest(session=self._session, keys=keys)).keys)


class FolderSink(_Asking):
    """Writes chunks to the folder of the store."""

    def __init__(self, store: LocalStore, calls: Calls, session: str) -> None:
        super().__init__(calls, session)
        self._store = store

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`; only of keys that were asked about."""
        self._store.put_many(items)


class RemoteSink(_Asking):
    """Sends chunks to pachd."""

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        self._calls.content.Put(_messages(self._session, items))


def _messages(session: str, items: Iterable[tuple[str, bytes]]) -> Iterator[wire.PutObjectRequest]:
    message, weight = wire.PutObjectRequest(session=session), 0
    for key, data in items:
        if weight and weight + len(data) > MESSAGE_BYTES:
            yield message
            message, weight = wire.PutObjectRequest(), 0
        message.objects.add(key=key, data=data)
        weight += len(data)
    yield message
