"""What only a folder can get wrong: crashes, other processes, limits of the disk, strangers' files."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.kernel.clock import SECOND, Nanos
from trunkline.kernel.errors import Corrupt, InvalidRequest, ObjectMissing, StorageFailed, StorageFull
from trunkline.objects import local, temporary
from trunkline.objects.keys import LARGEST_OBJECT
from trunkline.objects.local import LocalStore
from trunkline.testing.objects import key_of


def working_files(root: Path) -> list[Path]:
    return list((root / "tmp").iterdir())


def path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


WRITE_FOREVER = """
import sys
from pathlib import Path
from blake3 import blake3
from trunkline.objects.keys import hash_key
from trunkline.objects.local import LocalStore
store = LocalStore(Path(sys.argv[1]))
number = 0
while True:
    group = [bytes([(number + i) % 251]) * (50_000 + number + i) for i in range(8)]
    number += 8
    keys = [hash_key("chunks", blake3(each).digest()) for each in group]
    store.put_many(zip(keys, group))
    for key in keys:
        print(key, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 30, 77])
def test_after_a_kill_everything_present_is_whole(tmp_path, acknowledged):
    from blake3 import blake3

    process = child(WRITE_FOREVER, tmp_path)
    promised = [process.stdout.readline().strip() for _ in range(acknowledged)]
    process.send_signal(signal.SIGKILL)
    promised += [line for line in process.communicate()[0].split("\n")[:-1] if line]

    store = LocalStore(tmp_path)
    present = list(store.keys())
    assert set(promised) <= set(present)
    for key in present:
        assert blake3(store.get(key)).hexdigest() == key.rsplit("/", 1)[1]
    later = Nanos(max((each.stat().st_mtime_ns for each in working_files(tmp_path)), default=0))
    store.sweep(Nanos(later + 2 * SECOND), older_than=1)
    assert working_files(tmp_path) == []
    assert set(store.keys()) == set(present)


WRITE_THE_SAME = """
import sys
from pathlib import Path
from trunkline.objects.local import LocalStore
from trunkline.testing.objects import key_of
store = LocalStore(Path(sys.argv[1]))
numbers = list(range(200))
if sys.argv[2] == "1":
    numbers.reverse()
for at in range(0, 200, 20):
    store.put_many((key_of(n), b"%d" % n * 300) for n in numbers[at : at + 20])
    assert all(store.get(key_of(n)) == b"%d" % n * 300 for n in numbers[at : at + 20])
"""


def test_processes_that_write_the_same_keys(tmp_path):
    processes = [child(WRITE_THE_SAME, tmp_path, number % 2) for number in range(3)]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    store = LocalStore(tmp_path)
    assert {store.get(key_of(n)) for n in range(200)} == {b"%d" % n * 300 for n in range(200)}
    assert working_files(tmp_path) == []


LIMITED = """
import resource, sys
from pathlib import Path
from trunkline.kernel.errors import StorageFailed
from trunkline.objects.local import LocalStore
from trunkline.testing.objects import key_of
store = LocalStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store.put(key_of(1), bytes(90_000))
try:
    store.put_many([(key_of(2), b"small"), (key_of(3), bytes(110_000))])
except StorageFailed as error:
    print(error)
assert store.get(key_of(1)) == bytes(90_000)
"""


def test_a_limit_on_the_size_of_files_is_told_and_leaves_nothing_behind(tmp_path):
    output, errors = child(LIMITED, tmp_path).communicate()
    assert errors == ""
    assert key_of(3) in output
    assert "ulimit -f" in output
    assert len(output.strip().split("\n")) == 1
    store = LocalStore(tmp_path)
    assert sorted(store.keys()) == [key_of(1)]
    assert working_files(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "error", "remedy"),
    [
        (errno.ENOSPC, StorageFull, "free some space"),
        (errno.EDQUOT, StorageFull, "free some space"),
        (errno.EIO, StorageFailed, "check the disk"),
        (errno.EROFS, StorageFailed, "mount the file system for writing"),
    ],
)
def test_a_disk_that_refuses_to_synchronise(tmp_path, number, error, remedy):
    answers = []

    def sync(descriptor: int) -> None:
        if answers:
            raise OSError(answers[0], os.strerror(answers[0]))

    store = LocalStore(tmp_path, sync)
    store.put(key_of(1), b"before")
    answers.append(number)
    with pytest.raises(error, match=remedy) as caught:
        store.put_many([(key_of(2), b"two"), (key_of(3), b"three")])
    assert key_of(2) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(store.keys()) == [key_of(1)]
    assert working_files(tmp_path) == []
    assert store.get(key_of(1)) == b"before"
    answers.clear()
    store.put_many([(key_of(2), b"two"), (key_of(3), b"three")])
    assert store.get(key_of(3)) == b"three"


def test_a_disk_that_is_full_while_writing(tmp_path, monkeypatch):
    store = LocalStore(tmp_path)
    real = os.write

    def write(descriptor, data):
        if len(data) > 10:
            return real(descriptor, data[:10])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(temporary.os, "write", write)
    with pytest.raises(StorageFull, match="No space left on device"):
        store.put(key_of(1), b"x" * 25)
    monkeypatch.undo()
    assert not store.has(key_of(1))
    assert working_files(tmp_path) == []


def test_bytes_are_synchronised_before_their_name_and_the_name_before_the_answer(tmp_path):
    store = LocalStore(tmp_path)
    events = []

    def sync(descriptor: int) -> None:
        path = path_of(descriptor)
        events.append(("folder", path) if path.is_dir() else ("bytes", [*store.keys()]))

    observed = LocalStore(tmp_path, sync)
    observed.put_many((key_of(number), b"x") for number in range(10))
    files = [names for kind, names in events if kind == "bytes"]
    folders = [path for kind, path in events if kind == "folder"]
    assert len(files) == 10
    assert files[-1] == []
    places = {(tmp_path / key_of(number)).parent for number in range(10)}
    assert places <= set(folders)
    assert {tmp_path, tmp_path / "chunks"} <= set(folders)
    assert [kind for kind, _ in events].index("folder") == 10


def test_what_another_store_wrote_is_made_durable_before_it_is_confirmed(tmp_path):
    synced = []
    mine = LocalStore(tmp_path, lambda fd: synced.append(path_of(fd)))
    LocalStore(tmp_path, lambda fd: None).put(key_of(1), b"x")
    folder = (tmp_path / key_of(1)).parent
    assert mine.has(key_of(1))
    assert folder in synced
    assert tmp_path in synced
    LocalStore(tmp_path, lambda fd: None).put(key_of(1) + "-b", b"x")
    synced.clear()
    mine.put(key_of(1) + "-b", b"y")
    assert synced == [folder]


def test_a_quiet_folder_is_synchronised_once(tmp_path, monkeypatch):
    from trunkline.objects import folders

    now = [0.0]
    monkeypatch.setattr(folders.time, "monotonic", lambda: now[0])
    synced = []
    store = LocalStore(tmp_path, synced.append)
    store.put(key_of(1), b"x")
    now[0] += 1
    store.has(key_of(1))
    synced.clear()
    for _ in range(5):
        assert store.has(key_of(1))
    assert synced == []


def test_groups_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "GROUP_FILES", 4)
    store = LocalStore(tmp_path)
    most = 0

    def items():
        nonlocal most
        for number in range(30):
            most = max(most, len(working_files(tmp_path)))
            yield key_of(number), b"x"

    store.put_many(items())
    assert 0 < most <= 4
    assert len(list(store.keys())) == 30


def test_a_source_that_breaks_leaves_no_working_files(tmp_path):
    store = LocalStore(tmp_path)

    def items():
        yield key_of(1), b"x"
        raise KeyError

    with pytest.raises(KeyError):
        store.put_many(items())
    with pytest.raises(InvalidRequest):
        store.put_many([(key_of(1), b"x"), ("../x", b"x")])
    assert working_files(tmp_path) == []


def test_sweep_leaves_the_young_and_the_objects(tmp_path):
    store = LocalStore(tmp_path)
    store.put(key_of(1), b"x")
    old, young = tmp_path / "tmp" / "1-old", tmp_path / "tmp" / "2-young"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, ns=(0, 1000 * SECOND))
    os.utime(young, ns=(0, 9000 * SECOND))
    assert store.sweep(Nanos(10_000 * SECOND), older_than=3600) == 1
    assert working_files(tmp_path) == [young]
    assert store.get(key_of(1)) == b"x"
    assert list(store.keys()) == [key_of(1)]


def test_objects_are_born_read_only(tmp_path):
    LocalStore(tmp_path).put(key_of(1), b"x")
    assert (tmp_path / key_of(1)).stat().st_mode & 0o333 == 0


def test_a_lost_working_folder_is_made_anew(tmp_path):
    store = LocalStore(tmp_path)
    (tmp_path / "tmp").rmdir()
    store.put(key_of(1), b"x")
    assert store.get(key_of(1)) == b"x"


def test_a_file_system_without_hard_links(tmp_path, monkeypatch):
    def link(source, target):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(temporary.os, "link", link)
    store = LocalStore(tmp_path)
    store.put_many([(key_of(1), b"one"), (key_of(2), b"two")])
    store.put(key_of(1), b"other")
    assert store.get(key_of(1)) == b"one"
    assert working_files(tmp_path) == []


def test_a_folder_is_no_object(tmp_path):
    store = LocalStore(tmp_path)
    store.put(key_of(1), b"x")
    assert not store.has("chunks")
    for call in (store.get, store.size):
        with pytest.raises(ObjectMissing):
            call("chunks")
    with pytest.raises(StorageFailed, match="File exists"):
        store.put("chunks", b"x")
    with pytest.raises(StorageFailed):
        store.put(key_of(1) + "/below", b"x")
    assert working_files(tmp_path) == []


def test_a_planted_giant_is_not_read(tmp_path):
    store = LocalStore(tmp_path)
    place = tmp_path / key_of(1)
    place.parent.mkdir(parents=True)
    with place.open("wb") as file:
        file.truncate(LARGEST_OBJECT * 100)
    with pytest.raises(Corrupt, match=key_of(1)):
        store.get(key_of(1))


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailed, match="cannot make the folder"):
        LocalStore(tmp_path / "file" / "store")
