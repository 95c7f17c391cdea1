"""Version, cluster, health, reflection, metadata, and what the services say that are not built."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as alpha
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from pachyderm_sdk import Client, api
from pachyderm_sdk.api import admin, enterprise, identity, metadata, pfs
from pachyderm_sdk.api import license as licence
from pachyderm_sdk.config import ConfigFile, Context
from pachyderm_sdk.errors import AuthServiceNotActivated
from scripts import compatibility
from tests.compat.place import Place, refused

from trunkline.wire import reflection_pb2, reflection_pb2_grpc
from trunkline.wire.health_pb2 import HealthCheckRequest, HealthCheckResponse
from trunkline.wire.health_pb2_grpc import HealthStub

PUBLIC = {
    "admin_v2.API",
    "auth_v2.API",
    "enterprise_v2.API",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "identity_v2.API",
    "license_v2.API",
    "metadata.API",
    "pfs_v2.API",
    "pps_v2.API",
    "storage.Fileset",
    "transaction_v2.API",
    "versionpb_v2.API",
}


@pytest.fixture
def channel(address: str):
    with grpc.insecure_channel(address) as opened:
        yield opened


def test_version(client: Client) -> None:
    version = client.get_version()
    assert (version.major, version.minor, version.micro) == (2, 11, 6)


def test_inspect_cluster(client: Client) -> None:
    found = client.admin.inspect_cluster()
    assert isinstance(found, admin.ClusterInfo)
    assert found.id == found.deployment_id == client.admin.inspect_cluster().id
    assert len(found.id) == 32
    assert found.warnings_ok
    assert not found.paused


# -- metadata -------------------------------------------------------------------------------------------


def test_edit_metadata(data: Place) -> None:
    data.put(f=b"1")
    add = metadata.EditAddKey(key="owner", value="ada")
    data.client.metadata.edit_metadata(
        edits=[
            metadata.Edit(project=data.project.as_picker(), add_key=add),
            metadata.Edit(repo=data.repo().as_picker(), add_key=add),
            metadata.Edit(branch=data.branch().as_picker(), add_key=add),
            metadata.Edit(commit=data.commit().as_picker(), add_key=add),
        ]
    )
    assert data.pfs.inspect_project(project=data.project).metadata == {"owner": "ada"}
    assert data.pfs.inspect_repo(repo=data.repo()).metadata == {"owner": "ada"}
    assert data.pfs.inspect_branch(branch=data.branch()).metadata == {"owner": "ada"}
    assert data.pfs.inspect_commit(commit=data.commit()).metadata == {"owner": "ada"}
    repo = data.repo().as_picker()
    with refused("FAILED_PRECONDITION", 'add_key target key "owner" already exists; use edit_key instead'):
        data.client.metadata.edit_metadata(edits=[metadata.Edit(repo=repo, add_key=add)])
    data.client.metadata.edit_metadata(
        edits=[
            metadata.Edit(repo=repo, replace=metadata.EditReplace(replacement={"a": "1", "b": "2"})),
            metadata.Edit(repo=repo, edit_key=metadata.EditEditKey(key="a", value="3")),
            metadata.Edit(repo=repo, delete_key=metadata.EditDeleteKey(key="b")),
            metadata.Edit(repo=repo, delete_key=metadata.EditDeleteKey(key="nope")),
        ]
    )
    assert data.pfs.inspect_repo(repo=data.repo()).metadata == {"a": "3"}
    with refused("INVALID_ARGUMENT"):
        data.client.metadata.edit_metadata(edits=[metadata.Edit(repo=repo)])
    with refused("UNKNOWN", "apply edits: edit #0: repo .* not found"):
        data.client.metadata.edit_metadata(edits=[metadata.Edit(repo=data.repo("nope").as_picker(), add_key=add)])


# -- health and reflection ------------------------------------------------------------------------------


def test_health(channel: grpc.Channel) -> None:
    health = HealthStub(channel)
    for name in ("", *PUBLIC):
        assert health.Check(HealthCheckRequest(service=name)).status == HealthCheckResponse.SERVING
    with refused("NOT_FOUND", "unknown service nope"):
        health.Check(HealthCheckRequest(service="nope"))


def test_health_watch(channel: grpc.Channel) -> None:
    stream = HealthStub(channel).Watch(HealthCheckRequest(service="pfs_v2.API"))
    assert next(stream).status == HealthCheckResponse.SERVING
    stream.cancel()


def test_reflection_v1alpha(channel: grpc.Channel) -> None:
    told = ProtoReflectionDescriptorDatabase(channel)
    assert set(told.get_services()) == PUBLIC
    file = told.FindFileContainingSymbol("pfs_v2.API")
    assert "ModifyFile" in {method.name for method in file.service[0].method}
    assert told.FindFileByName(file.dependency[0]).name == file.dependency[0]


def test_reflection_v1(channel: grpc.Channel) -> None:
    ask = reflection_pb2.ServerReflectionRequest
    questions = [
        ask(list_services="*"),
        ask(file_containing_symbol="storage.Fileset"),
        ask(file_by_filename="nope.proto"),
        ask(),
    ]
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    services, symbol, unknown, empty = stub.ServerReflectionInfo(iter(questions))
    assert {one.name for one in services.list_services_response.service} == PUBLIC
    files = [FileDescriptorProto.FromString(one) for one in symbol.file_descriptor_response.file_descriptor_proto]
    assert "storage" in {file.package for file in files}
    assert unknown.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert unknown.original_request == questions[2]
    assert empty.error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert alpha.DESCRIPTOR.package == "grpc.reflection.v1alpha"


# -- what is not built ----------------------------------------------------------------------------------


def calls(stub: Any) -> dict[str, Any]:
    """Every call of a stub of the SDK that needs no argument."""
    made = {}
    for name, method in inspect.getmembers(stub, inspect.ismethod):
        if not name.startswith("_") and all(
            one.default is not inspect.Parameter.empty for one in inspect.signature(method).parameters.values()
        ):
            made[name] = method
    return made


def consume(answer: Any) -> None:
    if inspect.isgenerator(answer):
        list(answer)


def test_login_is_not_activated(client: Client) -> None:
    for stub in (client.auth, client.identity):
        offered = calls(stub)
        assert len(offered) > 10
        for call in offered.values():
            with pytest.raises(AuthServiceNotActivated, match=r"^the auth service is not activated$"):
                consume(call())
    for stub in (client.pfs, client.pps):
        with pytest.raises(AuthServiceNotActivated):
            stub.activate_auth()
    assert identity.ApiStub


def test_nothing_needs_a_licence(client: Client) -> None:
    assert client.enterprise.get_state().state == enterprise.State.NONE
    assert client.enterprise.get_activation_code().activation_code == ""
    assert client.enterprise.pause_status().status == enterprise.PauseStatusResponsePauseStatus.UNPAUSED
    for call in ("activate", "heartbeat", "deactivate", "pause", "unpause"):
        with refused("UNIMPLEMENTED", "nothing needs one"):
            getattr(client.enterprise, call)()
    assert client.license.get_activation_code().state == enterprise.State.NONE
    assert client.license.list_clusters().clusters == []
    assert client.license.list_user_clusters().clusters == []
    assert client.license.delete_all() == licence.DeleteAllResponse()
    for call in ("activate", "add_cluster", "delete_cluster", "update_cluster", "heartbeat"):
        with refused("UNIMPLEMENTED", "nothing needs one"):
            getattr(client.license, call)()


@pytest.mark.parametrize(
    ("stub", "words"),
    [
        ("debug", r"debug_v2\.Debug\.\w+ is not built: "),
        ("logs", r"logs\.API\.\w+ is not built: "),
        ("pjs", r"pjs\.API\.\w+ is not built: "),
        ("snapshot", r"^unknown service snapshot\.API$"),
    ],
)
def test_services_that_are_not_built_say_so(client: Client, stub: str, words: str) -> None:
    for name, call in calls(getattr(client, stub)).items():
        if name in ("dump_v2", "get_dump_v2_template"):  # the SDK's own code around a call
            continue
        with refused("UNIMPLEMENTED", words):
            consume(call())


def test_calls_that_nobody_offers(client: Client, channel: grpc.Channel) -> None:
    with refused("UNIMPLEMENTED", r"^admin_v2\.API\.RestartPachyderm is not built yet: "):
        client.admin.restart_pachyderm()
    with refused("UNIMPLEMENTED", r"^unknown method Frobnicate for service pfs_v2\.API$"):
        channel.unary_unary("/pfs_v2.API/Frobnicate")(b"")
    with refused("UNIMPLEMENTED", r"^unknown service nope\.API$"):
        list(channel.stream_stream("/nope.API/Call")(iter([b"", b""])))


def test_every_service_of_the_sdk_is_known_here(address: str) -> None:
    """Whatever the SDK can call has an answer that says what is the matter."""
    root = Path(api.__file__).parent
    seen = set()
    with grpc.insecure_channel(address) as channel:
        for file in root.glob("*/__init__.py"):
            for line in file.read_text().splitlines():
                if line.strip().startswith('"/') and line.strip().endswith('",'):
                    seen.add(line.strip().strip('",'))
        assert len(seen) > 190
        for path in sorted(seen):
            _, service, method = path.split("/")
            if service in PUBLIC:
                assert method in compatibility.rpcs(service)
                continue
            with refused("UNIMPLEMENTED", "is not built: |^unknown service (snapshot.API|pachyderm.worker.Worker)$"):
                channel.unary_unary(path)(b"")


# -- finding the server ---------------------------------------------------------------------------------


def test_a_client_from_a_config_file_or_an_address(address: str, tmp_path: Path) -> None:
    context = Context(source=0, pachd_address=f"grpc://{address}", project="default")
    config = ConfigFile.new_with_context("here", context)
    config.write(tmp_path / "config.json")
    assert json.loads((tmp_path / "config.json").read_text())["v2"]["active_context"] == "here"
    assert Client.from_config(tmp_path / "config.json").get_version().major == 2
    assert Client.from_pachd_address(address).get_version().major == 2
    with pytest.raises(ConnectionError, match="Could not connect"):
        Client(host="127.0.0.1", port=1).get_version()


def test_a_token_of_somebody_is_ignored_while_nobody_logs_in(address: str) -> None:
    host, _, port = address.rpartition(":")
    assert Client(host=host, port=int(port), auth_token="x" * 32).pfs.project_exists(pfs.Project(name="default"))
