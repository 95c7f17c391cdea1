"""Secrets by the official SDK, and user code that is given them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pps
from tests.compat.place import Place, refused


@pytest.fixture(autouse=True)
def tidy(client: Client) -> Iterator[None]:
    yield
    client.pps.delete_pipelines(all=True)


def send(client: Client, file: bytes) -> None:
    """A file as it is; the SDK's own method makes one of names and values."""
    super(type(client.pps), client.pps).create_secret(file=file)


@pytest.fixture
def creds(client: Client) -> Iterator[pps.Secret]:
    """A secret with a token and a password, deleted in the end."""
    secret = pps.Secret(name=f"creds-{uuid.uuid4().hex[:8]}")
    client.pps.create_secret(name=secret.name, data={"token": "hush-hush", "password": b"pa ss\n"})
    yield secret
    client.pps.delete_secret(secret=secret)


def names(client: Client) -> list[str]:
    return [one.secret.name for one in client.pps.list_secret().secret_info]


def test_create_secret(client: Client, creds: pps.Secret) -> None:
    with refused("ALREADY_EXISTS", f'failed to create secret: secrets "{creds.name}" already exists'):
        client.pps.create_secret(name=creds.name, data={})
    with refused("INVALID_ARGUMENT", "^failed to unmarshal secret: "):
        send(client, b"hush-hush")
    with refused("UNKNOWN", "^invalid suite label set on secret: suite=other$"):
        client.pps.create_secret(name="x", data={}, labels={"suite": "other"})
    send(
        client, json.dumps({"metadata": {"name": "y"}, "type": "kubernetes.io/tls", "stringData": {"a": "b"}}).encode()
    )
    assert client.pps.inspect_secret(secret=pps.Secret(name="y")).type == "kubernetes.io/tls"
    client.pps.delete_secret(secret=pps.Secret(name="y"))


def test_inspect_secret(client: Client, creds: pps.Secret) -> None:
    info = client.pps.inspect_secret(secret=creds)
    assert (info.secret.name, info.type) == (creds.name, "Opaque")
    assert info.creation_timestamp
    assert "hush" not in str(info)
    with refused("NOT_FOUND", '^failed to get secret: secrets "nope" not found$'):
        client.pps.inspect_secret(secret=pps.Secret(name="nope"))
    with refused("INVALID_ARGUMENT", "secret: value is required"):
        client.pps.inspect_secret()


def test_list_secret(client: Client, creds: pps.Secret) -> None:
    assert creds.name in names(client)
    assert names(client) == sorted(names(client))
    assert "hush" not in str(client.pps.list_secret())


def test_delete_secret(client: Client) -> None:
    client.pps.create_secret(name="short-lived", data={"a": "1"})
    client.pps.delete_secret(secret=pps.Secret(name="short-lived"))
    assert "short-lived" not in names(client)
    with refused("NOT_FOUND", 'secrets "short-lived" not found'):
        client.pps.delete_secret(secret=pps.Secret(name="short-lived"))


def create(place: Place, name: str, cmd: str, *mounts: pps.SecretMount) -> pps.Pipeline:
    pipeline = pps.Pipeline(name=name, project=place.project)
    place.client.pps.create_pipeline(
        pipeline=pipeline,
        transform=pps.Transform(cmd=["sh"], stdin=[cmd], secrets=list(mounts)),
        input=pps.Input(pfs=pps.PfsInput(project=place.project.name, repo="data", glob="/*")),
    )
    return pipeline


def test_user_code_is_given_what_its_pipeline_names(data: Place, creds: pps.Secret) -> None:
    stub = data.client.pps
    given = create(
        data,
        "given",
        'cd /pfs/out; printf %s "$TOKEN" > variable; cat /creds/* > files; cp /pfs/.env env; ulimit -c > core',
        pps.SecretMount(name=creds.name, key="token", env_var="TOKEN"),
        pps.SecretMount(name=creds.name, mount_path="/creds"),
    )
    other = create(data, "other", 'printf "%s" "$TOKEN" > /pfs/out/variable; ls /creds > /pfs/out/files || true')
    made = data.put(f=b"1")
    for pipeline in (given, other):
        assert stub.inspect_job(job=pps.Job(pipeline=pipeline, id=made), wait=True).state == pps.JobState.JOB_SUCCESS
    assert data.read("given@master:/variable") == b"hush-hush"
    assert data.read("given@master:/files") == b"pa ss\nhush-hush"
    assert b"hush" not in data.read("given@master:/env"), "a file is kept, an environment is not"
    assert data.read("given@master:/core") == b"0\n", "no dump of memory"
    assert data.read("other@master:/variable") == b""
    assert data.read("other@master:/files") == b""
    info = stub.inspect_pipeline(pipeline=given, details=True)
    assert [one.env_var for one in info.details.transform.secrets] == ["TOKEN", ""]
    assert "hush" not in str(info) + "".join(one.message for one in stub.get_logs(pipeline=given))


def test_a_changed_secret_reaches_the_next_datum_and_changes_no_result(data: Place) -> None:
    stub, secret = data.client.pps, pps.Secret(name=f"changing-{uuid.uuid4().hex[:8]}")
    stub.create_secret(name=secret.name, data={"k": "old"})
    mount = pps.SecretMount(name=secret.name, key="k", env_var="K")
    pipeline = create(data, "told", 'for f in /pfs/data/*; do printf %s "$K" > /pfs/out/${f##*/}; done', mount)
    made = data.put(a=b"1")
    stub.inspect_job(job=pps.Job(pipeline=pipeline, id=made), wait=True)
    stub.delete_secret(secret=secret)
    stub.create_secret(name=secret.name, data={"k": "new"})
    made = data.put(b=b"2")
    job = stub.inspect_job(job=pps.Job(pipeline=pipeline, id=made), wait=True)
    assert (job.data_processed, job.data_skipped) == (1, 1)
    assert data.read("told@master:/b") == b"new"
    stub.delete_secret(secret=secret)


def test_a_missing_secret(data: Place, creds: pps.Secret) -> None:
    stub = data.client.pps
    with refused("FAILED_PRECONDITION", '^missing Kubernetes secret "nope": make it with pachctl create secret'):
        create(data, "a", "true", pps.SecretMount(name="nope", mount_path="/creds"))
    with refused("FAILED_PRECONDITION", f'^missing Kubernetes secret "{creds.name}" key "nope": '):
        create(data, "a", "true", pps.SecretMount(name=creds.name, key="nope", env_var="X"))
    with refused("UNKNOWN", "has env_var set but is missing key"):
        create(data, "a", "true", pps.SecretMount(name=creds.name, env_var="X"))
    gone = f"gone-{uuid.uuid4().hex[:8]}"
    stub.create_secret(name=gone, data={"k": "1"})
    pipeline = create(data, "a", "true", pps.SecretMount(name=gone, mount_path="/creds"))
    stub.delete_secret(secret=pps.Secret(name=gone))
    made = data.put(f=b"1")
    job = stub.inspect_job(job=pps.Job(pipeline=pipeline, id=made), wait=True)
    assert job.state == pps.JobState.JOB_FAILURE
    assert job.reason.startswith(f'missing Kubernetes secret "{gone}"')
    info = stub.inspect_pipeline(pipeline=pipeline)
    assert info.state == pps.PipelineState.PIPELINE_FAILURE
    assert info.reason == job.reason
