"""A whole pachd whose store is a bucket: files, a pipeline with worker processes, a restart, bad days."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import msgspec
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from trunkline.kernel.config import Settings
from trunkline.kernel.errors import InvalidRequest, StorageDenied
from trunkline.kernel.secrets import Secrets
from trunkline.objects import location
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
    with tempfile.TemporaryDirectory() as home:
        environ = {"PATH": os.environ["PATH"], "PACHD_ADDRESS": client.address, "HOME": home}
        subprocess.run([program, *words], check=True, env=environ, timeout=60)


def objects(s3, url: str) -> set[str]:
    pages = s3.client.get_paginator("list_objects_v2").paginate(Bucket=location.parse(url).bucket)
    return {each["Key"] for page in pages for each in page.get("Contents", [])}


def written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


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


def test_garbage_is_collected_from_a_bucket(s3, tmp_path):
    url = s3.url()
    with running(settings_for(s3, tmp_path / "home", url)) as client:
        for repo in ("data", "old"):
            client.pfs.create_repo(repo=pfs.Repo(name=repo))
        put(client, {"/kept": BIG})
        garbage = random.Random(1).randbytes(3_000_000)
        pachctl(client, "put-file", "old", "master", "/gone", "-f", written(tmp_path / "gone", garbage))
        before = objects(s3, url)
        client.pfs.delete_repo(repo=pfs.Repo(name="old"))
        pachctl(client, "garbage-collect", "--dry-run")
        assert objects(s3, url) == before
        pachctl(client, "garbage-collect")
        after = objects(s3, url)
        assert after < before
        assert any(name.endswith("/about") for name in after)
        assert len([name for name in after if "/catalogs/" in name]) == 1
        assert read(client, "data@master:/kept") == BIG
        assert problems(client) == []
        put(client, {"/again": garbage})
        assert read(client, "data@master:/again") == garbage


def test_pachctl_puts_from_buckets_and_gets_to_them(s3, tmp_path):
    bucket = s3.bucket()
    for name in ("in/a", "in/sub/b", "c"):
        s3.client.put_object(Bucket=bucket, Key=name, Body=name.encode())
    cloud = Secrets(s3.secrets | {"AWS_ENDPOINT_URL": s3.endpoint})
    with running(Settings(home=tmp_path / "home", port=0, cloud=cloud)) as client:
        client.pfs.create_repo(repo=pfs.Repo(name="data"))
        pachctl(client, "put-file", "data", "master", "/to", "-r", "-f", f"s3://{bucket}/in")
        names = written(tmp_path / "names", f"s3://{bucket}/c\ns3://{bucket}/in/a\n".encode())
        pachctl(client, "put-file", "data", "master", "-i", names)
        pachctl(client, "put", "file", "data@master:/d", "-f", f"s3://{bucket}/c")
        found = [each.file.path for each in client.pfs.walk_file(file=pfs.File.from_uri("data@master:/"))]
        assert [path for path in found if not path.endswith("/")] == ["/c", "/d", "/in/a", "/to/a", "/to/sub/b"]
        assert read(client, "data@master:/to/sub/b") == b"in/sub/b"
        out = f"s3://{s3.bucket()}/out"
        pachctl(client, "get-file", "data", "master", "/to/a", "-o", out)
        pachctl(client, "get-file", "data", "master", "/to/sub", "-r", "-o", out)
        pachctl(client, "get", "file", "data@master:/d", "-o", out)
        assert objects(s3, out) == {"out/d", "out/to/a", "out/to/sub/b"}


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
                client.pfs.modify_file(adding({"/after": random.Random(allowed).randbytes(6_000_000)}))
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


def adding(files: dict[str, bytes]) -> Iterator[pfs.ModifyFileRequest]:
    branch = pfs.Branch.from_uri("data@master")
    yield pfs.ModifyFileRequest(set_commit=pfs.Commit(repo=branch.repo, branch=branch))
    for path, data in files.items():
        for start in range(0, len(data), 1_000_000):
            yield pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=data[start : start + 1_000_000]))


def test_a_bucket_that_cannot_be_used_stops_the_start(s3, tmp_path):
    with pytest.raises(StorageDenied, match="s3://nobody-made-this/x: there is no such bucket"):
        Pachd(settings_for(s3, tmp_path / "a", f"s3://nobody-made-this/x?endpoint={s3.endpoint}"), threading.Event())
    with pytest.raises(InvalidRequest, match="TRUNKLINE_STORE.*unrecognized object store: ftp"):
        Pachd(settings_for(s3, tmp_path / "b", "ftp://bucket/x"), threading.Event())


@pytest.mark.stores
@pytest.mark.parametrize("fault", [proxy.ERROR, proxy.SLOW_DOWN, proxy.CUT_BEFORE, proxy.CUT_AFTER, proxy.SHORT])
def test_one_fault_at_each_step_of_put_finish_and_get(s3, tmp_path, fault):
    """Counts the requests of a put and its reading, and does them again once for each, with that one failing."""
    bad = FaultyProxy(s3.address)
    settings = msgspec.structs.replace(
        settings_for(s3, tmp_path / "home", s3.url(endpoint=bad.endpoint)), store_cache=0
    )
    with running(settings) as client:
        client.pfs.create_repo(repo=pfs.Repo(name="data"))
        step = total = 0
        while step <= total:
            steps = iter(range(10**9))
            bad.rule = lambda method, path, at=step: fault if next(steps) == at else None  # noqa: B023
            files = {f"/{step}-{n}": random.Random(f"{step} {n}").randbytes(700_000) for n in range(3)}
            client.pfs.modify_file(adding(files | {f"/small/{step}-{n}": b"%d" % n for n in range(200)}))
            assert all(read(client, f"data@master:{path}") == data for path, data in files.items())
            total = max(total, next(steps) - 1)
            step += 1
        bad.rule = lambda method, path: None
        assert total > 5
        assert problems(client) == []
    with running(settings) as client:
        assert read(client, "data@master:/small/3-7") == b"7"
        assert problems(client) == []
    bad.stop()


@pytest.mark.stores
def test_one_refusal_at_each_step_leaves_all_or_nothing(s3, tmp_path):
    bad = FaultyProxy(s3.address)
    with running(settings_for(s3, tmp_path / "home", s3.url(endpoint=bad.endpoint))) as client:
        client.pfs.create_repo(repo=pfs.Repo(name="data"))
        put(client, {"/first": b"x"})
        refused = 0
        for step in range(40):
            steps = iter(range(10**9))
            bad.rule = lambda method, path, at=step: proxy.DENIED if next(steps) == at else None  # noqa: B023
            before = client.pfs.inspect_branch(branch=pfs.Branch.from_uri("data@master")).head.id
            data = random.Random(step).randbytes(4_000_000)
            try:
                client.pfs.modify_file(adding({f"/{step}": data}))
            except grpc.RpcError as error:
                refused += 1
                assert "it answered 403" in error.details()
                bad.rule = lambda method, path: None
                assert client.pfs.inspect_branch(branch=pfs.Branch.from_uri("data@master")).head.id == before
            else:
                bad.rule = lambda method, path: None
                assert read(client, f"data@master:/{step}") == data
            assert problems(client) == []
        assert 3 < refused < 40
    bad.stop()
