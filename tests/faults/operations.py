"""Every operation that changes the file system, as callers mean it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

from tests.faults.world import BIG, World, new_id

from trunkline.pfs import metadata, modify, transactions
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.testing.model_triggers import Follow

_numbers = itertools.count(100)


def fresh() -> str:
    """An id for a change; who repeats a call makes another change."""
    return new_id(next(_numbers))


APPENDED = [modify.Append("/f", "", b"more")]


class Operation(NamedTuple):
    """What is done.

    Attributes:
        again: what doing it once more comes to, when it had happened and nobody knew: `same` (nothing else
            happens), `told` (an error says so, nothing else happens), `twice` (it happens again, as it must: who
            appends or starts something new says nothing of what was there before).
    """

    name: str
    do: Callable[[World], object]
    again: str


def _put(*operations: modify.Operation, repo: str = "a") -> Callable[[World], object]:
    return lambda world: world.write(repo, "master", operations, by_id=False)


def _transaction(world: World) -> None:
    steps = [
        lambda change: world.in_change.repo(change, "e"),
        lambda change: world.in_change.start(change, ("a", "master")),
        lambda change: world.in_change.finish(change, "c", "master"),
        lambda change: world.in_change.branch(change, ("a", "dev"), "master^"),
    ]
    world.together(steps, fresh())


def _replace(path: str, data: bytes) -> list[modify.Operation]:
    return [modify.Delete(path, ""), modify.Append(path, "", data)]


def _copy(world: World) -> None:
    _put(modify.Copy("/copied", "", CommitRef(RepoRef("a"), branch="master"), "/d", False), repo="p/d")(world)


def _edit(world: World) -> None:
    world.pfs.change(lambda change: metadata.edit_repo(change, RepoRef("a"), metadata.Set("k", "v")))


def _settle(world: World) -> None:
    world.settle()


def _by_error(world: World) -> None:
    world.finish("c", "master", fresh(), failed=True)


def _set_head(world: World) -> None:
    world.create_branch(("a", "master"), fresh(), head="master^2")


def _follow(world: World) -> None:
    world.create_branch(("c", "prod"), fresh(), follow=Follow("master", size=1))


def _feed(world: World) -> None:
    world.create_branch(("p/d", "master"), fresh(), provenance=[("c", "master")])


OPERATIONS = [
    Operation("replace a file", _put(*_replace("/f", b"new")), "twice"),
    Operation("append to a file", _put(*APPENDED), "twice"),
    Operation("put a large file", _put(*_replace("/big", BIG)), "twice"),
    Operation("put into an open commit", _put(*_replace("/f", b"new"), repo="c"), "same"),
    Operation("append in an open commit", _put(*APPENDED, repo="c"), "twice"),
    Operation("delete a folder", _put(modify.Delete("/d/", "")), "twice"),
    Operation("copy a folder", _copy, "twice"),
    Operation("create a repo", lambda world: world.create_repo("e", fresh()), "told"),
    Operation("delete a repo", lambda world: world.delete_repo("c", fresh(), force=True), "same"),
    Operation("create a project", lambda world: world.create_project("q", fresh()), "told"),
    Operation("delete a project", lambda world: world.delete_project("p", fresh(), force=True), "told"),
    Operation("create a branch", lambda world: world.create_branch(("a", "dev"), fresh(), head="master"), "same"),
    Operation("feed a branch", _feed, "same"),
    Operation("make a branch follow", _follow, "same"),
    Operation("move a head", _set_head, "told"),
    Operation("delete a branch", lambda world: world.delete_branch(("b", "master"), fresh(), force=False), "told"),
    Operation("start a commit", lambda world: world.start(("a", "master"), fresh(), None), "told"),
    Operation("finish a commit", lambda world: world.finish("c", "master", fresh(), failed=False), "told"),
    Operation("finish with an error", _by_error, "told"),
    Operation("clear a commit", lambda world: world.clear("c", "master", fresh()), "same"),
    Operation("squash", lambda world: world.remove("squash", "a", "master^2", fresh(), recursive=True), "twice"),
    Operation("drop", lambda world: world.remove("drop", "p/d", "master", fresh(), recursive=True), "twice"),
    Operation("delete everything", lambda world: world.delete_all(fresh()), "same"),
    Operation("make a file set", lambda world: world.create_file_set(_replace("/x", b"8")), "twice"),
    Operation("file set of a commit", lambda world: world.file_set_of("a", "master", changes=True), "twice"),
    Operation("compose file sets", lambda w: w.compose([w.file_set, w.file_set], 600, compact=True), "twice"),
    Operation("renew a file set", lambda world: world.renew(world.file_set, 1200), "same"),
    Operation("add a file set", lambda world: world.add_file_set(world.file_set, "c", "master", fresh()), "twice"),
    Operation("a transaction", _transaction, "told"),
    Operation("start a transaction", lambda world: world.pfs.change(transactions.start), "twice"),
    Operation("edit metadata", _edit, "same"),
    Operation("remember in the cache", lambda w: w.pfs.cache.put("k", b"v", [w.file_set], "t"), "same"),
    Operation("what runs by itself", _settle, "same"),
]
