"""Repos and projects: making, updating, listing, deleting (spec 01, sections 2 and 3)."""

from __future__ import annotations

import pytest
from tests.pfs.house import House

from trunkline.kernel.errors import AlreadyExists, FailedPrecondition, InvalidRequest, NotFound, Refused
from trunkline.pfs import projects, repos, resolve
from trunkline.pfs.refs import META, SPEC, USER, RepoRef


def names(house: House, **how: object) -> list[str]:
    with house.catalog.read() as tx:
        return [str(repo.ref) for repo in repos.select(tx, **how)]  # type: ignore[arg-type]


def test_a_new_repo_has_no_branch(house: House) -> None:
    house.repo("data")
    with house.catalog.read() as tx:
        repo = resolve.repo(tx, RepoRef("data"))
        assert repos.branches_of(tx, repo) == []
    assert str(repo.ref) == "default/data"


def test_a_repo_that_exists_is_kept(house: House) -> None:
    house.pfs.change(lambda change: repos.create(change, RepoRef("data"), description="first"))
    with pytest.raises(AlreadyExists, match="^repo default/data already exists$"):
        house.pfs.change(lambda change: repos.create(change, RepoRef("data"), description="second"))
    with house.catalog.read() as tx:
        assert resolve.repo(tx, RepoRef("data")).description == "first"


def test_update_changes_the_description_and_makes_what_is_missing(house: House) -> None:
    house.repo("data")
    house.put("data", a="1")
    for ref in (RepoRef("data"), RepoRef("new")):
        house.pfs.change(lambda change, ref=ref: repos.create(change, ref, description="told", update=True))
    with house.catalog.read() as tx:
        assert resolve.repo(tx, RepoRef("data")).description == "told"
        assert resolve.repo(tx, RepoRef("new")).description == "told"
    assert house.files("data") == {"/a": "1"}


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "__filesets__", "a.b"])
def test_bad_names_are_refused(house: House, name: str) -> None:
    with pytest.raises(Refused):
        house.repo(name)
    assert names(house) == []


def test_a_repo_needs_its_project(house: House) -> None:
    with pytest.raises(NotFound, match='^cannot find project "nope"'):
        house.pfs.change(lambda change: repos.create(change, RepoRef("data", USER, "nope")))


def test_system_repos_live_beside_a_user_repo(house: House) -> None:
    with pytest.raises(Refused, match="^cannot create a system repo without a corresponding 'user' repo"):
        house.pfs.change(lambda change: repos.create(change, RepoRef("data", SPEC)))
    house.repo("data")
    for kind in (SPEC, META):
        house.pfs.change(lambda change, kind=kind: repos.create(change, RepoRef("data", kind)))
    assert names(house) == ["default/data.meta", "default/data.spec", "default/data"]
    assert names(house, type=USER) == ["default/data"]
    house.pfs.change(lambda change: repos.delete(change, RepoRef("data")))
    assert names(house) == []


def test_repos_are_listed_by_project_and_name(house: House) -> None:
    house.pfs.change(lambda change: projects.create(change, "alpha"))
    house.repo("b", "a")
    house.pfs.change(lambda change: repos.create(change, RepoRef("z", USER, "alpha")))
    assert names(house) == ["alpha/z", "default/a", "default/b"]
    assert names(house, projects=("default",)) == ["default/a", "default/b"]
    assert names(house, projects=("nope",)) == []


def test_deleting_a_repo_takes_everything_in_it(house: House) -> None:
    house.repo("data", "other")
    kept = house.put("other", a="1")
    house.put("data", a="1")
    house.put("data", b="2")
    house.branch("data@dev", head="data@master^")
    house.start("data@master")
    assert house.pfs.change(lambda change: repos.delete(change, RepoRef("data")))
    assert names(house) == ["default/other"]
    assert house.files(f"other@{kept.id}") == {"/a": "1"}
    with pytest.raises(NotFound, match="^repo default/data not found$"):
        house.commit("data")
    house.repo("data")  # the name is free again, and nothing came back
    with pytest.raises(NotFound, match='^branch "master" not found in repo default/data$'):
        house.commit("data")


def test_deleting_a_repo_that_is_missing_says_so_without_an_error(house: House) -> None:
    assert house.pfs.change(lambda change: repos.delete(change, RepoRef("nope"))) is False
    with pytest.raises(InvalidRequest, match="^no repo specified$"):
        house.pfs.change(lambda change: repos.delete(change, RepoRef("")))


def test_a_repo_that_others_come_from_is_kept_unless_forced(house: House) -> None:
    house.repo("data", "out")
    house.put("data", a="1")
    house.branch("out@master", "data@master")
    with pytest.raises(
        Refused, match=r"cannot be deleted because it's in the direct provenance of \[default/out@master"
    ):
        house.pfs.change(lambda change: repos.delete(change, RepoRef("data")))
    assert house.files("data") == {"/a": "1"}
    house.pfs.change(lambda change: repos.delete(change, RepoRef("data"), force=True))
    assert names(house) == ["default/out"]
    assert house.commit("out").repo.name == "out"


# -- projects -------------------------------------------------------------------------------------------


def test_projects(house: House) -> None:
    house.pfs.change(lambda change: projects.create(change, "alpha", description="first"))
    with pytest.raises(AlreadyExists, match="^project alpha already exists$"):
        house.pfs.change(lambda change: projects.create(change, "alpha"))
    house.pfs.change(lambda change: projects.create(change, "alpha", description="second", update=True))
    with pytest.raises(NotFound, match='^project "beta" not found$'):
        house.pfs.change(lambda change: projects.create(change, "beta", update=True))
    with house.catalog.read() as tx:
        assert [(one.name, one.description) for one in projects.all_projects(tx)] == [
            ("default", ""),
            ("alpha", "second"),
        ]


def test_a_project_with_repos_is_kept_unless_forced(house: House) -> None:
    house.pfs.change(lambda change: projects.create(change, "alpha"))
    for name in ("a", "b"):
        house.pfs.change(lambda change, name=name: repos.create(change, RepoRef(name, USER, "alpha")))
    with pytest.raises(FailedPrecondition) as refused:
        house.pfs.change(lambda change: projects.delete(change, "alpha"))
    assert refused.value.message.splitlines() == [
        "cannot delete project alpha: repo alpha/a still exists",
        "cannot delete project alpha: repo alpha/b still exists",
    ]
    house.pfs.change(lambda change: projects.delete(change, "alpha", force=True))
    assert names(house) == []
    with pytest.raises(NotFound, match='^project "alpha" not found$'):
        house.pfs.change(lambda change: projects.delete(change, "alpha"))


def test_a_bad_project_name_is_told(house: House) -> None:
    with pytest.raises(Refused, match=r"^invalid project name: name \(a b\) invalid"):
        house.pfs.change(lambda change: projects.delete(change, "a b"))
    with pytest.raises(Refused):
        house.pfs.change(lambda change: projects.create(change, "-x"))
