"""The official SDK puts from addresses, gets to addresses, and sends commits out: over a real S3 server."""

from __future__ import annotations

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from tests.api.serving import Serving

from trunkline.kernel.secrets import Secrets
from trunkline.pfs.urls import Urls

CATALOGS = ("sqlite",)


@pytest.fixture
def world(serving: Serving, s3) -> Serving:
    cloud = Secrets(s3.secrets | {"AWS_ENDPOINT_URL": s3.endpoint, "AWS_REGION": "us-east-1"})
    serving.pfs.urls = Urls(cloud, store="s3://own-store/here")
    serving.client.pfs.create_repo(repo=pfs.Repo(name="data"))
    return serving


def objects(s3, bucket: str) -> dict[str, bytes]:
    found = s3.client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: s3.client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found}


def put(client: Client, files: dict[str, bytes]) -> pfs.Commit:
    with client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        for path, data in files.items():
            commit.put_file_from_bytes(path=path, data=data)
    return client.pfs.wait_commit(commit).commit


FILES = {"/a": b"1", "/d/b": b"22", "/d/c": b"333"}


def test_put_from_a_bucket(world, s3):
    bucket = s3.bucket()
    for key, body in {"x/one": b"1", "x/deep/two": b"2"}.items():
        s3.client.put_object(Bucket=bucket, Key=key, Body=body)
    with world.client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        commit.put_file_from_url(path="/one", url=f"s3://{bucket}/x/one")
        commit.put_file_from_url(path="/all", url=f"s3://{bucket}/x", recursive=True)
    found = world.client.pfs.walk_file(file=pfs.File.from_uri("data@master:/"))
    assert [each.file.path for each in found] == ["/", "/all/", "/all/deep/", "/all/deep/two", "/all/one", "/one"]


def test_put_from_a_bucket_again(world, s3):
    bucket = s3.bucket()
    for body in (b"first", b"second"):
        s3.client.put_object(Bucket=bucket, Key="x/one", Body=body)
        with world.client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
            commit.put_file_from_url(path="/all", url=f"s3://{bucket}/x", recursive=True)
        with world.client.pfs.pfs_file(file=pfs.File.from_uri("data@master:/all/one")) as opened:
            assert opened.read() == body


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/a", {"a": b"1"}),
        ("/d/*", {"d/b": b"22", "d/c": b"333"}),
        ("/**", {"a": b"1", "d/b": b"22", "d/c": b"333"}),
    ],
)
def test_get_file_to_a_bucket(world, s3, path, written):
    put(world.client, FILES)
    bucket = s3.bucket()
    request = pfs.GetFileRequest(file=pfs.File.from_uri("data@master:" + path), url=f"s3://{bucket}/to")
    assert list(world.raw.GetFile(_raw(request))) == []
    assert objects(s3, bucket) == {f"to/{name}": body for name, body in written.items()}


def test_get_a_directory_to_a_bucket(world, s3):
    put(world.client, FILES)
    bucket = s3.bucket()
    request = pfs.GetFileRequest(file=pfs.File.from_uri("data@master:/d"), url=f"s3://{bucket}")
    with pytest.raises(grpc.RpcError, match="Use GetFileTAR instead"):
        list(world.raw.GetFile(_raw(request)))
    assert list(world.raw.GetFileTAR(_raw(request))) == []
    assert objects(s3, bucket) == {"d/b": b"22", "d/c": b"333"}


def test_egress(world, s3):
    commit = put(world.client, FILES)
    bucket = s3.bucket()
    target = pfs.ObjectStorageEgress(url=f"s3://{bucket}/out")
    answer = world.client.pfs.egress(commit=commit, object_storage=target)
    assert answer.object_storage.bytes_written == 6
    assert objects(s3, bucket) == {f"out{path}": body for path, body in FILES.items()}


def test_egress_that_cannot_be(world, s3):
    commit = put(world.client, FILES)
    for url, words in {
        "s3://own-store/here/x": "keeps its data",
        "s3://nobody-made-this/x": "no such bucket",
        "http://host/x": "unrecognized object store: http",
        "": "unrecognized object store",
    }.items():
        with pytest.raises(grpc.RpcError, match=words):
            world.client.pfs.egress(commit=commit, object_storage=pfs.ObjectStorageEgress(url=url))
    with pytest.raises(grpc.RpcError, match="egress to MySQL is not built") as refused:
        world.client.pfs.egress(commit=commit, sql_database=pfs.SqlDatabaseEgress(url="mysql://u@h/d"))
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    with pytest.raises(grpc.RpcError, match="cannot resolve nil commit"):
        world.client.pfs.egress(object_storage=pfs.ObjectStorageEgress(url="s3://b/x"))
    world.client.pfs.create_repo(repo=pfs.Repo(name="empty"))
    with world.client.pfs.commit(branch=pfs.Branch.from_uri("empty@master")) as empty:
        pass
    with pytest.raises(grpc.RpcError, match="file / not found in repo"):
        world.client.pfs.egress(commit=empty, object_storage=pfs.ObjectStorageEgress(url=f"s3://{s3.bucket()}"))


def _raw(request: pfs.GetFileRequest):
    from trunkline.wire import pfs_pb2

    return pfs_pb2.GetFileRequest.FromString(bytes(request))
