from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.pps.world import World

from trunkline.kernel.errors import AlreadyExists, InvalidRequest, NotFound, StorageFailed
from trunkline.pps.environments import Digests, Environment


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "train").write_text("#!/bin/sh\n")
    (made / "train").symlink_to("bin/train")
    return made


def test_an_environment_is_kept_listed_replaced_and_removed(world: World, root: Path) -> None:
    given = Environment("x/train:1", str(root), {"LEVEL": "3", "A": "ü"}, (str(root / "bin"),))
    made = world.pps.create_environment(given)
    assert made.created > 0
    assert world.pps.find_environment("x/train:1") == made
    world.pps.create_environment(Environment("alpine"))
    assert [one.image for one in world.pps.list_environments()] == ["alpine", "x/train:1"]
    with pytest.raises(AlreadyExists, match='environment "alpine" already exists'):
        world.pps.create_environment(Environment("alpine"))
    again = world.pps.create_environment(Environment("x/train:1", variables={"B": "1"}), update=True)
    assert (again.root, again.variables, again.created) == ("", {"B": "1"}, made.created)
    world.pps.delete_environment("alpine")
    assert world.pps.find_environment("alpine") is None
    with pytest.raises(NotFound, match='environment "alpine" not found'):
        world.pps.delete_environment("alpine")


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        (Environment(""), InvalidRequest, "environment name '' invalid"),
        (Environment("a\nb"), InvalidRequest, "invalid"),
        (Environment("a", root="relative"), InvalidRequest, "the root 'relative' is not an absolute path"),
        (Environment("a", root="/nowhere/at/all"), NotFound, "the root /nowhere/at/all not found"),
        (Environment("a", root="/etc/passwd"), NotFound, "or not a folder"),
        (Environment("a", root="/"), InvalidRequest, "the root / is the machine itself"),
        (Environment("a", root="/bin/../.."), InvalidRequest, "is the machine itself"),
        (Environment("a", search_path=("bin",)), InvalidRequest, "the search path 'bin' is not an absolute path"),
        (Environment("a", search_path=("/nowhere",)), NotFound, "the search path /nowhere not found"),
        (Environment("a", variables={"": "1"}), InvalidRequest, "variable '' invalid"),
        (Environment("a", variables={"A=": "1"}), InvalidRequest, "variable 'A=' invalid"),
        (Environment("a", variables={"A": "\0"}), InvalidRequest, "variable 'A' invalid"),
    ],
)
def test_what_is_no_environment(world: World, given: Environment, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind) as error:
        world.pps.create_environment(given)
    assert says in str(error.value)
    assert world.pps.list_environments() == []


def test_the_digest_covers_what_user_code_would_find(root: Path) -> None:
    seen = set()

    def differs(variables: dict[str, str] | None = None, search_path: tuple[str, ...] = ()) -> bool:
        digest = Digests().digest(str(root), variables or {}, search_path)
        assert digest == Digests().digest(str(root), variables or {}, search_path)
        fresh = digest not in seen
        seen.add(digest)
        return fresh

    assert differs()
    assert differs({"A": "1"})
    assert differs({"A": "2"})
    assert differs(search_path=("/bin",))
    assert differs(search_path=("/bin", "/usr"))
    (root / "bin" / "train").write_text("#!/bin/false\n")
    assert differs()
    (root / "bin" / "train").chmod(0o755)
    assert differs()
    (root / "train").unlink()
    assert differs()
    (root / "train").symlink_to("bin/other")
    assert differs()
    (root / "empty").mkdir()
    assert differs()
    (root / "bin" / "train").rename(root / "empty" / "train")
    assert differs()
    assert not differs()


def test_the_digest_does_not_depend_on_where_the_folder_is(root: Path) -> None:
    before = Digests().digest(str(root), {}, ())
    moved = root.rename(root.parent / "elsewhere")
    assert Digests().digest(str(moved), {}, ()) == before


def test_a_file_is_read_again_only_when_it_changed(root: Path) -> None:
    digests = Digests()
    before = digests.digest(str(root), {}, ())
    program = root / "bin" / "train"
    found = program.stat()
    program.write_text("#!/bin/no\n")
    os.utime(program, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert program.stat().st_size == found.st_size
    assert digests.digest(str(root), {}, ()) == before, "same size and time: not read"
    os.utime(program, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    assert digests.digest(str(root), {}, ()) != before


def test_a_root_that_is_gone(root: Path) -> None:
    with pytest.raises(StorageFailed, match="cannot be read"):
        Digests().digest(str(root / "gone"), {}, ())


def test_no_root_has_a_digest_too() -> None:
    assert len(Digests().digest("", {}, ())) == 64
