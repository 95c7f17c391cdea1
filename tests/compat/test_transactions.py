"""Transactions: every RPC, and the SDK's own way to hold one; spec 04, section 4."""

from __future__ import annotations

import pytest
from pachyderm_sdk.api import pfs, transaction
from pachyderm_sdk.api.transaction import Transaction, TransactionRequest
from tests.compat.place import MISSING, Place, refused


@pytest.fixture
def two(here: Place) -> Place:
    here.make("a", "b")
    return here


def create(repo: pfs.Repo) -> TransactionRequest:
    return TransactionRequest(create_repo=pfs.CreateRepoRequest(repo=repo))


def start(branch: pfs.Branch) -> TransactionRequest:
    return TransactionRequest(start_commit=pfs.StartCommitRequest(branch=branch))


def test_start_transaction(two: Place) -> None:
    made = two.client.transaction.start_transaction()
    assert len(made.id) == 32
    assert two.client.transaction_id == made.id
    commit = two.client.pfs.start_commit(branch=two.branch("a@master"))
    assert commit.id == made.id
    assert two.client.pfs.delete_repo(repo=two.repo("b")).deleted
    two.client.transaction_id = None
    assert two.client.pfs.repo_exists(two.repo("b"))  # nothing has happened yet
    assert not two.client.pfs.branch_exists(two.branch("a@master"))
    two.client.transaction.delete_transaction(transaction=made)


def test_inspect_transaction(two: Place) -> None:
    made = two.client.transaction.start_transaction()
    two.client.pfs.start_commit(branch=two.branch("a@master"))
    info = two.client.transaction.inspect_transaction(transaction=made)
    assert info.transaction == made
    assert [one.start_commit.branch for one in info.requests] == [two.branch("a@master")]
    assert [one.commit.id for one in info.responses] == [made.id]
    assert (info.started.year > 2000, info.version) == (True, 1)
    two.client.transaction.delete_transaction(transaction=made)
    with refused("NOT_FOUND"):
        two.client.transaction.inspect_transaction(transaction=Transaction(id=MISSING))
    with refused("INVALID_ARGUMENT"):
        two.client.transaction.inspect_transaction()


def test_list_transaction(two: Place) -> None:
    made = two.client.transaction.start_transaction()
    found = [one.transaction for one in two.client.transaction.list_transaction().transaction_info]
    assert made in found
    two.client.transaction.delete_transaction(transaction=made)


def test_delete_transaction(two: Place) -> None:
    made = two.client.transaction.start_transaction()
    two.client.pfs.create_repo(repo=two.repo("c"))
    two.client.transaction_id = None
    two.client.transaction.delete_transaction(transaction=made)
    assert not two.client.transaction.transaction_exists(made)
    assert not two.client.pfs.repo_exists(two.repo("c"))
    with refused("NOT_FOUND"):
        two.client.transaction.delete_transaction(transaction=made)
    two.client.transaction_id = made.id
    with refused("NOT_FOUND"):
        two.client.pfs.create_repo(repo=two.repo("c"))


def test_finish_transaction(two: Place) -> None:
    client = two.client
    two.put("a@master", f=b"1")
    two.put("b@master", f=b"1")
    made = client.transaction.start_transaction()
    client.pfs.create_repo(repo=two.repo("c"))
    client.pfs.create_branch(branch=two.branch("c@master"), provenance=[two.branch("a@master"), two.branch("b@master")])
    for name in ("a@master", "b@master"):
        client.pfs.finish_commit(commit=client.pfs.start_commit(branch=two.branch(name)))
    info = client.transaction.finish_transaction(transaction=made)
    assert len(info.requests) == len(info.responses) == 6
    assert not client.transaction_id
    assert not client.transaction.transaction_exists(made)
    infos = list(client.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=made.id)))
    assert sorted(one.commit.repo.name for one in infos) == ["a", "b", "c"]
    assert {one.commit.id for one in infos} == {made.id}
    with refused("NOT_FOUND"):
        client.transaction.finish_transaction(transaction=made)


def test_what_cannot_be_done_is_not_added(two: Place) -> None:
    client = two.client
    with client.transaction.transaction() as made:
        client.pfs.create_repo(repo=two.repo("c"))
        with refused("ALREADY_EXISTS", "repo .*/a already exists"):
            client.pfs.create_repo(repo=two.repo("a"))
        client.pfs.start_commit(branch=two.branch("a@master"))
        with refused("ALREADY_EXISTS", "inconsistent dependencies: cannot create commit from .*; repo .* already has"):
            client.pfs.start_commit(branch=two.branch("a@dev"))
    assert client.pfs.repo_exists(two.repo("c"))
    assert client.pfs.inspect_branch(branch=two.branch("a@master")).head.id == made.id


def test_a_transaction_that_fails_changes_nothing_and_stays(two: Place) -> None:
    client = two.client
    made = client.transaction.start_transaction()
    client.pfs.create_repo(repo=two.repo("c"))
    client.pfs.create_repo(repo=two.repo("d"))
    client.transaction_id = None
    client.pfs.create_repo(repo=two.repo("d"))
    with refused("ALREADY_EXISTS", "error running request 2 of 2: repo .*/d already exists"):
        client.transaction.finish_transaction(transaction=made)
    assert not client.pfs.repo_exists(two.repo("c"))
    assert client.transaction.transaction_exists(made)
    client.pfs.delete_repo(repo=two.repo("d"))
    client.transaction.finish_transaction(transaction=made)
    assert client.pfs.repo_exists(two.repo("c"))


def test_batch_transaction(two: Place) -> None:
    client = two.client
    info = client.transaction.batch_transaction(
        requests=[create(two.repo("c")), start(two.branch("a@master")), start(two.branch("c@master"))]
    )
    assert [one.commit.id for one in info.responses] == ["", info.transaction.id, info.transaction.id]
    assert not client.transaction.transaction_exists(info.transaction)
    with refused("ALREADY_EXISTS", "error running request 2 of 2: "):
        client.transaction.batch_transaction(requests=[create(two.repo("d")), create(two.repo("c"))])
    assert not client.pfs.repo_exists(two.repo("d"))
    with refused("INVALID_ARGUMENT"):
        client.transaction.batch_transaction(requests=[TransactionRequest()])


def test_every_request_that_a_transaction_holds(two: Place) -> None:
    client = two.client
    first = two.put("a@master", f=b"1")
    second = two.put("a@master", f=b"2")
    requests = [
        create(two.repo("c")),
        TransactionRequest(create_branch=pfs.CreateBranchRequest(branch=two.branch("c@x"))),
        TransactionRequest(delete_branch=pfs.DeleteBranchRequest(branch=two.branch("c@x"))),
        TransactionRequest(delete_repo=pfs.DeleteRepoRequest(repo=two.repo("b"))),
        TransactionRequest(squash_commit_set=pfs.SquashCommitSetRequest(commit_set=pfs.CommitSet(id=first))),
        start(two.branch("a@master")),
        TransactionRequest(finish_commit=pfs.FinishCommitRequest(commit=two.commit("a@master"))),
    ]
    made = client.transaction.batch_transaction(requests=requests).transaction.id
    info = client.pfs.wait_commit(two.commit("a@master"))
    assert (info.commit.id, info.parent_commit.id) == (made, second)
    assert not client.pfs.commit_exists(two.commit(f"a@{first}"))
    assert not client.pfs.repo_exists(two.repo("b"))
    assert client.pfs.inspect_repo(repo=two.repo("c")).branches == []


def test_the_sdk_holds_a_transaction(two: Place) -> None:
    client = two.client
    with client.transaction.transaction() as made:
        assert client.transaction.transaction_exists(made)
        with client.pfs.commit(branch=two.branch("a@master")) as first:
            pass
        with client.pfs.commit(branch=two.branch("b@master")) as second:
            pass
    assert not client.transaction_id
    assert first.wait().commit.id == second.wait().commit.id == made.id
    with pytest.raises(KeyError), client.transaction.transaction() as undone:
        client.pfs.create_repo(repo=two.repo("c"))
        raise KeyError("the caller's own")
    assert not client.transaction.transaction_exists(undone)
    assert not client.pfs.repo_exists(two.repo("c"))


def test_delete_all(two: Place) -> None:
    two.client.transaction.start_transaction()
    two.client.transaction_id = None
    two.client.transaction.delete_all()
    assert two.client.transaction.list_transaction() == transaction.TransactionInfos()
