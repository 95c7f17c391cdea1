"""The service under the client: what it keeps, what it believes, and what it refuses, whatever is sent."""

from __future__ import annotations

import msgspec
import pytest
from google.protobuf.empty_pb2 import Empty
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.client.putting import put
from trunkline.client.session import Session
from trunkline.client.sources import Stream
from trunkline.content.codec import chunk_id, chunk_key, encode
from trunkline.kernel.errors import FailedPrecondition, InvalidRequest, NotFound, Refused, TrunklineError
from trunkline.testing.content import noise
from trunkline.wire import content_pb2 as wire
from trunkline.wire import pfs_pb2 as pfs

from .conftest import World

CHUNK = noise("a chunk", 1000)
KEY = chunk_key(chunk_id(CHUNK))


def places(*slices: tuple[bytes, int, int]) -> bytes:
    return msgspec.msgpack.encode(["", list(slices)])


GOOD = places((chunk_id(CHUNK), 0, 1000))


def store_chunk(world: World, session: str, plain: bytes = CHUNK) -> None:
    request = wire.PutObjectRequest(session=session)
    request.objects.add(key=chunk_key(chunk_id(plain)), data=encode(plain))
    world.connection.content.Put(iter([request]))


def columns(**changed) -> wire.FileColumns:
    given = {"paths": [b"/a"], "sizes": [1000], "hashes": [bytes(32)], "places": [GOOD]} | changed
    return wire.FileColumns(**given)


def write(world: World, session: str, repo: pfs.Repo, *bodies: wire.WriteRequest) -> wire.WriteResponse:
    target = wire.WriteTarget(session=session, commit=world.head(repo))
    return world.connection.content.Write(iter([wire.WriteRequest(target=target), *bodies]))


@pytest.fixture
def session(local: World) -> str:
    return local.connection.content.Open(Empty()).id


def test_what_a_session_asked_about_stays(local: World) -> None:
    with Session(local.connection) as session:
        assert session.store.missing([KEY]) == {KEY}
        session.store.put_many([(KEY, encode(CHUNK))])
        assert session.store.missing([KEY]) == set()
        with local.serving.pfs.pins.condemned([KEY]) as free:
            assert free == []
    with local.serving.pfs.pins.condemned([KEY]) as free:
        assert free == [KEY]


def test_a_session_that_nobody_keeps_is_over(local: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.api.content_service.LEASE_SECONDS", 0.0)
    session = local.connection.content.Open(Empty()).id
    with pytest.raises(NotFound, match="session .* is over: begin another one"):
        local.connection.content.Need(wire.NeedRequest(session=session, keys=[KEY]))
    local.connection.content.Close(wire.SessionRequest(session=session))


def test_a_write_after_the_end_of_the_session_is_refused_although_the_chunks_are_there(
    local: World, session: str
) -> None:
    """A client that slept: from the end on its chunks may have been collected, or be about to be."""
    repo = local.repo("data")
    store_chunk(local, session)
    local.serving.pfs.pins.touch(session, 0.0)
    with pytest.raises(NotFound, match="session .* is over"):
        write(local, session, repo, wire.WriteRequest(files=columns()))
    assert local.commits(repo) == 0


def test_a_session_does_not_end_under_a_write_that_takes_long(local: World, session: str) -> None:
    repo = local.repo("data")
    store_chunk(local, session)
    pins = local.serving.pfs.pins
    condemnable: list[list[str]] = []

    def slow():
        target = wire.WriteTarget(session=session, commit=local.head(repo))
        yield wire.WriteRequest(target=target)
        yield wire.WriteRequest(files=columns())
        bound = pins._sessions[session]
        while not bound.bound:
            pass
        pins.touch(session, 0.0)
        with pins.collection() as collection, collection.condemned([KEY]) as free:
            condemnable.append(free)
        yield wire.WriteRequest(files=columns(paths=[b"/b"]))

    local.connection.content.Write(slow())
    assert condemnable == [[]]
    assert local.content(repo, "/b") == CHUNK


def test_files_of_chunks(local: World, session: str) -> None:
    repo = local.repo("data")
    store_chunk(local, session)
    part = places((chunk_id(CHUNK), 100, 50), (chunk_id(CHUNK), 0, 50))
    files = columns(
        paths=[b"/a", b"/b", b"/c/d"], sizes=[1000, 100, 0], hashes=[bytes(32)] * 3, places=[GOOD, part, places()]
    )
    made = write(local, session, repo, wire.WriteRequest(files=files))
    assert made.commit.id == local.inspect(repo).file.commit.id
    assert local.content(repo, "/b") == CHUNK[100:150] + CHUNK[:50]
    assert local.content(repo, "/c/d") == b""
    write(local, session, repo, wire.WriteRequest(remove="/c/"), wire.WriteRequest(files=columns(paths=[b"/c"])))
    assert local.content(repo, "/c") == CHUNK


def test_a_file_set_of_chunks(local: World, session: str) -> None:
    store_chunk(local, session)
    target = wire.WriteRequest(target=wire.WriteTarget(session=session))
    made = local.connection.content.CreateFileSet(iter([target, wire.WriteRequest(files=columns())]))
    repo = local.repo("data")
    branch = pfs.Branch(repo=repo, name="master")
    commit = local.connection.pfs.StartCommit(pfs.StartCommitRequest(branch=branch))
    local.connection.pfs.AddFileSet(pfs.AddFileSetRequest(commit=commit, file_set_id=made.file_set_id))
    local.connection.pfs.FinishCommit(pfs.FinishCommitRequest(commit=commit))
    assert local.content(repo, "/a") == CHUNK


def test_chunks_come_back(local: World, session: str) -> None:
    store_chunk(local, session)
    (got,) = local.connection.content.Get(wire.GetObjectsRequest(keys=[KEY]))
    assert (got.key, got.data) == (KEY, encode(CHUNK))


def test_where_files_lie(local: World, session: str) -> None:
    repo = local.repo("data")
    put(local.connection, local.head(repo), [Stream([b"1"], "/a"), Stream([b"2"], "/d/b"), Stream([b"3"], "/d/c")])

    def paths(path: str) -> list[bytes]:
        file = pfs.File(commit=local.head(repo), path=path)
        found = local.connection.content.Locate(wire.LocateRequest(session=session, file=file))
        return [path for message in found for path in message.paths]

    assert paths("/") == [b"/a", b"/d/b", b"/d/c"]
    assert paths("/d") == paths("/d/*") == [b"/d/b", b"/d/c"]
    assert paths("/a") == [b"/a"]
    with pytest.raises(NotFound, match="file /nothing not found"):
        paths("/nothing")


BAD_FILES = {
    "not clean": {"paths": [b"/a/"]},
    "relative": {"paths": [b"a"]},
    "leaves": {"paths": [b"/../a"]},
    "dots": {"paths": [b"/x/."]},
    "the root": {"paths": [b"/"]},
    "empty": {"paths": [b""]},
    "double": {"paths": [b"/a//b"]},
    "no text": {"paths": [b"/\xff"]},
    "line feed": {"paths": [b"/a\nb"]},
    "long element": {"paths": [b"/" + b"x" * 256]},
    "long": {"paths": [b"/x" * 2049]},
    "more sizes": {"sizes": [1000, 1]},
    "no hash": {"hashes": [b""]},
    "negative": {"sizes": [-1], "places": [places()]},
    "wrong sum": {"sizes": [999]},
    "no places": {"places": [b""]},
    "nonsense": {"places": [b"\xc1"]},
    "beyond": {"places": [places((chunk_id(CHUNK), 1, 1000))]},
    "far beyond": {"places": [places((chunk_id(CHUNK), 1 << 60, 1000))]},
    "before": {"places": [places((chunk_id(CHUNK), -1, 1000))]},
    "nothing": {"places": [places((chunk_id(CHUNK), 0, 1000), (chunk_id(CHUNK), 0, 0))]},
    "short id": {"places": [places((b"x", 0, 1000))]},
}


@pytest.mark.parametrize("changed", BAD_FILES.values(), ids=BAD_FILES)
def test_files_that_cannot_be(local: World, session: str, changed: dict) -> None:
    repo = local.repo("data")
    store_chunk(local, session)
    with pytest.raises((InvalidRequest, Refused)):
        write(local, session, repo, wire.WriteRequest(files=columns(**changed)))
    assert local.commits(repo) == 0


def test_a_compressed_chunk_is_as_long_as_it_says(local: World, session: str) -> None:
    repo, plain = local.repo("data"), b"again and again " * 1000
    store_chunk(local, session, plain)
    longer = places((chunk_id(plain), 1, len(plain)))
    with pytest.raises(InvalidRequest, match="behind the end of chunk"):
        write(local, session, repo, wire.WriteRequest(files=columns(sizes=[len(plain)], places=[longer])))
    whole = places((chunk_id(plain), 0, len(plain)))
    write(local, session, repo, wire.WriteRequest(files=columns(sizes=[len(plain)], places=[whole])))
    assert local.content(repo, "/a") == plain


def test_paths_that_do_not_ascend(local: World, session: str) -> None:
    store_chunk(local, session)
    twice = {
        name: list(value) * 2
        for name, value in zip(
            ("paths", "sizes", "hashes", "places"), ([b"/a"], [1000], [bytes(32)], [GOOD]), strict=True
        )
    }
    with pytest.raises(InvalidRequest, match="must ascend"):
        write(local, session, local.repo("data"), wire.WriteRequest(files=columns(**twice)))


def test_a_chunk_that_is_not_there(local: World, session: str) -> None:
    with pytest.raises(FailedPrecondition, match="the store has no chunk"):
        write(local, session, local.repo("data"), wire.WriteRequest(files=columns()))


@pytest.mark.parametrize(
    ("key", "data"),
    [
        (KEY, encode(CHUNK + b"x")),
        (KEY, b""),
        (KEY, b"\x07" + CHUNK),
        ("nodes/" + KEY.partition("/")[2], encode(CHUNK)),
        ("chunks/00/" + KEY[-64:], encode(CHUNK)),
        ("../../etc/passwd", encode(CHUNK)),
        ("", encode(CHUNK)),
    ],
)
def test_chunks_that_are_not_what_they_say(local: World, session: str, key: str, data: bytes) -> None:
    request = wire.PutObjectRequest(session=session)
    request.objects.add(key=key, data=data)
    with pytest.raises(InvalidRequest):
        local.connection.content.Put(iter([request]))
    assert list(local.serving.store.keys()) == []


def test_streams_out_of_order(local: World, session: str) -> None:
    content = local.connection.content
    for messages in ([], [wire.WriteRequest(files=columns())], [wire.WriteRequest()]):
        with pytest.raises(InvalidRequest):
            content.Write(iter(messages))
    with pytest.raises(InvalidRequest):
        content.Put(iter([]))
    target = wire.WriteRequest(target=wire.WriteTarget(session=session, commit=local.head(local.repo("data"))))
    with pytest.raises(InvalidRequest):
        content.Write(iter([target, target]))
    with pytest.raises(InvalidRequest):
        content.Write(iter([target, wire.WriteRequest(remove="/no/slash")]))
    with pytest.raises(NotFound):
        content.Write(iter([wire.WriteRequest(target=wire.WriteTarget(session="none", commit=target.target.commit))]))


words = st.binary(max_size=40) | st.sampled_from([b"/a", b"/b/c", b"/a/b", GOOD, places(), bytes(32)])
numbers = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, 1000])


def test_nonsense_is_refused_and_breaks_nothing(local: World, session: str) -> None:
    repo = local.repo("data")
    store_chunk(local, session)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(words, max_size=3),
        st.lists(numbers, max_size=3),
        st.lists(words, max_size=3),
        st.lists(words, max_size=3),
        st.booleans(),
        st.text(max_size=3),
    )
    def check(paths, sizes, hashes, places, replace, datum) -> None:
        files = wire.FileColumns(paths=paths, sizes=sizes, hashes=hashes, places=places, replace=replace, datum=datum)
        try:
            write(local, session, repo, wire.WriteRequest(files=files))
        except TrunklineError as error:
            assert type(error) in (InvalidRequest, Refused, FailedPrecondition), error

    check()
