"""Bad input, line by line: the exact class of error, one line that names the thing, and nothing changed.

How these reach a caller is in `tests/api`; what the command line makes of them in `tests/bad_input`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.pfs.house import House, add, copied, gone

from trunkline.kernel.errors import AlreadyExists, CycleDetected, InvalidRequest, NotFound, Refused, TrunklineError
from trunkline.pfs import modify, repos
from trunkline.pfs.refs import RepoRef

NOWHERE = "0" * 12 + "4" + "0" * 19


def delete_repo(house: House, name: str) -> None:
    house.pfs.change(lambda change: repos.delete(change, RepoRef(name)))


CASES: list[tuple[str, Callable[[House], object], type[TrunklineError], str]] = [
    ("no such repo", lambda h: h.put("nope", a="1"), NotFound, "default/nope"),
    ("no such repo to start in", lambda h: h.start("nope"), NotFound, "default/nope"),
    ("no such repo for a branch", lambda h: h.branch("nope"), NotFound, "default/nope"),
    ("no such repo upstream", lambda h: h.branch("spare", "nope"), NotFound, "default/nope"),
    ("no such branch", lambda h: h.commit("data@nope"), NotFound, '"nope"'),
    ("no such branch to delete", lambda h: h.unbranch("data@nope"), NotFound, '"nope"'),
    ("no such commit", lambda h: h.commit(f"data@{NOWHERE}"), NotFound, NOWHERE),
    ("no such ancestor", lambda h: h.commit("data@master^7"), NotFound, "master^7"),
    ("no such commit to write to", lambda h: h.put(f"data@{NOWHERE}", a="1"), NotFound, NOWHERE),
    ("no such commit to squash", lambda h: h.squash(f"data@{NOWHERE}"), NotFound, NOWHERE),
    ("no such repo to copy from", lambda h: h.write("data", copied("/c", "nope", "/f")), NotFound, "default/nope"),
    ("a name with a blank", lambda h: h.repo("a b"), Refused, "a b"),
    ("an empty name", lambda h: h.repo(""), Refused, "()"),
    ("a reserved name", lambda h: h.repo("__filesets__"), Refused, "__filesets__"),
    ("a branch like a commit", lambda h: h.branch(f"data@{NOWHERE}"), Refused, "UUID"),
    ("a branch with a dot", lambda h: h.start("data@a.b"), Refused, "a.b"),
    ("a repo that exists", lambda h: h.repo("data"), AlreadyExists, "default/data"),
    ("an output repo", lambda h: h.put("out", a="1"), Refused, "default/out@master"),
    ("an output repo to start in", lambda h: h.start("out"), Refused, "default/out@master"),
    ("a finished commit", lambda h: h.put(f"data@{h.commit('data').id}", a="1"), Refused, "has already finished"),
    ("finishing twice", lambda h: h.finish("data"), Refused, "has already finished"),
    ("a path that escapes", lambda h: h.write("data", add("../x", "1")), Refused, "../x"),
    ("a path that escapes inside", lambda h: h.write("data", add("/a/../../x", "1")), Refused, "/a/../../x"),
    ("a copy that escapes", lambda h: h.write("data", copied("/../x", "data", "/d")), Refused, "/../x"),
    ("a delete that escapes", lambda h: h.write("data", gone("/../x")), Refused, "/../x"),
    ("an empty path", lambda h: h.write("data", add("", "1")), InvalidRequest, "()"),
    ("the root as a file", lambda h: h.write("data", add("/", "1")), InvalidRequest, "root"),
    ("a file in the place of a directory", lambda h: h.write("data", add("/d", "1")), Refused, "(/d)"),
    ("a directory in the place of a file", lambda h: h.write("data", add("/f/x", "1")), Refused, "(/f)"),
    ("a cycle", lambda h: h.branch("data", "out"), CycleDetected, "default/out@master"),
    ("a branch from its own repo", lambda h: h.branch("data@dev", "data"), Refused, "default/data"),
    ("a repo that others depend on", lambda h: delete_repo(h, "data"), Refused, "default/out@master"),
    ("a branch that others depend on", lambda h: h.unbranch("data"), Refused, "default/out@master"),
    ("a glob that does not parse", lambda h: list(h.view("data").glob("/[a")), InvalidRequest, "/[a"),
    ("too large a page", lambda h: h.view("data").children("/", number=10**6), InvalidRequest, "100000"),
    ("a head of another repo", lambda h: h.branch("spare", head="data"), Refused, "same repo"),
    ("mixed ancestry", lambda h: h.commit("data@master^~"), InvalidRequest, "master^~"),
    (
        "an address that is none",
        lambda h: h.write("data", modify.AppendUrl("/u", "", "gopher://x")),
        InvalidRequest,
        "gopher",
    ),
]


@pytest.fixture
def there(house: House) -> House:
    """data (with /f and /d/x) feeds out, whose commit is finished; spare is empty."""
    house.repo("data", "out", "spare")
    house.write("data", add("/f", "1"), add("/d/x", "2"))
    house.branch("out", "data")
    house.finish("out")
    house.settle()
    return house


def state(house: House) -> list[object]:
    with house.catalog.read() as tx:
        tables = ("repos", "branches", "commits", "branch_provenance", "commit_provenance", "layers")
        return [[tuple(row) for row in tx.rows(f"SELECT * FROM {table}")] for table in tables]


@pytest.mark.parametrize(("call", "kind", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_input(there: House, call: Callable[[House], object], kind: type[TrunklineError], words: str) -> None:
    before = state(there)
    with pytest.raises(TrunklineError) as error:
        call(there)
    assert type(error.value) is kind
    assert words in error.value.message
    assert "\n" not in error.value.message
    assert state(there) == before
    assert there.files("data") == {"/f": "1", "/d/x": "2"}
