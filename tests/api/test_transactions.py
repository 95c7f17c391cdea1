"""The official SDK on transactions: wholly or not at all (spec 04, section 4)."""

from __future__ import annotations

import json
import threading

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps, transaction
from tests.api.serving import Serving

from trunkline.wire import pfs_pb2

MISSING = transaction.Transaction(id="0" * 12 + "4" + "0" * 19)
PIPELINE = {"pipeline": {"name": "p"}, "transform": {"cmd": ["true"]}, "input": {"pfs": {"repo": "a", "glob": "/*"}}}


def repo(uri: str) -> pfs.Repo:
    return pfs.Repo.from_uri(uri)


def branch(uri: str) -> pfs.Branch:
    return pfs.Branch.from_uri(uri)


def commit(uri: str) -> pfs.Commit:
    return pfs.Commit.from_uri(uri)


def in_set(client: Client, name: str) -> list[str]:
    infos = client.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=name))
    return [one.commit.repo.name for one in infos if one.commit.id == name]


@pytest.fixture
def two(client: Client) -> Client:
    """Two repos and a third that comes from both."""
    for name in ("a", "b", "out"):
        client.pfs.create_repo(repo=repo(name))
    client.pfs.create_branch(branch=branch("out@master"), provenance=[branch("a@master"), branch("b@master")])
    client.pfs.finish_commit(commit=commit("out@master"))
    return client


def test_two_inputs_move_as_one(two: Client) -> None:
    with two.transaction.transaction() as made:
        one = two.pfs.start_commit(branch=branch("a@master"))
        other = two.pfs.start_commit(branch=branch("b@master"))
        assert one.id == other.id == made.id
        assert not two.pfs.commit_exists(one)  # nothing has happened yet
    assert in_set(two, made.id) == ["a", "b", "out"]
    info = two.pfs.inspect_commit(commit=commit("out@master"))
    assert sorted(up.repo.name for up in info.direct_provenance) == ["a", "b"]
    assert {up.id for up in info.direct_provenance} == {made.id}
    assert not two.transaction.transaction_exists(made)
    two.pfs.put_file_from_bytes(commit=one, path="/f", data=b"1")
    for each in (one, other):
        two.pfs.finish_commit(commit=each)
    assert two.pfs.wait_commit(one).error == ""


def test_everything_that_a_transaction_may_hold(client: Client) -> None:
    client.pfs.create_repo(repo=repo("gone"))
    client.pfs.create_repo(repo=repo("data"))
    client.pfs.put_file_from_bytes(commit=commit("data@master"), path="/f", data=b"1")
    old = client.pfs.wait_commit(commit("data@master")).commit
    client.pfs.put_file_from_bytes(commit=commit("data@master"), path="/f", data=b"2")
    client.pfs.wait_commit(commit("data@master"))
    client.pfs.create_branch(branch=branch("data@dev"), head=old)
    with client.transaction.transaction() as made:
        client.pfs.create_repo(repo=repo("a"), description="new")
        assert client.pfs.delete_repo(repo=repo("gone")).deleted
        client.pfs.delete_branch(branch=branch("data@dev"))
        client.pfs.squash_commit_set(commit_set=pfs.CommitSet(id=old.id))
        client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(PIPELINE))
        client.pps.create_pipeline_v2(
            create_pipeline_request_json=json.dumps(
                PIPELINE | {"pipeline": {"name": "q"}, "input": {"pfs": {"repo": "p", "glob": "/"}}}
            )
        )
        opened = client.pfs.start_commit(branch=branch("data@next"))
        client.pfs.finish_commit(commit=opened, description="said at the end")
        info = client.transaction.inspect_transaction(transaction=made)
        assert len(info.requests) == len(info.responses) == info.version == 8
        assert info.requests[0].create_repo.description == "new"
        assert info.requests[4].create_pipeline_v2.create_pipeline_request.pipeline.name == "p"
        assert [one.commit.id for one in info.responses if one.commit] == [made.id]
        assert [one.transaction.id for one in client.transaction.list_transaction().transaction_info] == [made.id]
        assert client.pfs.repo_exists(repo("gone"))
    assert not client.pfs.repo_exists(repo("gone"))
    assert not client.pfs.branch_exists(branch("data@dev"))
    assert not client.pfs.commit_exists(old)
    assert client.pfs.inspect_commit(commit=opened).description == "said at the end"
    assert set(in_set(client, made.id)) == {"a", "p", "q", "data"}  # both pipelines, their specs, one set
    jobs = list(client.pps.inspect_job_set(job_set=pps.JobSet(id=made.id)))
    assert [one.job.pipeline.name for one in jobs] == ["p", "q"]
    with client.transaction.transaction():
        client.pps.stop_job(job=jobs[0].job, reason="enough")
        assert client.pps.inspect_job(job=jobs[0].job).state == pps.JobState.JOB_CREATED
    assert client.pps.inspect_job(job=jobs[0].job).state == pps.JobState.JOB_KILLED


def test_an_input_that_moves_after_its_pipeline_was_made(client: Client) -> None:
    client.pfs.create_repo(repo=repo("a"))
    client.pfs.create_branch(branch=branch("a@master"))
    with client.transaction.transaction() as made:
        client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(PIPELINE))
        client.pfs.start_commit(branch=branch("a@master"))
    info = client.pfs.inspect_commit(commit=commit("p@master"))
    assert {up.id for up in info.direct_provenance} == {made.id}
    assert [one.job.id for one in client.pps.list_job(pipeline=pps.Pipeline(name="p"))] == [made.id]


def test_what_fails_as_a_trial_is_not_added(two: Client) -> None:
    made = two.transaction.start_transaction()
    two.pfs.create_repo(repo=repo("new"))
    with pytest.raises(grpc.RpcError) as refused:
        two.pfs.create_repo(repo=repo("new"))
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert refused.value.details() == "error running request 2 of 2: repo default/new already exists"
    with pytest.raises(grpc.RpcError, match="already has a commit in this transaction"):
        two.pfs.start_commit(branch=branch("a@master"))
        two.pfs.start_commit(branch=branch("a@dev"))
    assert len(two.transaction.inspect_transaction(transaction=made).requests) == 2
    info = two.transaction.finish_transaction(transaction=made)
    assert [bool(one.commit) for one in info.responses] == [False, True]
    assert two.transaction_id in ("", None)
    assert two.pfs.repo_exists(repo("new"))


def test_one_that_cannot_be_finished_stays(two: Client) -> None:
    made = two.transaction.start_transaction()
    two.pfs.create_repo(repo=repo("first"))
    two.pfs.create_repo(repo=repo("new"))
    two.transaction_id = ""
    two.pfs.create_repo(repo=repo("new"))  # somebody else is faster
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as refused:
            two.transaction.finish_transaction(transaction=made)
        assert refused.value.details() == "error running request 2 of 2: repo default/new already exists"
        assert not two.pfs.repo_exists(repo("first"))
    assert two.transaction.transaction_exists(made)
    two.pfs.delete_repo(repo=repo("new"))
    two.transaction.finish_transaction(transaction=made)
    assert two.pfs.repo_exists(repo("first"))


def test_other_calls_happen_at_once(two: Client) -> None:
    with two.transaction.transaction():
        two.pfs.create_project(project=pfs.Project(name="now"))
        two.pfs.create_repo(repo=repo("later"))
        assert not two.pfs.repo_exists(repo("later"))
    assert two.pfs.project_exists(pfs.Project(name="now"))


def test_one_that_is_given_up_does_nothing(two: Client) -> None:
    class GivenUp(Exception):
        pass

    with pytest.raises(GivenUp), two.transaction.transaction() as made:
        two.pfs.create_repo(repo=repo("later"))
        raise GivenUp
    assert not two.pfs.repo_exists(repo("later"))
    assert not two.transaction.transaction_exists(made)
    for _ in range(2):
        two.transaction.start_transaction()
        two.transaction_id = ""
    two.transaction.delete_all()
    assert two.transaction.list_transaction().transaction_info == []


def test_a_batch(two: Client) -> None:
    requests = [
        transaction.TransactionRequest(start_commit=pfs.StartCommitRequest(branch=branch(name)))
        for name in ("a@master", "b@master")
    ]
    info = two.transaction.batch_transaction(requests=requests)
    assert [one.commit.id for one in info.responses] == [info.transaction.id] * 2
    assert in_set(two, info.transaction.id) == ["a", "b", "out"]
    with pytest.raises(grpc.RpcError, match=r"error running request 1 of 2: parent commit .* has not been finished"):
        two.transaction.batch_transaction(requests=requests)
    with pytest.raises(grpc.RpcError) as refused:
        two.transaction.batch_transaction(requests=[transaction.TransactionRequest()])
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert two.transaction.batch_transaction().responses == []


@pytest.mark.parametrize("call", ["inspect_transaction", "delete_transaction", "finish_transaction"])
def test_one_that_is_not_there(client: Client, call: str) -> None:
    with pytest.raises(grpc.RpcError) as missing:
        getattr(client.transaction, call)(transaction=MISSING)
    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as unnamed:
        getattr(client.transaction, call)()
    assert unnamed.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_the_header(serving: Serving, two: Client) -> None:
    request = pfs_pb2.CreateRepoRequest(repo=pfs_pb2.Repo(name="new"))
    with pytest.raises(grpc.RpcError) as missing:
        serving.raw.CreateRepo(request, metadata=[("pach-transaction", MISSING.id)])
    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert not two.pfs.repo_exists(repo("new"))
    serving.raw.CreateRepo(request, metadata=[("pach-transaction", "")])
    assert two.pfs.repo_exists(repo("new"))


def test_a_dry_run_is_not_added(two: Client) -> None:
    with two.transaction.transaction() as made:
        answer = two.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(PIPELINE), dry_run=True)
        assert json.loads(answer.effective_create_pipeline_request_json)["outputBranch"] == "master"
        assert two.transaction.inspect_transaction(transaction=made).requests == []


def test_many_add_to_one(serving: Serving, client: Client) -> None:
    made = client.transaction.start_transaction()
    client.transaction_id = ""
    done: list[str] = []

    def add(number: int) -> None:
        name = f"r{number}"
        try:
            serving.raw.CreateRepo(
                pfs_pb2.CreateRepoRequest(repo=pfs_pb2.Repo(name=name)), metadata=[("pach-transaction", made.id)]
            )
            done.append(name)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.ABORTED
            assert "transaction could not be modified due to concurrent modifications" in error.details()

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    client.transaction.finish_transaction(transaction=made)
    assert sorted(one.repo.name for one in client.pfs.list_repo()) == sorted(done)
