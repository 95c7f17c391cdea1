"""The official SDK gives branches triggers, and sees what they do: spec 00, section 10; spec 01, section 4."""

from __future__ import annotations

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from tests.api.serving import Serving

MASTER = pfs.Branch.from_uri("data@master")
TRIGGERED = pfs.Branch.from_uri("data@t")


@pytest.fixture
def data(client: Client) -> Client:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    client.pfs.create_repo(repo=pfs.Repo.from_uri("out"))
    client.pfs.create_branch(branch=MASTER)
    return client


def put(client: Client, content: bytes = b"x") -> pfs.Commit:
    with client.pfs.commit(branch=MASTER) as commit:
        commit.put_file_from_bytes("/f", content, append=True)
    commit.wait()
    return commit


def arrives(serving: Serving, commit: pfs.Commit, branch: pfs.Branch = TRIGGERED) -> bool:
    """Waits until the head of a branch is a commit."""

    def look() -> bool | None:
        return serving.client.pfs.inspect_branch(branch=branch).head.id == commit.id or None

    return serving.catalog.watch.until(look, timeout=30) is True


def test_a_branch_follows_and_its_pipeline_runs(serving: Serving, data: Client) -> None:
    trigger = pfs.Trigger(branch="master", commits=2, size="1MB")
    data.pfs.create_branch(branch=TRIGGERED, trigger=trigger)
    data.pfs.create_branch(branch=pfs.Branch.from_uri("out@master"), provenance=[TRIGGERED])
    assert data.pfs.inspect_branch(branch=TRIGGERED).trigger == trigger
    [listed] = [one for one in data.pfs.list_branch(repo=MASTER.repo) if one.branch.name == "t"]
    assert listed.trigger == trigger
    assert not data.pfs.inspect_branch(branch=MASTER).trigger
    put(data)
    second = put(data)
    assert arrives(serving, second)
    out = data.pfs.inspect_branch(branch=pfs.Branch.from_uri("out@master")).head
    info = data.pfs.inspect_commit(commit=out)
    assert out.id != second.id
    assert [one.id for one in info.direct_provenance] == [second.id]
    assert len(list(data.pfs.list_commit(repo=MASTER.repo))) == 4  # two empty ones, two that were put


def test_one_off_commits_and_chains(serving: Serving, data: Client) -> None:
    data.pfs.create_branch(branch=TRIGGERED, trigger=pfs.Trigger(branch="master", all=True))
    last = pfs.Branch.from_uri("data@last")
    data.pfs.create_branch(branch=last, trigger=pfs.Trigger(branch="t", all=True))
    data.pfs.put_file_from_bytes(commit=pfs.Commit.from_uri("data@master"), path="/a", data=b"1")
    head = data.pfs.inspect_branch(branch=MASTER).head
    assert arrives(serving, head, last)


def test_a_cron_ticks_by_the_clock(serving: Serving, data: Client) -> None:
    data.pfs.create_branch(branch=TRIGGERED, trigger=pfs.Trigger(branch="master", cron_spec="@every 1h"))
    commit = put(data)
    assert data.pfs.inspect_branch(branch=TRIGGERED).head.id != commit.id
    serving.clock.advance(3601)
    assert arrives(serving, commit)


def test_a_trigger_is_kept_replaced_and_forced_away(serving: Serving, data: Client) -> None:
    data.pfs.create_branch(branch=TRIGGERED, trigger=pfs.Trigger(branch="master", commits=9))
    data.pfs.create_branch(branch=TRIGGERED)
    assert data.pfs.inspect_branch(branch=TRIGGERED).trigger.commits == 9
    data.pfs.create_branch(branch=TRIGGERED, trigger=pfs.Trigger(branch="master", rate_limit_spec="@daily"))
    assert data.pfs.inspect_branch(branch=TRIGGERED).trigger == pfs.Trigger(branch="master", rate_limit_spec="@daily")
    for branch, text in ((TRIGGERED, "is triggered by branches"), (MASTER, "triggers branches")):
        with pytest.raises(grpc.RpcError, match=text) as refused:
            data.pfs.delete_branch(branch=branch)
        assert refused.value.code() == grpc.StatusCode.UNKNOWN
    with pytest.raises(grpc.RpcError, match="cannot be deleted"):
        data.pfs.delete_repo(repo=MASTER.repo)
    data.pfs.delete_branch(branch=MASTER, force=True)
    assert not data.pfs.inspect_branch(branch=TRIGGERED).trigger
    data.pfs.delete_branch(branch=TRIGGERED)


@pytest.mark.parametrize(
    ("trigger", "provenance", "text"),
    [
        (pfs.Trigger(branch="master", commits=1), ["out@master"], "cannot have both provenance and a trigger"),
        (pfs.Trigger(commits=1), [], "triggers must specify a branch to trigger on"),
        (pfs.Trigger(branch="t"), [], "triggers cannot form a loop"),
        (pfs.Trigger(branch="master", size="x"), [], "invalid trigger size: "),
        (pfs.Trigger(branch="master", cron_spec="x"), [], "invalid trigger cron spec: "),
        (pfs.Trigger(branch="master", rate_limit_spec="x"), [], "invalid trigger rate limit spec: "),
        (pfs.Trigger(branch="master", commits=-1), [], "can't trigger on a negative number of commits"),
        (pfs.Trigger(branch="../x"), [], "only alphanumeric characters"),
    ],
)
def test_what_is_refused(data: Client, trigger: pfs.Trigger, provenance: list[str], text: str) -> None:
    upstream = [pfs.Branch.from_uri(one) for one in provenance]
    with pytest.raises(grpc.RpcError, match=text) as refused:
        data.pfs.create_branch(branch=TRIGGERED, trigger=trigger, provenance=upstream)
    assert refused.value.code() == grpc.StatusCode.UNKNOWN
    with pytest.raises(grpc.RpcError, match='branch "t" not found'):
        data.pfs.inspect_branch(branch=TRIGGERED)
