"""What pachd tells Prometheus: read by Prometheus' own parser, after calls, a job, and a collection."""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from prometheus_client.parser import text_string_to_metric_families

from trunkline.kernel import log
from trunkline.kernel.config import Settings
from trunkline.kernel.errors import FailedPrecondition
from trunkline.pachd.daemon import Pachd
from trunkline.testing.commands import wait_for
from trunkline.wire import upkeep_pb2, upkeep_pb2_grpc

LABELS = {
    "rpc",
    "status",
    "crew",
    "state",
    "direction",
    "phase",
    "place",
    "operation",
    "kind",
    "version",
    "le",
    "result",
}
MOST_SERIES = 1_000


class Watched:
    """A pachd in this process, with metrics and its log in a file."""

    def __init__(self, home: Path) -> None:
        settings = Settings(home=home, port=0, max_workers=1, metrics_port=0, passed_on={"PATH": "/usr/bin:/bin"})
        self.daemon = Pachd(settings, threading.Event())
        self.log = home / "logs" / "pachd.log"
        log.configure("debug", self.log)
        self.daemon.start()
        assert self.daemon._metrics is not None
        self.address = self.daemon._metrics.address
        self.grpc = self.daemon._record.address
        host, _, port = self.grpc.rpartition(":")
        self.client = Client(host=host, port=int(port))

    def scrape(self) -> dict[str, dict[tuple[str, ...], float]]:
        """The samples of all families: by name, by the values of their labels."""
        with urllib.request.urlopen(f"http://{self.address}/metrics") as answer:
            text = answer.read().decode()
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                assert set(sample.labels) <= LABELS, sample
                found.setdefault(sample.name, {})[tuple(sample.labels[name] for name in sorted(sample.labels))] = (
                    sample.value
                )
        return found

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    logger = logging.getLogger("trunkline")
    before = logger.handlers[:], logger.level, logger.propagate
    made = Watched(tmp_path / "home")
    yield made
    made.daemon.stop()
    logger.handlers[:], logger.level, logger.propagate = before


def run_a_job(client: Client) -> None:
    client.pfs.create_repo(repo=pfs.Repo(name="data"))
    for files in ({"/a": b"1", "/b": b"22"}, {"/c": b"333"}):
        with client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
            for path, data in files.items():
                commit.put_file_from_bytes(path, data)
        client.pfs.wait_commit(commit)
        if "/a" in files:
            client.pps.create_pipeline(
                pipeline=pps.Pipeline(name="copy"),
                transform=pps.Transform(cmd=["sh", "-c", "cp /pfs/data/* /pfs/out/"]),
                input=pps.Input(pfs=pps.PfsInput(repo="data", glob="/*")),
            )
        client.pfs.wait_commit(pfs.Commit.from_uri("copy@master"))


def test_what_happened_is_counted(watched: Watched) -> None:
    before = watched.scrape()
    run_a_job(watched.client)
    with grpc.insecure_channel(watched.grpc) as channel:
        list(upkeep_pb2_grpc.UpkeepStub(channel).CollectGarbage(upkeep_pb2.CollectGarbageRequest()))
    after: dict = {}

    def grown(name: str, *labels: str) -> float:
        return after.get(name, {}).get(labels, 0.0) - before.get(name, {}).get(labels, 0.0)

    def counted() -> bool:
        after.update(watched.scrape())
        return grown("trunkline_jobs_ended_total", "SUCCESS") == 2

    wait_for(counted, "what is counted after the change that ends a job")
    assert grown("trunkline_rpc_calls_total", "pfs_v2.API.CreateRepo", "OK") == 1
    assert grown("trunkline_rpc_seconds_count", "pfs_v2.API.CreateRepo") == 1
    assert grown("trunkline_rpc_seconds_bucket", "+Inf", "pfs_v2.API.CreateRepo") == 1
    assert grown("trunkline_jobs_created_total") == grown("trunkline_jobs_ended_total", "SUCCESS") == 2
    assert grown("trunkline_datums_total", "SUCCESS") == 3
    assert grown("trunkline_datums_total", "SKIPPED") == 2
    assert grown("trunkline_datum_bytes_total", "down") == grown("trunkline_datum_bytes_total", "up") == 6
    assert grown("trunkline_datum_seconds_total", "process") > 0
    assert grown("trunkline_catalog_commit_seconds_count") > 10
    assert grown("trunkline_garbage_collections_total") == 1
    assert grown("trunkline_workers_started_total") >= 1
    assert after["trunkline_store_calls_total"][("put_many",)] > 0
    assert after["trunkline_workers"][()] >= 1
    assert after["trunkline_datums_queued"] == {("waiting",): 0, ("with a worker",): 0}
    assert "trunkline_jobs_unfinished" not in after
    assert after["process_open_fds"][()] > 0
    # Grown, since what other tests called in this process is counted, too.
    assert sum(map(len, after.values())) - sum(map(len, before.values())) < MOST_SERIES


def test_jobs_that_wait_show(watched: Watched) -> None:
    watched.client.pfs.create_repo(repo=pfs.Repo(name="data"))
    watched.client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="copy"),
        transform=pps.Transform(cmd=["true"]),
        input=pps.Input(pfs=pps.PfsInput(repo="data", glob="/*")),
    )
    watched.client.pfs.wait_commit(pfs.Commit.from_uri("copy@master"))
    watched.client.pfs.start_commit(branch=pfs.Branch.from_uri("data@master"))
    assert sum(watched.scrape()["trunkline_jobs_unfinished"].values()) == 1


def test_errors_have_a_status_and_a_request_that_the_log_knows(watched: Watched) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        watched.client.pfs.inspect_repo(repo=pfs.Repo(name="nobody", type="user"))
    assert watched.scrape()["trunkline_rpc_calls_total"][("pfs_v2.API.InspectRepo", "NOT_FOUND")] >= 1
    told = dict(caught.value.trailing_metadata())["x-request-id"]
    [line] = [line for line in watched.lines() if line.get("request") == told]
    assert (line["message"], line["rpc"], line["status"]) == ("call", "pfs_v2.API.InspectRepo", "NOT_FOUND")


def test_a_caller_may_name_its_request(watched: Watched) -> None:
    with grpc.insecure_channel(watched.grpc) as channel:
        stub = upkeep_pb2_grpc.UpkeepStub(channel)
        for name in ("my-own.1", "not one"):
            list(stub.CollectGarbage(upkeep_pb2.CollectGarbageRequest(dry_run=True), metadata=[("x-request-id", name)]))
    requests = {line.get("request") for line in watched.lines()}
    assert "my-own.1" in requests
    assert "not one" not in requests


def test_a_port_that_is_taken(watched: Watched, tmp_path: Path) -> None:
    port = int(watched.address.rpartition(":")[2])
    other = Pachd(Settings(home=tmp_path / "other", port=0, metrics_port=port), threading.Event())
    with pytest.raises(FailedPrecondition, match=f"cannot listen on 127.0.0.1:{port} for metrics"):
        other.start()
    other.stop()
