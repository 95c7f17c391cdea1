"""Writing files: what a stream of operations means, and that it happens wholly or not at all (spec 01, section 8)."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest
from tests.pfs.house import House, add, commit_ref, copied, gone

from trunkline.kernel.errors import Cancelled, InvalidRequest, NotFound, PermissionDenied, Refused, StorageFull
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pfs import layers, modify, repos
from trunkline.pfs.refs import CommitRef, RepoRef


@pytest.fixture
def data(house: House) -> House:
    house.repo("data")
    return house


def heads(house: House) -> int:
    with house.catalog.read() as tx:
        row = tx.row("SELECT count(*) AS number FROM commits")
    assert row is not None
    return int(row["number"])


# -- where a stream goes --------------------------------------------------------------------------------


def test_a_write_to_a_branch_is_a_commit_of_its_own(data: House) -> None:
    first = data.write("data", gone("/f"), add("/f"), add("/f", "abc"))
    assert (first.origin, first.parent, first.branch, first.finished is not None) == ("USER", None, "master", True)
    second = data.write("data", add("/f"), add("/f", "de"))
    assert second.parent == first.key
    assert data.files("data") == {"/f": "abcde"}
    data.write("data", gone("/f"), add("/f", "de"))
    assert data.files("data") == {"/f": "de"}
    assert data.files(f"data@{first.id}") == {"/f": "abc"}


def test_a_write_to_an_open_head_becomes_part_of_it(data: House) -> None:
    data.put("data", a="1")
    opened = data.start("data")
    assert data.put("data", b="2").id == opened.id
    assert data.put(f"data@{opened.id}", c="3").id == opened.id
    assert data.write("data@master^0", add("/a", "!")).id == opened.id
    assert data.files("data") == {"/a": "1!", "/b": "2", "/c": "3"}
    data.finish("data")
    data.settle()
    assert data.files("data") == {"/a": "1!", "/b": "2", "/c": "3"}


def test_a_finished_commit_takes_nothing_more(data: House) -> None:
    done = data.put("data", a="1")
    words = f"^commit default/data@{done.id} has already finished$"
    with pytest.raises(Refused, match=words):
        data.put(f"data@{done.id}", b="2")
    with pytest.raises(Refused, match=words):  # a branch named as an id counts as an id
        modify.write(data.pfs, CommitRef(RepoRef("data"), "master"), [add("/b", "2")])
    opened = data.start("data")
    data.finish("data")
    with pytest.raises(Refused, match=f"^commit default/data@{opened.id} has already finished$"):
        data.put(f"data@{opened.id}", b="2")
    data.settle()
    assert data.files("data") == {"/a": "1"}


@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [
        (CommitRef(RepoRef("nope"), branch="master"), NotFound, "^repo default/nope not found$"),
        (CommitRef(RepoRef("data"), "gone"), NotFound, '^branch "gone" not found in repo default/data$'),
        (CommitRef(RepoRef("data"), "0" * 12 + "4" + "0" * 19), NotFound, "^commit .* not found$"),
        (CommitRef(RepoRef("data")), InvalidRequest, "^branch must be specified$"),
        (CommitRef(RepoRef("data"), branch="a b"), Refused, "only alphanumeric characters"),
    ],
)
def test_targets_that_cannot_be_written(data: House, target: CommitRef, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        modify.write(data.pfs, target, [add("/a", "1")])
    assert heads(data) == 0


def test_a_stream_of_nothing_is_a_commit_of_nothing(data: House) -> None:
    data.put("data", a="1")
    data.write("data")
    assert data.commit("data@master^").parent is None
    assert data.files("data") == {"/a": "1"}


def test_a_write_waits_for_a_finishing_head(data: House) -> None:
    data.start("data")
    data.write("data", add("/a", "1"))
    data.finish("data")
    thread = threading.Thread(target=data.settle)
    thread.start()
    done = data.write("data", add("/a", "2"))
    thread.join()
    assert done.finished is not None
    assert data.files("data") == {"/a": "12"}


# -- what operations mean -------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize(
    ("operations", "after"),
    [
        ([add("/f", "+")], {"/f": "old+", "/d/x": "1", "/d/y": "2"}),
        ([add("/f"), add("/f", "+"), add("/f", "+")], {"/f": "old++", "/d/x": "1", "/d/y": "2"}),
        ([gone("/f"), add("/f", "new")], {"/f": "new", "/d/x": "1", "/d/y": "2"}),
        ([add("/f", "new"), gone("/f")], {"/d/x": "1", "/d/y": "2"}),
        ([add("/g")], {"/f": "old", "/d/x": "1", "/d/y": "2", "/g": ""}),
        ([add("/f")], {"/f": "old", "/d/x": "1", "/d/y": "2"}),
        ([gone("/d/")], {"/f": "old"}),
        ([gone("/d")], {"/f": "old", "/d/x": "1", "/d/y": "2"}),
        ([gone("/d/x")], {"/f": "old", "/d/y": "2"}),
        ([gone("/d/"), add("/d/x", "3")], {"/f": "old", "/d/x": "3"}),
        ([add("/d/z", "3"), gone("/d/"), add("/d/w", "4")], {"/f": "old", "/d/w": "4"}),
        ([gone("/d/"), add("/d", "now a file")], {"/f": "old", "/d": "now a file"}),
        ([gone("/f"), add("/f/x", "now below")], {"/f/x": "now below", "/d/x": "1", "/d/y": "2"}),
        ([gone("/")], {}),
        ([gone("/"), add("/new", "1")], {"/new": "1"}),
        ([gone("/missing"), gone("/missing/")], {"/f": "old", "/d/x": "1", "/d/y": "2"}),
        ([add("f", "+"), add("//f/", "-")], {"/f": "old+-", "/d/x": "1", "/d/y": "2"}),
        ([add("/f", "a"), add("/g", "b"), add("/f", "c")], {"/f": "oldac", "/g": "b", "/d/x": "1", "/d/y": "2"}),
        ([copied("/g", "data@master", "/f")], {"/f": "old", "/g": "old", "/d/x": "1", "/d/y": "2"}),
        ([copied("/f", "data@master", "/d/x")], {"/f": "1", "/d/x": "1", "/d/y": "2"}),
        ([copied("/f", "data@master", "/d/x", append=True)], {"/f": "old1", "/d/x": "1", "/d/y": "2"}),
        (
            [copied("/e", "data@master", "/d")],
            {"/f": "old", "/d/x": "1", "/d/y": "2", "/e/x": "1", "/e/y": "2"},
        ),
        ([copied("/e", "data@master", "/nope")], {"/f": "old", "/d/x": "1", "/d/y": "2"}),
        (
            [copied("/e/", "data@master", "/d/"), gone("/d/")],
            {"/f": "old", "/e/x": "1", "/e/y": "2"},
        ),
        (
            [copied("/all", "data@master", "/")],
            {"/f": "old", "/d/x": "1", "/d/y": "2", "/all/f": "old", "/all/d/x": "1", "/all/d/y": "2"},
        ),
        (
            [add("/new", "1"), copied("/copy", "data@master", "/new")],
            {"/f": "old", "/d/x": "1", "/d/y": "2", "/new": "1"},
        ),
    ],
)
def test_operations(data: House, opened: bool, operations: list[modify.Operation], after: dict[str, str]) -> None:
    data.write("data", add("/f", "old"), add("/d/x", "1"), add("/d/y", "2"))
    if opened:
        data.start("data")
    data.write("data", *operations)
    assert data.files("data") == after
    if opened:
        data.finish("data")
        data.settle()
        assert data.commit("data").error == ""
        assert data.files("data") == after


def test_operations_of_one_stream_and_of_many_mean_the_same(data: House) -> None:
    operations = [
        add("/a", "1"),
        gone("/a"),
        add("/a", "2"),
        add("/d/x", "3"),
        gone("/d/"),
        add("/d/y", "4"),
        add("/a", "5"),
    ]
    data.write("data@once", *operations)
    data.start("data@step")
    for operation in operations:
        data.write("data@step", operation)
    data.finish("data@step")
    for operation in operations:
        data.write("data@commits", operation)
    data.settle()
    assert data.files("data@once") == {"/a": "25", "/d/y": "4"}
    digests = {data.view(f"data@{name}").root.digest for name in ("once", "step", "commits")}
    assert len(digests) == 1


def test_long_files_and_joins_keep_their_bytes(data: House) -> None:
    big = bytes(range(256)) * 20_000  # 5 MB, several chunks
    data.write("data", add("/big", big[:100]), add("/big", big[100:3_000_000]), add("/big", big[3_000_000:]))
    data.write("data", add("/big", b"tail"))
    data.write("data", copied("/copy", "data", "/big"), add("/copy", b"!"))
    assert data.read("data", "/big") == big + b"tail"
    assert data.read("data", "/copy") == big + b"tail!"


def test_a_copy_can_come_from_another_repo_and_from_history(data: House) -> None:
    data.repo("other")
    data.put("other", a="1")
    data.put("other", a="2")
    data.write("data", copied("/then", "other@master^", "/a"), copied("/now", "other", "/a"))
    assert data.files("data") == {"/then": "1", "/now": "2"}
    with pytest.raises(NotFound, match="^repo default/nope not found$"):
        data.write("data", add("/x", "1"), copied("/y", "nope", "/a"))
    assert data.files("data") == {"/then": "1", "/now": "2"}


def test_a_copy_moves_no_bytes(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = MeteredStore(MemoryStore())
    house = House(tmp_path_factory.mktemp("copy"), store)
    house.repo("data")
    house.write("data", add("/big", bytes(8_000_000)))
    before = store.counts()
    house.write("data", copied("/copy", "data", "/big"))
    after = store.counts()
    moved = sum(after[name].bytes - before[name].bytes for name in ("get", "put", "put_many"))
    assert moved < 10_000
    assert house.read("data", "/copy") == bytes(8_000_000)
    house.close()


# -- tags -----------------------------------------------------------------------------------------------


def test_a_delete_of_a_directory_takes_a_tag_or_everything(data: House) -> None:
    def fill() -> None:
        data.write("data", gone("/"), add("/d/a", "1", tag="x"), add("/d/b", "2", tag="y"), add("/d/e/c", "3", tag="x"))

    fill()
    data.write("data", gone("/d/", tag="x"))
    assert data.files("data") == {"/d/b": "2"}
    data.write("data", gone("/d/"))
    assert data.files("data") == {}
    fill()
    data.write(
        "data", add("/d/n", "4", tag="x"), gone("/d/", tag="x"), add("/d/a", "5", tag="x"), gone("/d/e/", tag="z")
    )
    assert data.files("data") == {"/d/a": "5", "/d/b": "2"}
    data.start("data")
    data.write("data", add("/d/k", "6", tag="x"), gone("/d/", tag="x"), gone("/", tag="y"), add("/d/l", "7"))
    assert data.files("data") == {"/d/l": "7"}
    data.finish("data")
    data.settle()
    assert data.files("data") == {"/d/l": "7"}


def test_a_delete_takes_the_part_of_its_tag_only(data: House) -> None:
    data.write("data", add("/f", "1", tag="worker"))
    data.write("data", gone("/f"))
    assert data.files("data") == {"/f": "1"}
    data.write("data", gone("/f", tag="worker"))
    assert data.files("data") == {}


def test_two_writers_of_one_path_are_told(data: House) -> None:
    words = r"duplicate path output by different datums \(/f from one and two\)"
    with pytest.raises(Refused, match=words):
        data.write("data", add("/f", "1", tag="one"), add("/f", "2", tag="two"))
    data.start("data")
    data.write("data", add("/f", "1", tag="one"))
    data.write("data", add("/f", "2", tag="two"))
    data.finish("data")
    data.settle()
    assert data.commit("data").error == "duplicate path output by different datums (/f from one and two)"
    assert data.files("data") == {}


# -- collisions -----------------------------------------------------------------------------------------

COLLIDING = [
    ([add("/a", "1")], [add("/a/b", "2")], "/a"),
    ([add("/a/b", "1")], [add("/a", "2")], "/a"),
    ([add("/a/b/c", "1")], [add("/a", "2")], "/a"),
    ([add("/a", "1")], [add("/z", "1"), add("/a/b/c", "2")], "/a"),
    ([], [add("/x", "1"), add("/x/y", "2")], "/x"),
    ([], [add("/x/y", "1"), add("/x", "2")], "/x"),
]


@pytest.mark.parametrize(("before", "then", "path"), COLLIDING)
def test_a_file_and_a_directory_cannot_share_a_path(
    data: House, before: list[modify.Operation], then: list[modify.Operation], path: str
) -> None:
    data.write("data", *before)
    files, count = data.files("data"), heads(data)
    with pytest.raises(
        Refused, match=rf"^cannot write to default/data@master: file / directory path collision \({path}\)"
    ):
        data.write("data", *then)
    assert (data.files("data"), heads(data)) == (files, count)
    data.start("data")  # in an open commit it is told at the end
    data.write("data", *then)
    data.finish("data")
    data.settle()
    assert data.commit("data").error == f"file / directory path collision ({path})"
    assert data.files("data") == files


@pytest.mark.parametrize("repair", [gone("/a"), gone("/a/")])
def test_a_collision_that_was_cleared_before_the_end_is_none(data: House, repair: modify.Operation) -> None:
    data.start("data")
    for operation in (add("/a", "1"), add("/a/b", "2"), repair):
        data.write("data", operation)
    data.finish("data")
    data.settle()
    assert data.commit("data").error == ""
    assert data.files("data") == ({"/a/b": "2"} if repair.path == "/a" else {"/a": "1"})


def test_names_that_sort_between_a_directory_and_its_files_do_not_collide(data: House) -> None:
    files = {"/a": "1", "/a.txt": "2", "/a-b/x": "3", "/a0": "4"}
    data.write("data", *(add(path, text) for path, text in files.items()))
    assert data.files("data") == files


# -- wholly or not at all -------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("bad", [add("/../x", "1"), add("", "1"), gone(""), gone("/a/../b"), add("/", "1")])
def test_a_bad_operation_undoes_those_before_it(data: House, opened: bool, bad: modify.Operation) -> None:
    data.put("data", a="1")
    if opened:
        data.start("data")
    count = heads(data)
    with pytest.raises((InvalidRequest, Refused)):
        data.write("data", gone("/a"), add("/b", "2"), bad)
    assert (data.files("data"), heads(data)) == ({"/a": "1"}, count)


def test_a_stream_that_breaks_off_leaves_nothing(data: House) -> None:
    data.put("data", a="1")

    def broken() -> Iterator[modify.Operation]:
        yield gone("/a")
        yield add("/b", b"x" * 3_000_000)
        raise ConnectionError("the client went away")

    count = heads(data)
    with pytest.raises(ConnectionError):
        modify.write(data.pfs, commit_ref("data"), broken())
    assert (data.files("data"), heads(data)) == ({"/a": "1"}, count)


def test_a_caller_that_is_gone_when_its_stream_ends_has_written_nothing(data: House) -> None:
    """The end of a stream and the loss of its sender can look alike at first."""
    data.put("data", a="1")
    count = heads(data)
    with pytest.raises(Cancelled):
        modify.write(data.pfs, commit_ref("data"), [gone("/a")], alive=lambda: False)
    assert (data.files("data"), heads(data)) == ({"/a": "1"}, count)


class FullStore(MemoryStore):
    """A store that is full when told so."""

    full = False

    def put(self, key: str, data: bytes) -> None:
        if self.full:
            raise StorageFull("no space left: free some")
        super().put(key, data)


def test_a_full_store_fails_the_write_and_serves_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = FullStore()
    house = House(tmp_path_factory.mktemp("full"), store)
    house.repo("data")
    house.put("data", a="1")
    store.full = True
    with pytest.raises(StorageFull):
        house.write("data", add("/b", b"x" * 100_000))
    assert house.files("data") == {"/a": "1"}
    store.full = False
    house.write("data", add("/b", "2"))
    assert house.files("data") == {"/a": "1", "/b": "2"}
    assert house.problems() == []
    house.close()


def test_a_stream_longer_than_memory_is_one_write(data: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "PATHS_IN_MEMORY", 3)
    data.write("data", add("/d/old", "1"), add("/keep", "1"))
    operations = [gone("/d/"), *(add(f"/d/{number}", str(number)) for number in range(10)), gone("/d/3"), gone("/keep")]
    for opened in (False, True):
        branch = f"data@{'open' if opened else 'once'}"
        data.branch(branch, head="data@master")
        if opened:
            data.start(branch)
        data.write(branch, *operations)
        if opened:
            data.finish(branch)
            data.settle()
        assert data.files(branch) == {f"/d/{number}": str(number) for number in range(10) if number != 3}


# -- many writers ---------------------------------------------------------------------------------------


def at_once(*steps: object) -> list[BaseException]:
    errors: list[BaseException] = []

    def run(step: object) -> None:
        try:
            step()  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_writers_of_one_branch_all_succeed(data: House) -> None:
    """Each write is a commit; none is lost, and each holds all that came before it."""
    writers = 12
    stop = threading.Event()

    def finisher() -> None:
        while not stop.is_set():
            data.settle()
            stop.wait(0.001)

    background = threading.Thread(target=finisher)
    background.start()
    errors = at_once(
        *(lambda n=n: data.write("data", add(f"/{n}", str(n)), add("/log", f"{n},")) for n in range(writers))
    )
    stop.set()
    background.join()
    data.settle()
    assert errors == []
    files = data.files("data")
    assert {path: text for path, text in files.items() if path != "/log"} == {f"/{n}": str(n) for n in range(writers)}
    assert sorted(files["/log"].strip(",").split(",")) == sorted(str(n) for n in range(writers))
    assert heads(data) == writers


def test_each_stream_into_an_open_commit_is_whole(data: House) -> None:
    opened = data.start("data")
    errors = at_once(
        *(
            lambda n=n: data.write(f"data@{opened.id}", gone("/f"), add("/f", f"{n}-begin "), add("/f", f"{n}-end"))
            for n in range(8)
        )
    )
    assert errors == []
    data.finish("data")
    data.settle()
    begin, end = data.files("data")["/f"].split()
    assert begin.split("-")[0] == end.split("-")[0]


def test_a_write_that_comes_too_late_is_told(data: House) -> None:
    """The commit is finished while the stream is under way."""
    opened = data.start("data")

    def slow() -> Iterator[modify.Operation]:
        yield add("/a", "1")
        data.finish("data")
        data.settle()
        yield add("/b", "2")

    with pytest.raises(Refused, match=f"^commit default/data@{opened.id} has already finished$"):
        modify.write(data.pfs, CommitRef(RepoRef("data"), opened.id), slow())
    assert data.files("data") == {}


def test_a_write_to_a_branch_whose_head_moved_goes_on_top(data: House) -> None:
    def slow() -> Iterator[modify.Operation]:
        yield add("/a", "mine")
        data.put("data", b="theirs")

    modify.write(data.pfs, commit_ref("data"), slow())
    assert data.files("data") == {"/a": "mine", "/b": "theirs"}


def test_a_write_to_a_repo_that_is_deleted_meanwhile_is_told(data: House) -> None:
    def slow() -> Iterator[modify.Operation]:
        yield add("/a", "1")
        data.pfs.change(lambda change: repos.delete(change, RepoRef("data")))

    with pytest.raises(NotFound, match="^repo default/data not found$"):
        modify.write(data.pfs, commit_ref("data"), slow())


# -- addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("s3://bucket", InvalidRequest, "names a whole bucket"),
        ("s3://bucket/key?endpoint=http://127.0.0.1:1", InvalidRequest, "only pachd's settings"),
        ("file:///etc/passwd", PermissionDenied, "TRUNKLINE_FILE_SOURCES"),
        ("ftp://host/file", InvalidRequest, "^unrecognized object store: ftp$"),
        ("no address", InvalidRequest, "^unrecognized object store: no address$"),
        ("http://127.0.0.1:1/nothing", Refused, '^error retrieving content from "http://127.0.0.1:1/nothing": '),
        ("http://[bad", InvalidRequest, "is no address: "),
        ("http://127.0.0.1:1/a b", Refused, '^error retrieving content from "http://127.0.0.1:1/a b": '),
    ],
)
def test_addresses_that_give_nothing(data: House, url: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        data.write("data", add("/a", "1"), modify.AppendUrl("/b", "", url))
    assert heads(data) == 0


class Site(http.server.BaseHTTPRequestHandler):
    """Serves three pages: a good one, one that breaks off, and one that redirects; the rest is missing."""

    def do_GET(self) -> None:
        if self.path == "/good":
            self._answer(200, {"Content-Length": "5000000"}, b"x" * 5_000_000)
        elif self.path == "/short":
            self._answer(200, {"Content-Length": "100"}, b"only this")
        elif self.path == "/moved":
            self._answer(302, {"Location": "/good", "Content-Length": "0"}, b"")
        else:
            self._answer(404, {"Content-Length": "0"}, b"")

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("page", ["/good", "/moved"])
def test_what_an_address_holds_is_appended(data: House, site: str, page: str) -> None:
    data.write("data", add("/f", "old"))
    data.write("data", modify.AppendUrl("/f", "", site + page))
    assert data.read("data", "/f") == b"old" + b"x" * 5_000_000


@pytest.mark.parametrize(("page", "reason"), [("/nope", "404 Not Found"), ("/short", "it ended 91 bytes early")])
def test_an_address_that_does_not_deliver_leaves_nothing(data: House, site: str, page: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        data.write("data", add("/a", "1"), modify.AppendUrl("/f", "", site + page))
    assert refused.value.message == f'error retrieving content from "{site}{page}": {reason}'
    assert heads(data) == 0


def test_a_web_address_holds_one_file(data: House, site: str) -> None:
    with pytest.raises(InvalidRequest, match="recursive puts need an object store"):
        data.write("data", modify.AppendUrl("/f", "", site + "/good", recursive=True))
