"""Projects and repos: every RPC, with what it says to wrong input."""

from __future__ import annotations

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from tests.compat.place import Place, place, refused

# -- projects -------------------------------------------------------------------------------------------


def project(name: str) -> pfs.Project:
    return pfs.Project(name=name)


def test_create_project(here: Place) -> None:
    stub, name = here.pfs, f"{here.project.name}-b"
    stub.create_project(project=project(name), description="first")
    before = stub.inspect_project(project=project(name))
    with refused("ALREADY_EXISTS", f"project {name} already exists"):
        stub.create_project(project=project(name))
    stub.create_project(project=project(name), description="second", update=True)
    after = stub.inspect_project(project=project(name))
    assert (after.description, after.created_at) == ("second", before.created_at)
    with refused("NOT_FOUND", 'project "nope" not found'):
        stub.create_project(project=project("nope"), update=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "invalid: only alphanumeric characters, underscores, and dashes are allowed"),
        ("a b", r"name \(a b\) invalid: only alphanumeric characters"),
        ("é", "only alphanumeric characters"),
        ("-a", "project names must start with an alphanumeric character"),
        ("x" * 52, 'project name "x+" is 1 characters longer than the 51 max'),
    ],
)
def test_bad_names_of_projects(client: Client, name: str, words: str) -> None:
    with refused("UNKNOWN", words):
        client.pfs.create_project(project=project(name))


def test_inspect_project(here: Place) -> None:
    found = here.pfs.inspect_project(project=here.project)
    assert (found.project.name, found.description, found.metadata) == (here.project.name, "", {})
    assert found.created_at.year > 2000
    assert not found.auth_info
    with refused("NOT_FOUND", 'project "nope" not found'):
        here.pfs.inspect_project(project=project("nope"))
    with refused("INVALID_ARGUMENT", "project: value is required"):
        here.pfs.inspect_project()


def test_inspect_project_v2(here: Place) -> None:
    found = here.pfs.inspect_project_v2(project=here.project)
    assert found.info == here.pfs.inspect_project(project=here.project)
    assert found.defaults_json == "{}"
    with refused("NOT_FOUND", 'could not inspect project "nope": project "nope" not found'):
        here.pfs.inspect_project_v2(project=project("nope"))
    with refused("INVALID_ARGUMENT", "project: value is required"):
        here.pfs.inspect_project_v2()


def test_list_project(client: Client) -> None:
    first, second = place(client).project.name, place(client).project.name
    names = [one.project.name for one in client.pfs.list_project()]
    assert names.index("default") < names.index(first) < names.index(second)


def test_delete_project(here: Place) -> None:
    here.make("a", "b")
    with refused("FAILED_PRECONDITION", f"cannot delete project {here.project.name}: repo .*a still exists"):
        here.pfs.delete_project(project=here.project)
    here.pfs.delete_repo(repo=here.repo("a"))
    here.pfs.delete_repo(repo=here.repo("b"))
    here.pfs.delete_project(project=here.project)
    assert not here.pfs.project_exists(here.project)
    with refused("NOT_FOUND"):
        here.pfs.delete_project(project=here.project)
    full = place(here.client)
    full.make("a")
    full.pfs.delete_project(project=full.project, force=True)
    assert not full.pfs.repo_exists(full.repo("a"))


# -- repos ----------------------------------------------------------------------------------------------


def test_create_repo(here: Place) -> None:
    stub, repo = here.pfs, here.repo("a")
    stub.create_repo(repo=repo, description="first")
    with refused("ALREADY_EXISTS", rf"repo {here.project.name}/a already exists"):
        stub.create_repo(repo=repo)
    stub.create_repo(repo=repo, description="second", update=True)
    assert stub.inspect_repo(repo=repo).description == "second"
    stub.create_repo(repo=here.repo("b"), update=True)  # made if missing
    assert stub.inspect_repo(repo=here.repo("b")).branches == []
    spec = pfs.Repo(name="a", type="spec", project=here.project)
    stub.create_repo(repo=spec)
    assert stub.repo_exists(spec)
    with refused("UNKNOWN", "cannot create a system repo without a corresponding 'user' repo"):
        stub.create_repo(repo=pfs.Repo(name="nope", type="meta", project=here.project))
    with refused("NOT_FOUND", 'project "nope"'):
        stub.create_repo(repo=pfs.Repo(name="a", type="user", project=project("nope")))
    with refused("UNKNOWN", r"name \(\) invalid"):  # the SDK sends a repo without a name for none at all
        stub.create_repo()
    with refused("UNKNOWN", "__filesets__ is a reserved name"):
        stub.create_repo(repo=here.repo("__filesets__"))
    for name in ("a/b", "a b", "é", ".", "a" * 3 + "\n"):
        with refused("UNKNOWN", "invalid: only alphanumeric characters, underscores, and dashes are allowed"):
            stub.create_repo(repo=here.repo(name))


def test_inspect_repo(data: Place) -> None:
    assert data.pfs.inspect_repo(repo=data.repo()).details.size_bytes == 0
    data.put(a=b"123", b=b"45")
    data.put("data@dev", c=b"1")
    found = data.pfs.inspect_repo(repo=data.repo())
    assert (found.repo, found.details.size_bytes, found.size_bytes_upper_bound) == (data.repo(), 5, 5)
    assert {one.name for one in found.branches} == {"master", "dev"}
    assert found.created.year > 2000
    data.pfs.start_commit(branch=data.branch())
    found = data.pfs.inspect_repo(repo=data.repo())
    assert (found.details.size_bytes, found.size_bytes_upper_bound) == (0, 5)  # an open head has no size yet
    with refused("NOT_FOUND", f"repo {data.project.name}/nope not found"):
        data.pfs.inspect_repo(repo=data.repo("nope"))
    with refused("INVALID_ARGUMENT", "repo cannot be nil"):
        data.pfs.inspect_repo()


def test_list_repo(here: Place) -> None:
    other = place(here.client)
    here.make("b", "a")
    other.make("c")
    here.put("a@master", f=b"123")
    here.pfs.create_repo(repo=pfs.Repo(name="a", type="spec", project=here.project))

    def listed(**how: object) -> list[str]:
        return [f"{one.repo.name}.{one.repo.type}" for one in here.pfs.list_repo(**how)]

    mine = [here.project]
    assert listed(type="user", projects=mine) == ["a.user", "b.user"]
    assert listed(type="spec", projects=mine) == ["a.spec"]
    assert sorted(listed(type="", projects=mine)) == ["a.spec", "a.user", "b.user"]
    assert listed(type="user", projects=[project("nope")]) == []
    both = sorted([here, other], key=lambda one: one.project.name)
    names = [one.repo.project.name for one in here.pfs.list_repo(type="user", projects=[here.project, other.project])]
    assert names == sorted(names)
    assert set(names) == {one.project.name for one in both}
    assert listed(type="user", projects=mine, page=pfs.RepoPage(page_size=1, page_index=1)) == ["b.user"]
    assert listed(type="user", projects=mine, page=pfs.RepoPage(page_size=1, page_index=2)) == []
    assert {"a.user", "b.user", "c.user"} <= set(listed())
    sizes = [one.size_bytes_upper_bound for one in here.pfs.list_repo(type="user", projects=mine)]
    assert sizes == [3, 0]


def test_delete_repo(here: Place) -> None:
    here.make("a", "b")
    here.put("a@master", f=b"1")
    here.pfs.create_branch(branch=here.branch("b@master"), provenance=[here.branch("a@master")])
    with refused("UNKNOWN", "cannot be deleted because it's in the direct provenance of"):
        here.pfs.delete_repo(repo=here.repo("a"))
    assert here.pfs.delete_repo(repo=here.repo("a"), force=True).deleted
    assert not here.pfs.repo_exists(here.repo("a"))
    assert not here.pfs.delete_repo(repo=here.repo("a")).deleted
    assert here.pfs.branch_exists(here.branch("b@master"))
    with refused("INVALID_ARGUMENT", "no repo specified"):
        here.pfs.delete_repo()
    here.pfs.create_repo(repo=pfs.Repo(name="b", type="spec", project=here.project))
    here.pfs.delete_repo(repo=here.repo("b"))
    assert list(here.pfs.list_repo(type="", projects=[here.project])) == []


def test_delete_repos(alone: Place) -> None:
    other = place(alone.client)
    alone.make("a", "b")
    other.make("c")
    assert alone.pfs.delete_repos().repos == []
    gone = alone.pfs.delete_repos(projects=[alone.project]).repos
    assert sorted(one.name for one in gone) == ["a", "b"]
    assert other.pfs.repo_exists(other.repo("c"))
    assert other.repo("c") in alone.pfs.delete_repos(all=True, force=True).repos
    assert list(alone.pfs.list_repo(type="")) == []


def test_repos_summary(here: Place) -> None:
    other = place(here.client)
    here.make("a", "b")
    here.put("a@master", f=b"123")
    here.put("b@master", f=b"45")
    here.put("b@dev", f=b"678")
    here.pfs.create_repo(repo=pfs.Repo(name="a", type="spec", project=here.project))
    pickers = [here.project.as_picker(), other.project.as_picker(), project("nope").as_picker()]
    (found,) = here.pfs.repos_summary(projects=pickers).summaries
    assert (found.project.name, found.user_repo_count, found.size_bytes) == (here.project.name, 2, 5)


def test_delete_all(alone: Place) -> None:
    alone.make("a")
    alone.put("a@master", f=b"1")
    alone.pfs.delete_all()
    assert [one.project.name for one in alone.pfs.list_project()] == ["default"]
    assert list(alone.pfs.list_repo(type="")) == []
    assert list(alone.pfs.list_commit_set()) == []
