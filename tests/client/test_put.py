"""The thick client puts what a stream of whole files would have put, and no more than is needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.client.memory import GRAIN
from trunkline.client.putting import put
from trunkline.client.sources import File, Folder, Source, Stream
from trunkline.kernel.errors import InvalidRequest, NotFound, Refused, TrunklineError
from trunkline.kernel.ids import new_id
from trunkline.testing.content import noise
from trunkline.wire import pfs_pb2 as pfs

from .conftest import World

SIZES = (0, 1, 700, 70_000, 600_000)
paths = st.sampled_from(["/a", "/b", "/d/a", "/d/b", "/d/e/f", "/b/c", "/z"])
files = st.dictionaries(paths, st.tuples(st.integers(0, 2), st.sampled_from(SIZES)), min_size=1, max_size=5)
steps = st.lists(st.tuples(files, st.booleans(), st.booleans()), min_size=1, max_size=4)


def by_stream(world: World, commit: pfs.Commit, content: dict[str, bytes], replace: bool) -> None:
    """The way of every other client."""

    def messages():
        yield pfs.ModifyFileRequest(set_commit=commit)
        for path, data in content.items():
            if replace:
                yield pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path=path))
            add = pfs.AddFile(path=path)
            add.raw.value = data
            yield pfs.ModifyFileRequest(add_file=add)

    world.connection.pfs.ModifyFile(messages())


def by_client(world: World, commit: pfs.Commit, content: dict[str, bytes], replace: bool) -> None:
    """Ours."""
    sources: list[Source] = [Stream([data], path) for path, data in content.items()]
    put(world.connection, commit, sources, replace=replace)


def attempt(way, *args) -> str:
    try:
        way(*args)
    except TrunklineError as error:
        name = args[1].repo.name  # random, and not the same for both
        return f"{type(error).__name__}: {error}".replace(name, "REPO")
    return ""


def test_the_result_is_that_of_a_stream(local: World) -> None:
    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps)
    def check(history) -> None:
        one, other = local.repo(f"one_{new_id()}"), local.repo(f"two_{new_id()}")
        for described, replace, opened in history:
            content = {path: noise(f"{seed}", size) for path, (seed, size) in described.items()}
            targets = [local.head(repo) for repo in (one, other)]
            if opened:
                targets = [start(local, repo) for repo in (one, other)]
            answers = [
                attempt(way, local, target, content, replace)
                for way, target in zip((by_stream, by_client), targets, strict=True)
            ]
            assert answers[0].partition(" at ")[0] == answers[1].partition(" at ")[0]
            if opened:
                for target in targets:
                    local.connection.pfs.FinishCommit(pfs.FinishCommitRequest(commit=target))
            assert digest(local, one) == digest(local, other)

    check()


def start(world: World, repo: pfs.Repo) -> pfs.Commit:
    branch = pfs.Branch(repo=repo, name="master")
    return world.connection.pfs.StartCommit(pfs.StartCommitRequest(branch=branch))


def digest(world: World, repo: pfs.Repo) -> object:
    try:
        world.connection.pfs.InspectCommit(
            pfs.InspectCommitRequest(commit=world.head(repo), wait=pfs.CommitState.FINISHED)
        )
        info = world.connection.pfs.InspectCommit(pfs.InspectCommitRequest(commit=world.head(repo)))
        root = world.inspect(repo)
    except NotFound as error:
        return type(error)
    return bool(info.error), root.hash, root.size_bytes, world.commits(repo)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of several sizes, long unchanged."""
    made = tmp_path / "source"
    for name, size in {"small": 10, "sub/empty": 0, "sub/deep/long": 3_000_000, "sub/deep/x": 5000}.items():
        write(made / name, noise(name, size))
    return made


def write(path: Path, data: bytes) -> None:
    """A file that looks old enough to be remembered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets files count as old at once; that young ones do not is tested by itself."""
    for grain in ("GRAIN", "COARSE_GRAIN"):
        monkeypatch.setattr(f"trunkline.client.memory.{grain}", -(1 << 62))


def test_a_folder_in_both_worlds(world: World, folder: Path) -> None:
    repo = world.repo("data")
    told: list[tuple[int, int]] = []
    result = put(
        world.connection,
        world.head(repo),
        [Folder(str(folder), "in/"), File(str(folder / "small"), "one"), Stream([b"a", b"b"], "/two")],
        progress=lambda count, size: told.append((count, size)),
    )
    assert world.content(repo, "/in/sub/deep/long") == noise("sub/deep/long", 3_000_000)
    assert world.content(repo, "/one") == noise("small", 10)
    assert world.content(repo, "/two") == b"ab"
    assert world.inspect(repo, "/in/sub/empty").size_bytes == 0
    assert (result.files, result.size) == (6, 3_005_022)
    assert [sum(each) for each in zip(*told, strict=True)] == [6, 3_005_022]
    assert world.commits(repo) == 1


def test_what_is_there_is_not_stored_again(world: World, folder: Path) -> None:
    repo = world.repo("data")
    put(world.connection, world.head(repo), [Folder(str(folder), "/a")])
    stored = len(list(world.serving.store.keys("chunks/")))
    put(world.connection, world.head(repo), [Folder(str(folder), "/b")])
    assert len(list(world.serving.store.keys("chunks/"))) == stored
    assert world.inspect(repo, "/a").hash != b""


def test_unchanged_files_are_not_read(
    local: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)
    repo, memory = local.repo("data"), tmp_path / "memory"

    def run(target: str = "/a") -> int:
        return put(
            local.connection, local.head(repo), [Folder(str(folder), target)], replace=True, memory=memory
        ).unchanged

    assert [run(), run(), run("/b"), run("/b")] == [0, 4, 4, 4]
    first = local.inspect(repo).hash
    write(folder / "sub/deep/x", b"other")
    write(folder / "sub/deep/new", b"new")
    assert run() == 3
    assert (local.content(repo, "/a/sub/deep/x"), local.content(repo, "/a/sub/deep/new")) == (b"other", b"new")
    assert local.content(repo, "/b/sub/deep/x") == noise("sub/deep/x", 5000)
    assert run("/b") == 5
    assert local.content(repo, "/b/sub/deep/x") == b"other"
    assert local.inspect(repo).hash != first


def test_a_target_that_others_changed_gets_everything(
    local: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)
    repo = local.repo("data")

    def run() -> None:
        put(
            local.connection,
            local.head(repo),
            [Folder(str(folder), "/")],
            replace=True,
            memory=tmp_path / "memory",
        )

    run()
    before = local.inspect(repo).hash
    by_stream(local, local.head(repo), {"/small": b"theirs"}, replace=True)
    run()
    assert local.inspect(repo).hash == before


def test_chunks_that_the_store_lost_are_stored_again(
    local: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)
    first, second = local.repo("first"), local.repo("second")
    memory = tmp_path / "memory"
    put(local.connection, local.head(first), [Folder(str(folder), "/")], memory=memory)
    for key in list(local.serving.store.keys("chunks/")):
        local.serving.store.delete(key)
    put(local.connection, local.head(second), [Folder(str(folder), "/")], memory=memory)
    assert local.content(second, "/sub/deep/long") == noise("sub/deep/long", 3_000_000)


def test_a_file_whose_chunk_was_lost_is_healed_by_putting_it_again(local: World, tmp_path: Path) -> None:
    repo = local.repo("data")
    write(tmp_path / "both/a", b"A" * 1000)
    write(tmp_path / "both/b", b"B" * 1000)
    put(local.connection, local.head(repo), [Folder(str(tmp_path / "both"), "/")], replace=True)
    for key in list(local.serving.store.keys("chunks/")):
        local.serving.store.delete(key)
    put(local.connection, local.head(repo), [File(str(tmp_path / "both/a"), "/a")], replace=True)
    assert local.content(repo, "/a") == b"A" * 1000
    # In this commit. The first one names the chunk that both files shared, which the same two make again.
    put(local.connection, local.head(repo), [Folder(str(tmp_path / "both"), "/")], replace=True)


def test_what_was_appended_is_replaced_although_nothing_changed(
    local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)
    repo, memory = local.repo("data"), tmp_path / "memory"
    write(tmp_path / "source/a", b"B")
    by_stream(local, local.head(repo), {"/a": b"A"}, replace=False)
    for replace, held in ((False, b"AB"), (True, b"B"), (True, b"B")):
        put(local.connection, local.head(repo), [Folder(str(tmp_path / "source"), "/")], replace=replace, memory=memory)
        assert local.content(repo, "/a") == held


def test_a_target_that_is_another_one_by_now_in_a_store_that_lost_the_chunks(
    local: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)

    def run(repo: pfs.Repo) -> None:
        source = Folder(str(folder), "/")
        put(local.connection, local.head(repo), [source], replace=True, memory=tmp_path / "memory")

    repo = local.repo("data")
    run(repo)
    local.connection.pfs.DeleteRepo(pfs.DeleteRepoRequest(repo=repo))
    for key in list(local.serving.store.keys("chunks/")):
        local.serving.store.delete(key)
    run(local.repo("data"))
    assert local.content(repo, "/sub/deep/long") == noise("sub/deep/long", 3_000_000)


def test_an_open_commit_that_changes_between_the_look_and_the_write(
    local: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)
    repo = local.repo("data")

    def run() -> None:
        source = Folder(str(folder), "/")
        put(local.connection, local.head(repo), [source], replace=True, memory=tmp_path / "memory")

    run()
    before = local.inspect(repo).hash
    commit = start(local, repo)
    filesystem, ours = local.serving.pfs, []
    change = filesystem.change

    def late(step, set_id=None):
        if not ours:
            ours.append(True)
            delete = pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path="/small"))
            local.connection.pfs.ModifyFile(iter([pfs.ModifyFileRequest(set_commit=commit), delete]))
        return change(step, set_id)

    monkeypatch.setattr(filesystem, "change", late)
    run()
    local.connection.pfs.FinishCommit(pfs.FinishCommitRequest(commit=commit))
    assert ours
    assert local.inspect(repo).hash == before


def test_a_single_long_file_is_remembered(local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    repo, path = local.repo("data"), tmp_path / "long"
    write(path, noise("long", 5_000_000))

    def run() -> int:
        source = File(str(path), "/long")
        return put(local.connection, local.head(repo), [source], replace=True, memory=tmp_path / "m").unchanged

    assert [run(), run()] == [0, 1]
    write(path, noise("another", 5_000_000))
    assert run() == 0
    assert local.content(repo, "/long") == noise("another", 5_000_000)


def test_a_young_file_is_read_again(local: World, folder: Path, tmp_path: Path) -> None:
    repo = local.repo("data")
    # Times that cannot be of the past; a file that was written a moment ago looks like this.
    for path in folder.rglob("*"):
        os.utime(path, ns=(2**62, path.stat().st_mtime_ns + GRAIN * 10**6))
    for _ in range(2):
        result = put(local.connection, local.head(repo), [Folder(str(folder), "/")], replace=True, memory=tmp_path)
        assert result.unchanged == 0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda top: os.mkfifo(top / "pipe"), "pipe is neither a file nor a directory"),
        (lambda top: (top / "link").symlink_to("sub"), "link is a link to a directory"),
        (lambda top: (top / "gone").symlink_to("nothing"), "gone is neither a file nor a directory"),
        (lambda top: (top / "bad\nname").touch(), "only printable characters"),
        (lambda top: Path(os.fsdecode(bytes(top) + b"/\xff")).touch(), "not valid Unicode"),
    ],
)
def test_what_cannot_be_put(local: World, folder: Path, make, text: str) -> None:
    repo = local.repo("data")
    make(folder)
    with pytest.raises(InvalidRequest, match=text):
        put(local.connection, local.head(repo), [Folder(str(folder), "/")])
    assert local.commits(repo) == 0


def test_a_path_that_comes_twice(local: World) -> None:
    with pytest.raises(InvalidRequest, match="multiple files put"):
        put(local.connection, local.head(local.repo("data")), [Stream([b"1"], "/a"), Stream([b"2"], "a")])


def test_collisions_are_refused(local: World) -> None:
    repo = local.repo("data")
    put(local.connection, local.head(repo), [Stream([b"1"], "/a/b")])
    with pytest.raises(Refused, match=r"file / directory path collision \(/a\)"):
        put(local.connection, local.head(repo), [Stream([b"2"], "/a")])
    with pytest.raises(Refused, match=r"file / directory path collision \(/x\)"):
        put(local.connection, local.head(repo), [Stream([b"2"], "/x"), Stream([b"3"], "/x/y")])
    assert local.commits(repo) == 1


def test_no_such_repo(local: World) -> None:
    repo = pfs.Repo(name="nothing", type="user", project=pfs.Project(name="default"))
    with pytest.raises(NotFound, match="repo default/nothing not found"):
        put(local.connection, local.head(repo), [Stream([b"1"], "/a")])


@pytest.mark.parametrize("parallelism", [-1, 1, 3, 1000])
def test_many_small_files_by_several_threads(local: World, tmp_path: Path, parallelism: int) -> None:
    repo, source = local.repo("data"), tmp_path / "many"
    contents = {f"{number % 7}/{number}": noise(f"{number}", number * 37 % 9000) for number in range(150)}
    for name, data in contents.items():
        write(source / name, data)
    result = put(local.connection, local.head(repo), [Folder(str(source), "/")], parallelism=parallelism)
    assert result.files == 150
    assert {name: local.content(repo, f"/{name}") for name in list(contents)[::20]} == {
        name: contents[name] for name in list(contents)[::20]
    }
    assert local.inspect(repo).size_bytes == sum(map(len, contents.values()))


def test_a_file_that_grows_or_goes_while_the_folder_is_read(
    local: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = local.repo("data")
    from trunkline.client import folders

    def walk(origin: str):
        for listed in list(real(origin)):
            if listed.below == "":
                (folder / "small").write_bytes(b"longer than before" * 10)
            yield listed

    real = folders.walk
    monkeypatch.setattr(folders, "walk", walk)
    put(local.connection, local.head(repo), [Folder(str(folder), "/")])
    assert local.content(repo, "/small") == b"longer than before" * 10

    def lost(origin: str):
        for listed in list(real(origin)):
            (folder / "small").unlink(missing_ok=True)
            yield listed

    monkeypatch.setattr(folders, "walk", lost)
    with pytest.raises(InvalidRequest, match="small cannot be read: No such file"):
        put(local.connection, local.head(repo), [Folder(str(folder), "/")], replace=True)
    assert local.commits(repo) == 1
