"""A whole pachd whose store is a bucket: files, a pipeline with worker processes, a restart, bad days."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from trunkline.kernel.config import Settings
from trunkline.kernel.errors import InvalidRequest, StorageDenied
from trunkline.pachd.daemon import Pachd
from trunkline.testing import proxy
from trunkline.testing.proxy import FaultyProxy

BIG = bytes(range(256)) * 12_000


@contextmanager
def running(settings: Settings) -> Iterator[Client]:
    daemon = Pachd(settings, threading.Event())
    try:
        daemon.start()
        host, _, port = daemon._record.address.rpartition(":")
        yield Client(host=host, port=int(port))
    finally:
        daemon.stop()


def settings_for(s3, home: Path, url: str) -> Settings:
    return Settings(home=home, port=0, store=url, cloud=s3.secrets, max_workers=1, passed_on={"PATH": "/usr/bin:/bin"})


def problems(client: Client) -> list[str]:
    return [each.error for each in client.pfs.fsck()]


def put(client: Client, files: dict[str, bytes]) -> None:
    with client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        for path, data in files.items():
            commit.put_file_from_bytes(path=path, data=data)
    client.pfs.wait_commit(commit)


def read(client: Client, uri: str) -> bytes:
    with client.pfs.pfs_file(pfs.File.from_uri(uri)) as file:
        return file.read()


def pachctl(client: Client, *words: str) -> None:
    program = Path(sys.executable).parent / "pachctl"
    environ = {"PATH": os.environ["PATH"], "PACHD_ADDRESS": client.address, "HOME": "/nonexistent"}
    subprocess.run([program, *words], check=True, env=environ, timeout=60)


def copy_pipeline(client: Client) -> None:
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="copy"),
        transform=pps.Transform(cmd=["sh"], stdin=["env > /pfs/out/env; cp /pfs/data/* /pfs/out/"]),
        input=pps.Input(pfs=pps.PfsInput(repo="data", glob="/")),
    )


def test_files_a_pipeline_and_a_restart(s3, tmp_path):
    settings = settings_for(s3, tmp_path / "home", s3.url())
    with running(settings) as client:
        client.pfs.create_repo(repo=pfs.Repo(name="data"))
        put(client, {"/big": BIG, "/small": b"one"})
        assert read(client, "data@master:/big") == BIG
        (tmp_path / "thick").write_bytes(BIG * 2)
        pachctl(client, "put-file", "data", "master", "/thick", "-f", str(tmp_path / "thick"))
        assert read(client, "data@master:/thick") == BIG * 2
        copy_pipeline(client)
        client.pfs.wait_commit(pfs.Commit.from_uri("copy@master"))
        assert read(client, "copy@master:/big") == BIG
        environment = read(client, "copy@master:/env").decode()
        assert not any(value in environment for value in s3.secrets.values())
        assert "AWS_" not in environment
    assert not any(path.is_file() for path in (tmp_path / "home" / "store").rglob("*")), "all of it is in the bucket"
    with running(settings) as client:
        assert read(client, "copy@master:/small") == b"one"
        put(client, {"/small": b"two"})
        client.pfs.wait_commit(pfs.Commit.from_uri("copy@master"))
        assert read(client, "copy@master:/small") == b"two"
        assert problems(client) == []
    for path in (tmp_path / "home").rglob("*"):
        if path.is_file():
            assert s3.secrets["AWS_SECRET_ACCESS_KEY"].encode() not in path.read_bytes(), path


@pytest.mark.parametrize("fault", [proxy.SLOW_DOWN, proxy.CUT_AFTER, proxy.SHORT])
def test_faults_that_pass_are_not_noticed(s3, tmp_path, fault):
    bad = FaultyProxy(s3.address)
    with running(settings_for(s3, tmp_path / "home", s3.url(endpoint=bad.endpoint))) as client:
        client.pfs.create_repo(repo=pfs.Repo(name="data"))
        bad.rule = proxy.once_each(fault)
        put(client, {f"/{n}": b"%d" % n * 300_000 for n in range(3)})
        for n in range(3):
            assert read(client, f"data@master:/{n}") == b"%d" % n * 300_000
        assert problems(client) == []
    bad.stop()


def test_what_cannot_be_stored_leaves_nothing(s3, tmp_path):
    bad = FaultyProxy(s3.address)
    with running(settings_for(s3, tmp_path / "home", s3.url(endpoint=bad.endpoint))) as client:
        client.pfs.create_repo(repo=pfs.Repo(name="data"))
        put(client, {"/before": b"x"})
        head = client.pfs.inspect_branch(branch=pfs.Branch.from_uri("data@master")).head.id
        for allowed in (0, 1, 3):
            bad.rule = no_writes_after(allowed)
            with pytest.raises(Exception, match=r"cannot write .* in s3://.*AccessDenied"):
                client.pfs.modify_file(adding("/after", random.Random(allowed).randbytes(6_000_000)))
            bad.rule = lambda method, path: None
            assert client.pfs.inspect_branch(branch=pfs.Branch.from_uri("data@master")).head.id == head
            assert not client.pfs.path_exists(pfs.File.from_uri("data@master:/after"))
            assert problems(client) == []
        put(client, {"/after": b"y"})
        assert read(client, "data@master:/after") == b"y"
    bad.stop()


def no_writes_after(allowed: int) -> proxy.Rule:
    left = iter(range(allowed))

    def rule(method: str, path: str) -> str | None:
        return proxy.DENIED if method == "PUT" and next(left, None) is None else None

    return rule


def adding(path: str, data: bytes) -> Iterator[pfs.ModifyFileRequest]:
    branch = pfs.Branch.from_uri("data@master")
    yield pfs.ModifyFileRequest(set_commit=pfs.Commit(repo=branch.repo, branch=branch))
    for start in range(0, len(data), 1_000_000):
        yield pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=data[start : start + 1_000_000]))


def test_a_bucket_that_cannot_be_used_stops_the_start(s3, tmp_path):
    with pytest.raises(StorageDenied, match="s3://nobody-made-this/x: there is no such bucket"):
        Pachd(settings_for(s3, tmp_path / "a", f"s3://nobody-made-this/x?endpoint={s3.endpoint}"), threading.Event())
    with pytest.raises(InvalidRequest, match="TRUNKLINE_STORE.*unrecognized object store: ftp"):
        Pachd(settings_for(s3, tmp_path / "b", "ftp://bucket/x"), threading.Event())
