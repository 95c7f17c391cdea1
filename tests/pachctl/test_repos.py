"""Repos, branches and commits, against a server in memory: what is sent, and the tables that are printed."""

from __future__ import annotations

import json

import pytest

from trunkline.wire import pfs_pb2 as pfs

from .conftest import Pachd
from .fake_pfs import commit_message, repo_message


@pytest.fixture
def three(pachd: Pachd) -> Pachd:
    """The repos of the tutorial, made some seconds apart."""
    for name, wait in (("training_data", 6), ("qc_data", 4), ("attributes", 3)):
        pachd.ok("create-repo", name)
        pachd.clock.advance(wait)
    return pachd


def test_list_repo_is_the_tutorials_table(three: Pachd) -> None:
    assert three.ok("list-repo") == (
        "NAME          CREATED        SIZE \n"
        "attributes    3 seconds ago  0B   \n"
        "qc_data       7 seconds ago  0B   \n"
        "training_data 13 seconds ago 0B   \n"
    )


def test_list_repo_without_repos_is_a_header(pachd: Pachd) -> None:
    assert pachd.ok("list-repo") == "NAME CREATED SIZE \n"


def test_repos_raw_is_camel_case_json(three: Pachd) -> None:
    three.pfs.add_commit("attributes", {"/1.json": b"x" * 1536})
    decoder, text, found = json.JSONDecoder(), three.ok("list-repo", "--raw").strip(), []
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].strip()
    assert [value["repo"]["name"] for value in found] == ["attributes", "qc_data", "training_data"]
    assert found[0]["sizeBytesUpperBound"] == "1536"


def test_inspect_repo(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data", "-d", "the data")
    pachd.pfs.add_commit("data", {"/a": b"x" * 1536})
    assert pachd.ok("inspect-repo", "data") == (
        "Name: data\nDescription: the data\nCreated: Less than a second ago\nSize: 1.5KiB\n"
    )
    pachd.ok("update-repo", "data", "-d", "other")
    assert "Description: other\n" in pachd.ok("inspect-repo", "data")


def test_repo_errors(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    assert pachd.run("create-repo", "data")[:3] == (5, "", "repo default/data already exists\n")
    assert pachd.run("inspect-repo", "nope")[:3] == (4, "", "repo default/nope not found\n")
    assert pachd.run("update-repo", "nope")[:3] == (4, "", "repo default/nope not found\n")
    missing = pachd.run("delete-repo", "nope")
    assert (missing.code, missing.err) == (4, "error from delete-repo: repo nope not found\n")
    both = pachd.run("delete-repo", "data", "--all")
    assert (both.code, both.err) == (2, "cannot use the --all flag with an argument\n")
    neither = pachd.run("delete-repo")
    assert neither.err == "either a repo name or the --all flag needs to be provided\n"


def test_delete_repo(three: Pachd) -> None:
    three.ok("delete-repo", "qc_data", "-f")
    assert three.pfs.requests[-1] == pfs.DeleteRepoRequest(repo=repo_message("qc_data"), force=True)
    three.ok("delete-repo", "--all")
    assert three.pfs.requests[-1] == pfs.DeleteReposRequest(projects=[pfs.Project(name="default")])


def test_commits_from_start_to_finish(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    first = pachd.ok("start-commit", "data", "master", "-m", "the first").strip()
    assert pachd.ok("list-commit", "data") == (
        "REPO ID                               PARENT STARTED                DURATION SIZE \n"
        f"data {first} <none> Less than a second ago -        -    \n"
    )
    pachd.clock.advance(3)
    pachd.ok("finish-commit", "data", "master")
    again = pachd.run("finish-commit", "data", first)
    assert (again.code, again.err) == (1, f"commit default/data@{first} has already finished\n")
    assert pachd.ok("inspect-commit", "data", "master") == (
        f"Commit: data/{first}\nDescription: the first\nStarted: 3 seconds ago\n"
        "Finished: Less than a second ago\nSize: 0B\n"
    )


def test_start_commit_needs_a_branch(pachd: Pachd) -> None:
    result = pachd.run("start-commit", "data")
    assert (result.code, result.err) == (2, "every commit is on a branch here: pachctl start-commit data master\n")


def test_start_commit_sends_its_flags(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    first = pachd.pfs.add_commit("data", {})
    pachd.ok("start-commit", "data", "dev", "-p", first.commit.id, "--description", "about")
    sent = pachd.pfs.requests[-1]
    assert sent == pfs.StartCommitRequest(
        branch=pfs.Branch(repo=repo_message("data"), name="dev"),
        parent=commit_message("data", first.commit.id),
        description="about",
    )


def test_list_commit_limits(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    commits = [pachd.pfs.add_commit("data", {"/a": b"x"}).commit.id for _ in range(4)]

    def listed(*words: str) -> list[str]:
        return [line.split()[1] for line in pachd.ok("list-commit", "data", *words).splitlines()[1:]]

    assert listed() == commits[::-1]
    assert listed("master", "-n", "2") == [commits[3], commits[2]]
    assert listed("master^") == commits[2::-1]
    assert listed("master", "-f", commits[1]) == [commits[3], commits[2]]
    assert listed("--from", "master^") == [commits[3]]
    assert pachd.run("list-commit", "data", "-n", "-1").code == 2


def test_commit_words(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    first, second = (pachd.pfs.add_commit("data", {}).commit.id for _ in range(2))
    assert f"Commit: data/{first}\n" in pachd.ok("inspect-commit", "data", "master^")
    assert f"Parent: {first}\n" in pachd.ok("inspect-commit", "data", second)
    missing = pachd.run("inspect-commit", "data", "dev")
    assert (missing.code, missing.err) == (4, "commit default/data@dev not found\n")
    assert pachd.run("inspect-commit", "data", "").code == 2


def test_inspect_commit_shows_all_provenance(pachd: Pachd) -> None:
    for name in ("data", "model", "infer"):
        pachd.ok("create-repo", name)
    data = pachd.pfs.add_commit("data", {}).commit
    spec = commit_message("infer", "a" * 12 + "4" + "a" * 19, "spec")
    pachd.pfs.commits.append(pfs.CommitInfo(commit=spec))
    model = pachd.pfs.add_commit("model", {}, direct_provenance=[data])
    infer = pachd.pfs.add_commit("infer", {}, direct_provenance=[model.commit, spec])
    text = pachd.ok("inspect-commit", "infer", "master")
    expected = f"Provenance:  model/{model.commit.id}  infer.spec/{spec.id}  data/{data.id}\n"
    assert text.endswith(expected)
    assert infer.commit.id in text


def test_delete_commit_drops_a_head_and_squashes_the_rest(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    first, second = (pachd.pfs.add_commit("data", {}) for _ in range(2))
    first.child_commits.append(second.commit)
    pachd.ok("delete-commit", "data", "master")
    assert pachd.pfs.requests[-1] == pfs.DropCommitRequest(commit=second.commit, recursive=True)
    pachd.ok("delete-commit", "data", first.commit.id)
    assert pachd.pfs.requests[-1] == pfs.SquashCommitRequest(commit=first.commit, recursive=True)


def test_branches(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    first, second = (pachd.pfs.add_commit("data", {}).commit.id for _ in range(2))
    pachd.ok("create-branch", "data", "staging", "--head", "master^")
    assert pachd.ok("list-branch", "data") == (
        f"BRANCH  HEAD                             \nstaging {first} \nmaster  {second} \n"
    )
    pachd.ok("set-branch", "data", "master", "staging")
    assert f"staging {second} \n" in pachd.ok("list-branch", "data")
    pachd.ok("delete-branch", "data", "staging")
    gone = pachd.run("delete-branch", "data", "staging")
    assert (gone.code, gone.err) == (4, 'branch "staging" not found in repo default/data\n')


def test_set_branch_keeps_what_the_branch_is_made_from(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    first = pachd.pfs.add_commit("data", {}).commit.id
    pachd.ok("create-branch", "data", "derived", "-p", "other/master", "--head", first)
    pachd.ok("set-branch", "data", first, "derived")
    sent = pachd.pfs.requests[-1]
    assert list(sent.provenance) == [pfs.Branch(repo=repo_message("other"), name="master")]
    wrong = pachd.run("create-branch", "data", "x", "-p", "other")
    assert (wrong.code, wrong.err) == (2, 'invalid format "other": give REPO/BRANCH\n')
