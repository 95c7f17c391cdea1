"""Commits and transactions in the spaced grammar, against a real pachd."""

from __future__ import annotations

from .spaced import Real


def commit(real: Real, repo: str = "data") -> str:
    started = real.ok(f"start commit {repo}@master").strip()
    real.ok(f"finish commit {repo}@master")
    real.ok(f"wait commit {repo}@{started}")
    return started


def test_from_start_to_finish(real: Real) -> None:
    real.ok("create repo data")
    first = real.ok(["start", "commit", "data@master", "-m", "the first"]).strip()
    assert real.rows("list commit data")[0] == ["default", "data", first, "-", "0B", "USER", "-", "the", "first"]
    real.wait(3)
    real.ok("finish commit data@master")
    table = real.ok(f"wait commit data@{first}").splitlines()
    assert table[0].split() == ["PROJECT", "REPO", "COMMIT", "FINISHED", "SIZE", "ORIGIN", "CREATOR", "DESCRIPTION"]
    assert "Less than a second ago" in table[1]
    assert real.no("finish commit data@master") == f"commit default/data@{first} has already finished"
    assert real.ok("inspect commit data@master") == (
        f"Commit: data@{first}\nDescription: the first\nStarted: 3 seconds ago\n"
        "Finished: Less than a second ago\nSize: 0B\n"
    )


def test_references(real: Real) -> None:
    real.ok("create repo data")
    first, second = commit(real), commit(real)
    for word, wanted in (
        ("data@master", second),
        (f"data@{first}", first),
        ("data@master^", first),
        ("data@master.1", first),
        (f"data@master={first}", first),
        (f"data@{second}^1", first),
    ):
        assert real.raw(f"inspect commit {word}")[0]["commit"]["id"] == wanted
    assert real.no(f"inspect commit {first}") == (
        f'Use "list commit {first}" to see commits with a given ID across different repos'
    )
    assert "not found" in real.no("inspect commit data@nope")


def test_listings(real: Real) -> None:
    real.ok("create repo data")
    commits = [commit(real) for _ in range(4)][::-1]

    def listed(words: str) -> list[str]:
        return [row[2] for row in real.rows(f"list commit {words} --full-timestamps")]

    assert listed("data") == commits
    assert listed("data@master -n 2") == commits[:2]
    assert listed(f"data@master --from {commits[2]}") == commits[:2]
    assert listed("data --from master^") == commits[:1]
    assert listed("data --origin AUTO") == []
    assert listed("data --origin user") == commits
    assert listed(commits[0]) == [commits[0]]
    assert listed("-x -n 1") == [commits[0]]
    sets = real.ok("list commit").splitlines()
    assert sets[0].split() == ["ID", "SUBCOMMITS", "PROGRESS", "CREATED", "MODIFIED"]
    assert [line.split()[:3] for line in sets[1:]] == [[one, "1", "▇▇▇▇▇▇▇▇"] for one in commits]
    assert [one["commit_set"]["id"] for one in real.raw("list commit")] == commits
    assert "cannot specify --origin" in real.no("list commit --origin AUTO")


def test_waiting_for_a_set(real: Real) -> None:
    real.ok("create repo data")
    real.ok("create repo out")
    real.ok("create branch out@master -p data@master")
    real.ok("finish commit out@master")
    started = real.ok("start commit data@master").strip()
    real.ok("finish commit data@master")
    real.ok("finish commit out@master -f")
    assert sorted(row[1] for row in real.rows(f"wait commit {started} --full-timestamps")) == ["data", "out"]


def test_subscribing_refuses_what_contradicts(real: Real) -> None:
    assert real.no("subscribe commit data --new --from x") == "--new and --from cannot be used together"
    assert "not found" in real.no("subscribe commit data@master --from x")


def test_finding(real: Real) -> None:
    real.ok("create repo data")
    first = commit(real)
    assert real.ok("find commit data@master:/x") == (
        f"FOUND IN COMMITS\nno commits found.\n\nLAST SEARCHED COMMIT\n{first}\n"
    )
    assert '"last_searched_commit"' in real.ok("find commit data@master:/x --json --timeout 30s --limit 3")


def test_squash_and_delete(real: Real) -> None:
    real.ok("create repo data")
    one, two, three, four = (commit(real) for _ in range(4))
    real.ok(f"squash commit {one}")
    real.ok(f"squash commitV2 data@{two}")
    assert "no children" in real.no(f"squash commit {four}")
    real.ok(f"delete commit {four}")
    real.ok(f"delete commitV2 data@{three} -r")
    listed = [row[2] for row in real.rows("list commit data --full-timestamps")]
    assert not {one, two, three, four} & set(listed)


def test_transactions(real: Real) -> None:
    assert real.no("stop transaction") == "no active transaction"
    started = real.ok("start transaction")
    name = started.split('"')[1]
    assert started == f'started new transaction: "{name}"\n'
    assert real.no("start transaction") == (
        f'cannot start a new transaction, since transaction with ID "{name}" already exists'
    )
    added = f"Added to transaction: {name}\n"
    assert real.ok("create repo a") == added
    assert real.ok("create repo b") == added
    assert real.ok("update repo b -d words") == added
    assert real.ok("start commit a@master") == f"{name}\n{added}"
    assert real.ok("finish commit a@master") == added
    assert real.ok("create branch b@master -p a@master") == added
    assert real.rows("list repo") == []
    assert "Requests:\n  create repo a\n  create repo b\n  update repo b\n  start commit a@master (" in real.ok(
        "inspect transaction"
    )
    assert real.ok("inspect transaction").endswith(f" ({name})\n  finish commit a@master\n  create branch b@master\n")
    assert real.rows("list transaction --full-timestamps")[0][::2] == [name, "6"]
    assert real.ok("stop transaction") == f"Cleared active transaction: {name}\n"
    assert real.ok(f"resume transaction {name}") == f"Resuming existing transaction with 6 requests: {name}\n"
    assert real.ok("finish transaction") == f"Completed transaction with 6 requests: {name}\n"
    assert [row[1] for row in real.rows("list repo --full-timestamps")] == ["a", "b"]
    assert real.no("finish transaction") == "no active transaction"
    assert "not found" in real.no(f"inspect transaction {name}")


def test_transactions_that_are_given_up(real: Real) -> None:
    real.ok("start transaction")
    real.ok("create repo a")
    assert "already exists" in real.no("create repo a"), "a request that cannot be is not added"
    real.ok("delete transaction")
    assert real.rows("list repo") == []
    assert real.rows("list transaction") == []
    real.ok("create repo a")
    assert "not found" in real.no("resume transaction 00000000000040000000000000000000")


def test_contexts(real: Real) -> None:
    assert real.ok("config get active-context") == "default\n"
    assert real.ok("config list context") == "ACTIVE  NAME\n*       default\n"
    real.ok("config set context prod", stdin=b'{"pachd_address": "prod", "project": "p"}')
    assert real.ok("config get context prod") == '{\n  "pachd_address": "grpc://prod:30650",\n  "project": "p"\n}\n'
    assert "--overwrite" in real.no("config set context prod", stdin=b"{}")
    assert "malformed context" in real.no("config set context x", stdin=b"[]")
    assert "malformed context" in real.no("config set context x", stdin=b"nonsense")
    real.ok("config set active-context prod")
    assert real.no("config set active-context nope") == "context does not exist: nope"
    real.ok("config set active-enterprise-context default")
    assert real.ok("config list context") == "ACTIVE  NAME\nE       default\n*       prod\n"
    assert real.ok("config get active-enterprise-context") == "default\n"
    assert real.no("config delete context prod") == "cannot delete an active context"
    real.ok("config update context prod --namespace n --pachd-address https://h")
    assert '"grpcs://h:30650"' in real.ok("config get context prod")
    real.ok("config delete context default")
    assert real.no("config get context default") == "context does not exist: default"
    assert real.ok("config get metrics") == "true\n"
    real.ok("config set metrics false")
    assert real.ok("config get metrics") == "false\n"
    real.no("config set metrics maybe")


def test_connecting(real: Real) -> None:
    said = real.ok("connect example:1234 --alias ours")
    assert said == (
        "New context 'ours' created, will connect to Pachyderm at grpc://example:1234\nContext 'ours' set as active\n"
    )
    assert real.ok("connect grpc://example:1234") == "Context 'ours' set as active\n"
    assert "unrecognized scheme" in real.no("connect ftp://x")
