"""The call that makes files visible, under way while they are read: pachd takes in what is durable already.

Invariant: the call ends well only by `end`. One that is given up ends with a message that pachd refuses: a stream that
is cancelled could look, for a moment, like one that came to its end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from types import TracebackType

from trunkline.client.connection import Calls
from trunkline.client.shares import Columns
from trunkline.kernel.errors import InvalidRequest
from trunkline.wire import content_pb2 as wire
from trunkline.wire import pfs_pb2 as pfs

MESSAGE_FILES = 50_000
MESSAGE_BYTES = 8 << 20
"""Of one message, about; the limit of the API is 20 MiB."""


class Writing:
    """One call of `Content.Write`. A context manager, which gives up what did not end.

    Args:
        replace: files replace what is there; otherwise they are appended to it.
        once: look whether a path comes twice; costs memory for each path.
    """

    def __init__(self, calls: Calls, target: wire.WriteTarget, *, replace: bool, once: bool) -> None:
        self._calls, self._target, self._replace = calls, target, replace
        self._seen: set[bytes] | None = set() if once else None
        self._waiting: SimpleQueue[wire.WriteRequest | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._made: pfs.Commit | None = None

    def __enter__(self) -> Writing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None and self._made is None and self._error is None:
            self._waiting.put(wire.WriteRequest())
            self._waiting.put(None)
            self._thread.join()

    def send(self, columns: Columns) -> None:
        """Files whose chunks are durable, in the order of their paths.

        Raises:
            InvalidRequest: a path that comes twice.
            TrunklineError: pachd refused what was sent before.
        """
        if self._seen is not None:
            self._check(self._seen, columns.paths)
        self._begin()
        if self._error is not None:
            raise self._error
        paths, hashes, sizes, places = columns.paths, columns.hashes, columns.sizes, columns.places
        for part in _parts(places):
            files = wire.FileColumns(
                paths=paths[part], sizes=sizes[part], hashes=hashes[part], places=places[part], replace=self._replace
            )
            self._waiting.put(wire.WriteRequest(files=files))

    def end(self) -> pfs.Commit:
        """Makes everything visible; the commit that holds it.

        Raises:
            TrunklineError: pachd refused; nothing was written.
        """
        thread = self._begin()
        self._waiting.put(None)
        thread.join()
        if self._error is not None:
            raise self._error
        assert self._made is not None
        return self._made

    def _begin(self) -> threading.Thread:
        if self._thread is None:
            # A daemon: a process that was told to end does not wait for pachd.
            self._thread = threading.Thread(target=self._run, name="write", daemon=True)
            self._waiting.put(wire.WriteRequest(target=self._target))
            self._thread.start()
        return self._thread

    def _run(self) -> None:
        try:
            self._made = self._calls.content.Write(self._requests()).commit
        except BaseException as error:
            self._error = error

    def _requests(self) -> Iterator[wire.WriteRequest]:
        while (request := self._waiting.get()) is not None:
            yield request

    def _check(self, seen: set[bytes], paths: list[bytes]) -> None:
        for path in paths:
            if path in seen:
                raise InvalidRequest(
                    f"multiple files put with the path {path.decode()}, aborting; nothing has been put"
                )
            seen.add(path)


def _parts(places: list[bytes]) -> Iterator[slice]:
    """Parts of columns that fit into a message each."""
    begin = weight = 0
    for at, place in enumerate(places, 1):
        weight += len(place)
        if at - begin >= MESSAGE_FILES or weight >= MESSAGE_BYTES:
            yield slice(begin, at)
            begin, weight = at, 0
    if begin < len(places):
        yield slice(begin, len(places))
