"""garbage-collect, from the command line to the disk, beside a pipeline with real workers."""

from __future__ import annotations

import threading

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from tests.pachctl.conftest import Result, invoke

from trunkline.kernel.config import Settings
from trunkline.pachd.daemon import Pachd


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", port=0, max_workers=1, passed_on={"PATH": "/usr/bin:/bin"})


@pytest.fixture
def daemon(settings):
    made = Pachd(settings, threading.Event())
    made.start()
    yield made
    made.stop()


def pachctl(daemon: Pachd, *words: str) -> Result:
    return invoke(words, {"PACHD_ADDRESS": daemon._record.address, "HOME": "/nonexistent"})


def stored(settings: Settings) -> int:
    return sum(path.is_file() for kind in ("chunks", "nodes") for path in (settings.store_path / kind).rglob("*"))


def run_copies(client: Client, glob: str, script: str) -> None:
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="copy"),
        transform=pps.Transform(cmd=["sh"], stdin=[script]),
        input=pps.Input(pfs=pps.PfsInput(repo="data", glob=glob)),
    )


def test_what_was_deleted_is_freed_and_the_rest_is_explained(daemon, settings):
    host, _, port = daemon._record.address.rpartition(":")
    client = Client(host=host, port=int(port))
    client.pfs.create_repo(repo=pfs.Repo(name="data"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        for number in range(60):
            commit.put_file_from_bytes(path=f"/{number}", data=b"%d" % number)
    run_copies(client, "/", "cat /pfs/data/* > /pfs/out/all; cp /pfs/data/7 /pfs/out/")
    client.pfs.wait_commit(pfs.Commit.from_uri("copy@master"))
    first = pachctl(daemon, "garbage-collect")
    assert first.out.splitlines()[-1].startswith("freed ")
    for flags in ([], ["--hashes"], ["--zombie-all"], ["--zombie", "copy@master"], ["--fix"]):
        assert pachctl(daemon, "fsck", *flags).out == "No errors found.\n"
    assert pachctl(daemon, "garbage-collect").out.endswith("freed 0B in 0 objects\n")
    before = stored(settings)

    why = pachctl(daemon, "garbage-collect", "--why")
    assert why.code == 0
    for words in ("heads of branches", "outcomes of datums", "KEPT FOR"):
        assert words in why.out
    assert "default/data" in pachctl(daemon, "garbage-collect", "--why", "--of", "data").out
    chunk = next((settings.store_path / "chunks").rglob("*/*")).name
    assert "heads of branches" in pachctl(daemon, "garbage-collect", "--of", chunk).out
    assert pachctl(daemon, "garbage-collect", "--of", "00" * 32).out.startswith("nothing keeps it")
    assert pachctl(daemon, "garbage-collect", "--of", "nope").code == 4

    client.pps.delete_pipeline(pipeline=pps.Pipeline(name="copy"), force=True)
    client.pfs.delete_repo(repo=pfs.Repo(name="data"), force=True)
    trial = pachctl(daemon, "garbage-collect", "--dry-run")
    assert "WOULD BE FREED" in trial.out
    assert stored(settings) == before
    real = pachctl(daemon, "garbage-collect", "--raw")
    assert '"dryRun"' not in real.out
    assert stored(settings) == 0
    assert pachctl(daemon, "fsck").code == 0


def test_a_client_that_remembers_what_was_collected_puts_it_again(daemon, settings, tmp_path):
    """pachctl remembers where unchanged files lie; after a collection they lie nowhere."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}").write_bytes(b"%d" % number * 50_000)
    for _ in range(2):
        assert pachctl(daemon, "create-repo", "data").code == 0
        put = pachctl(daemon, "put-file", "-r", "data", "master", "/", "-f", str(folder))
        assert (put.code, put.err) == (0, "")
        assert pachctl(daemon, "get-file", "data", "master", "/7").raw == b"7" * 50_000
        assert pachctl(daemon, "delete-repo", "data").code == 0
        freed = pachctl(daemon, "garbage-collect")
        assert freed.code == 0
        assert stored(settings) == 0, freed.out


def test_a_pipeline_goes_on_beside_collections(daemon, settings):
    """Its outputs lie there as garbage of an earlier life, and the collector is at them while workers rely on them."""
    host, _, port = daemon._record.address.rpartition(":")
    client = Client(host=host, port=int(port))
    client.pfs.create_repo(repo=pfs.Repo(name="data"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        for number in range(15):
            commit.put_file_from_bytes(path=f"/{number}", data=b"%d" % number)
    script = "cd /pfs/data; for f in *; do (head -c 3000 /dev/zero; cat $f) > /pfs/out/$f; done"
    for _ in range(2):
        run_copies(client, "/*", script)
        waiting = threading.Thread(target=pachctl, args=(daemon, "flush-commit", "data/master"))
        waiting.start()
        while waiting.is_alive():
            assert pachctl(daemon, "garbage-collect").code == 0
        assert pachctl(daemon, "fsck").out == "No errors found.\n"
        assert not client.pfs.inspect_commit(commit=pfs.Commit.from_uri("copy@master")).error
        assert pachctl(daemon, "get-file", "copy", "master", "/7").raw == bytes(3000) + b"7"
        client.pps.delete_pipeline(pipeline=pps.Pipeline(name="copy"), force=True)
