"""Projects, repos and branches in the spaced grammar, against a real pachd: words, tables, errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .spaced import Real


def test_repos_as_in_the_samples(real: Real) -> None:
    assert real.ok("create repo data") == ""
    real.wait(10)
    assert real.ok("list repo") == (
        "PROJECT NAME CREATED        SIZE (MASTER) DESCRIPTION \n"
        "default data 10 seconds ago ≤ 0B                      \n"
    )
    assert real.no("create repo data") == "repo default/data already exists"
    assert real.no("inspect repo nope") == "repo default/nope not found"


def test_plurals_and_projects(real: Real) -> None:
    real.ok("create project images -d cameras")
    real.ok("create repo data")
    real.ok("create repo data --project images -d theirs")
    assert real.rows("list repos")[0][:2] == ["default", "data"]
    assert [row[0] for row in real.rows("list repo -A")] == ["default", "images"]
    assert "Description: theirs\n" in real.ok("inspect repo data --project images")
    real.ok("config update context --project images")
    assert real.rows("list repo")[0][0] == "images"
    assert [row[0] for row in real.ok("list project").splitlines()[1:] and real.rows("list project")] == [
        "default",
        "*",
    ]


def test_raw_is_as_in_the_contract(real: Real) -> None:
    for name in ("a", "b"):
        real.ok(f"create repo {name}")
    text = real.ok("list repo --raw")
    assert "}{" in text
    assert not text.endswith("\n")
    assert [one["repo"]["name"] for one in real.raw("list repo")] == ["a", "b"]
    assert "size_bytes_upper_bound" not in text, "fields without a value are left out"
    assert real.ok("inspect repo a --raw -o yaml").startswith("repo:\n  name: a\n  type: user\n")
    assert real.ok("list repo --raw -o yaml").count("\n---\n") == 1
    assert real.no("list repo -o json") == "cannot set --output (-o) without --raw"


def test_full_timestamps(real: Real) -> None:
    real.ok("create repo a")
    created = real.raw("list repo")[0]["created"][:19] + "Z"
    assert f" {created} " in real.ok("list repo --full-timestamps")
    assert f"Created: {created}\n" in real.ok("inspect repo a --full-timestamps")


def test_types_of_repos(real: Real) -> None:
    real.ok("create repo a")
    assert "invalid" in real.no("create repo a.meta")
    assert real.rows("list repo --type meta") == []
    assert len(real.rows("list repo --all")) == 1


def test_delete_repo(real: Real) -> None:
    for name in "abc":
        real.ok(f"create repo {name}")
    gone = real.run("delete repo a")
    assert gone[:3] == (0, "", "Repo deleted.\n")
    assert real.no("delete repo a") == "No repo deleted."
    assert real.no("delete repo b --all") == "cannot use the --all flag with an argument"
    assert real.no("delete repo") == "either a repo name or the --all flag needs to be provided"
    real.ok("delete repo --all")
    assert real.rows("list repo") == []


def test_update_repo(real: Real) -> None:
    real.ok("create repo a")
    real.ok(["update", "repo", "a", "-d", "other words"])
    assert real.ok("inspect repo a") == (
        "Name: a\nDescription: other words\nCreated: Less than a second ago\nSize of HEAD on master: 0B\n"
    )
    assert real.no("update repo b -d x") == "repo default/b not found"


def test_projects(real: Real) -> None:
    real.ok("create project p")
    assert "already exists" in real.no("create project p")
    real.ok("update project p -d words")
    assert "Name: p\nDescription: words\n" in real.ok("inspect project p")
    assert real.raw("inspect project p")[0]["description"] == "words"
    assert "not found" in real.no("inspect project q")
    assert "not found" in real.no("delete project q")


def test_delete_project_asks(real: Real) -> None:
    real.ok("create project p")
    real.ok("create repo r --project p")
    no = real.run("delete project p", stdin=b"n\n")
    assert no.code == 1
    assert no.out == "This will delete repo r\ngot confirm result: n\n"
    question, error = no.err.split(": ", 1)
    assert question == "Are you sure you want to do this? (y/N)"
    assert error == "cannot delete project with 1 repos\n"
    assert real.run("delete project p", stdin=b"Yes\n").code == 0
    assert "not found" in real.no("inspect project p")
    current = real.run("delete project default")
    assert current.code == 0
    assert "current project" in current.err


def test_branches(real: Real) -> None:
    real.ok("create repo data")
    real.ok("create repo out")
    commit = real.ok("start commit data@master").strip()
    real.ok("finish commit data@master")
    assert real.ok("list branch data").splitlines()[0] == (
        "BRANCH HEAD                             TRIGGER CREATOR CREATED              "
    )
    assert real.rows("list branches data")[0][:4] == ["master", commit, "-", "-"]
    real.ok("create branch out@master -p data@master")
    assert "Provenance: data@master\n" in real.ok("inspect branch out@master")
    real.ok("create branch data@slow -t master --trigger-size 100M --trigger-commits 3")
    assert " master on Size(100M) or Commits(3) " in real.ok("list branch data")
    real.ok("create branch data@other --head master")
    real.ok(f"create branch data@another --head {commit}")
    assert real.raw("inspect branch data@other")[0]["head"]["id"] == commit
    real.ok("delete branch data@other")
    assert 'branch "other" not found' in real.no("inspect branch data@other")
    assert "direct provenance" in real.no("delete branch data@master")
    real.ok("delete branch data@master -f")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("create branch d", 'invalid format "d": branch cannot be empty, give REPO@BRANCH'),
        ("create branch @b", 'invalid format "@b": repo cannot be empty'),
        ("inspect branch d@b^", 'invalid branch "d@b^": cannot specify a commit or ancestry'),
        (
            "create branch d@b -t c -p e@f",
            "cannot use provenance and triggers on the same branch",
        ),
        (
            "create branch d@b --trigger-size 1M",
            "trigger condition specified without a branch to trigger on, specify a branch with --trigger",
        ),
        ("inspect commit d", 'invalid format "d": give REPO@BRANCH or REPO@COMMIT'),
        ("inspect commit d@b:/x", 'invalid format "d@b:/x": a commit has no path, give REPO@COMMIT'),
        ("find commit d@b", 'invalid format "d@b": give a path, as in REPO@COMMIT:PATH'),
        ("find commit @b:x", 'invalid format "@b:x": repo cannot be empty'),
        ("list commit d --origin X", None),
        ("squash commit x", 'invalid commit set id "x": give an ID of pachctl list commit'),
    ],
)
def test_words_that_are_refused(real: Real, line: str, error: str | None) -> None:
    told = real.no(line)
    assert error is None or told == error


def test_warnings_of_the_server(real: Real) -> None:
    result = real.run("list repo --project nope")
    assert result.err.startswith('WARNING: Could not inspect project "nope"')
    real.environ["PACHYDERM_IGNORE_VERSION_SKEW"] = "1"
    assert real.run("list repo --project nope").err == ""


def test_config_is_kept_with_what_is_in_it(real: Real) -> None:
    path = Path(real.environ["PACH_CONFIG"])
    given = {"user_id": "u", "more": 1, "v2": {"active_context": "a", "contexts": {"a": {"x": 1}}}}
    path.write_text(json.dumps(given))
    real.ok("config update context --project p")
    given["v2"]["contexts"]["a"]["project"] = "p"
    assert json.loads(path.read_text()) == given
