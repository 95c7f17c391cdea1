"""`trunkline.v1.Content`: for clients that cut, hash and deduplicate by themselves.

Whoever may write files may store chunks, and whoever may read files may read chunks by their ids: there is no login
yet. An id is the hash of what it names, so nobody finds a chunk whose content or file entry he does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert
from trunkline.api.content_reading import located
from trunkline.api.dispatch import Call
from trunkline.content.codec import KIND, chunk_key, decode
from trunkline.content.entry import HASH_SIZE
from trunkline.kernel.errors import Cancelled, Conflict, Corrupt, InvalidRequest
from trunkline.maps import Root
from trunkline.maps.keys import prefix_end
from trunkline.objects.presence import missing
from trunkline.pfs import direct, filesets, modify
from trunkline.pfs.pfs import Pfs
from trunkline.wire import content_pb2 as wire
from trunkline.wire import pfs_pb2

LEASE_SECONDS = 60.0
"""How long a session lives after the last call that named it."""

MOST_KEYS = 100_000
"""Keys in one question."""


class Folder(NamedTuple):
    """The folder of the store, for clients on the same machine.

    Attributes:
        path: of the store.
        token_file: only the user of pachd can read it.
        token_digest: BLAKE3-256 of its content.
    """

    path: str
    token_file: str
    token_digest: bytes


class ContentService:
    """Sessions, chunks, and files made of chunks.

    Args:
        cluster_id: asks for the id under which clients may remember what they stored here.
        folder: where the store is one; None where it is not.
    """

    def __init__(self, pfs: Pfs, cluster_id: Callable[[], str], folder: Folder | None = None) -> None:
        self._pfs, self._cluster_id, self._folder = pfs, cluster_id, folder

    # -- sessions --

    def Open(self, request: Empty, call: Call) -> wire.Session:
        """Begins a session."""
        made = wire.Session(id=self._pfs.pins.begin(LEASE_SECONDS), cluster_id=self._cluster_id())
        made.lease.FromNanoseconds(int(LEASE_SECONDS * 1e9))
        if self._folder is not None:
            made.folder, made.token_file, made.token_digest = self._folder
        return made

    def Renew(self, request: wire.SessionRequest, call: Call) -> Empty:
        """Keeps a session."""
        self._touch(request.session)
        return Empty()

    def Close(self, request: wire.SessionRequest, call: Call) -> Empty:
        """Ends a session."""
        self._pfs.pins.end(request.session)
        return Empty()

    # -- objects --

    def Need(self, request: wire.NeedRequest, call: Call) -> wire.NeedResponse:
        """Which chunks are to be put."""
        self._touch(request.session)
        keys = _checked(request.keys)
        with self._pfs.pins.within(request.session):
            lacking = missing(self._pfs.store, keys)
        return wire.NeedResponse(keys=[key for key in dict.fromkeys(keys) if key in lacking])

    def Put(self, requests: Iterator[wire.PutObjectRequest], call: Call) -> Empty:
        """Stores chunks."""
        first = next(requests, None)
        if first is None or not first.session:
            raise InvalidRequest("the first message must name a session")
        self._touch(first.session)
        with self._pfs.pins.within(first.session):
            self._pfs.store.put_many(self._verified(first, requests))
        self._touch(first.session)
        return Empty()

    def Get(self, request: wire.GetObjectsRequest, call: Call) -> Iterator[wire.Object]:
        """Hands out chunks."""
        for key in _checked(request.keys):
            yield wire.Object(key=key, data=self._pfs.store.get(key))

    # -- files --

    def Write(self, requests: Iterator[wire.WriteRequest], call: Call) -> wire.WriteResponse:
        """Makes files visible."""
        target = self._target(requests)
        commit = convert.commit_ref(target.commit)
        modify.await_target(self._pfs, commit, call.alive)
        with self._pfs.pins.within(target.session):
            written = direct.layers_of(self._pfs, self._parts(requests, call))
            made = modify.publish(self._pfs, commit, written, call.wants_result, self._expectation(target))
        return wire.WriteResponse(commit=convert.commit_message(made))

    def CreateFileSet(self, requests: Iterator[wire.WriteRequest], call: Call) -> pfs_pb2.CreateFileSetResponse:
        """Makes files a file set."""
        target = self._target(requests)
        with self._pfs.pins.within(target.session):
            written = direct.layers_of(self._pfs, self._parts(requests, call))
            if not call.wants_result():
                raise Cancelled("the caller went away before everything was sent: nothing was written")
            return pfs_pb2.CreateFileSetResponse(file_set_id=filesets.create(self._pfs, written))

    def Locate(self, request: wire.LocateRequest, call: Call) -> Iterator[wire.FileColumns]:
        """Says where the bytes of files lie."""
        if request.session:
            self._touch(request.session)
        yield from located(self._pfs, convert.commit_ref(request.file.commit), request, call.alive)

    # -- parts --

    def _touch(self, session: str) -> None:
        self._pfs.pins.touch(session, LEASE_SECONDS)

    def _verified(
        self, first: wire.PutObjectRequest, rest: Iterator[wire.PutObjectRequest]
    ) -> Iterator[tuple[str, bytes]]:
        request: wire.PutObjectRequest | None = first
        while request is not None:
            for given in request.objects:
                try:
                    decode(_identity(given.key), given.data)
                except Corrupt as error:
                    raise InvalidRequest(f"what was sent is not the chunk: {error.message.partition(';')[0]}") from None
                yield given.key, given.data
            self._touch(first.session)
            request = next(rest, None)

    def _target(self, requests: Iterator[wire.WriteRequest]) -> wire.WriteTarget:
        first = next(requests, None)
        if first is None or first.WhichOneof("body") != "target":
            raise InvalidRequest("the first message must be a target")
        self._touch(first.target.session)
        return first.target

    def _parts(self, requests: Iterator[wire.WriteRequest], call: Call) -> Iterator[direct.Files | direct.RemoveBelow]:
        for request in requests:
            match request.WhichOneof("body"):
                case "files":
                    files = request.files
                    columns = (list(files.paths), list(files.sizes), list(files.hashes), list(files.places))
                    yield direct.Files(*columns, replace=files.replace, tag=files.datum)
                case "remove":
                    yield direct.RemoveBelow(request.remove)
                case _:
                    raise InvalidRequest("only the first message may be a target, and none may be empty")
        call.stream_ended()

    def _expectation(self, target: wire.WriteTarget) -> Callable[[Root], None] | None:
        if not target.HasField("expectation"):
            return None
        low, digest = target.expectation.directory.encode(), target.expectation.digest
        if not low.endswith(b"/"):
            raise InvalidRequest("an expectation is of a directory, ending with /")

        def check(before: Root) -> None:
            if self._pfs.maps.digest(before, low, prefix_end(low)) != digest:
                raise Conflict(f"{low.decode()} does not hold what the caller expects: nothing was written")

        return check


def _checked(keys: Iterable[str]) -> list[str]:
    found = list(keys)
    if len(found) > MOST_KEYS:
        raise InvalidRequest(f"{len(found)} keys at once: ask about at most {MOST_KEYS}")
    for key in found:
        _identity(key)
    return found


def _identity(key: str) -> bytes:
    """The chunk that a key means.

    Raises:
        InvalidRequest: it is not that of a chunk.
    """
    try:
        identity = bytes.fromhex(key.rpartition("/")[2])
    except ValueError:
        identity = b""
    if len(identity) != HASH_SIZE or chunk_key(identity) != key:
        raise InvalidRequest(f"key {key[:80]!r} is not that of a chunk: {KIND}/ab/<64 hex digits>")
    return identity
