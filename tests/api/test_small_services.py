"""Version, cluster, login, licence: what clients ask before they begin, and how an answer of `no` must look."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.errors import AuthServiceNotActivated
from tests.api.serving import Serving

from trunkline.kernel.version import VERSION
from trunkline.wire import admin_pb2, admin_pb2_grpc, health_pb2, health_pb2_grpc, pfs_pb2, version_pb2


def test_the_version_is_that_of_the_api(client: Client) -> None:
    version = client.get_version()
    assert (version.major, version.minor, version.micro) == (2, 11, 6)
    assert VERSION in version.additional


def test_a_client_sees_that_there_is_no_login(client: Client) -> None:
    with pytest.raises(AuthServiceNotActivated, match="the auth service is not activated"):
        client.auth.who_am_i()
    with pytest.raises(AuthServiceNotActivated):
        client.auth.activate(root_token="x")


def test_a_cluster_has_an_id_that_stays(client: Client, serving: Serving) -> None:
    first, second = client.admin.inspect_cluster(), client.admin.inspect_cluster()
    assert len(first.id) == 32
    assert first.id == second.id == first.deployment_id


def test_nothing_needs_a_licence(client: Client) -> None:
    from pachyderm_sdk.api import enterprise

    assert client.enterprise.get_state().state == enterprise.State.NONE


def test_a_server_that_is_not_there_is_a_connection_error(serving: Serving) -> None:
    host, _, port = serving.address.rpartition(":")
    gone = Client(host=host, port=1)
    with pytest.raises(ConnectionError, match="Could not connect"):
        gone.get_version()
    assert Client(host=host, port=int(port)).get_version().major == 2


def inspect_cluster(serving: Serving, **fields: Any) -> admin_pb2.ClusterInfo:
    """As the command line of the original asks; the SDK sends no version."""
    return admin_pb2_grpc.APIStub(serving.channel).InspectCluster(admin_pb2.InspectClusterRequest(**fields))


# -- versions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client_version", "text"),
    [
        (None, "did not send its version"),
        (version_pb2.Version(major=2, minor=11, micro=0), ""),
        (version_pb2.Version(major=2, minor=11, micro=9, additional="+build"), ""),
        (version_pb2.Version(major=2, minor=10, micro=6), "much older"),
        (version_pb2.Version(major=1, minor=13, micro=6), "much older"),
        (version_pb2.Version(major=2, minor=12, micro=0), "much newer"),
        (version_pb2.Version(major=2, minor=11, micro=6, additional="-rc.1"), "pre-release"),
        (version_pb2.Version(), ""),
        (version_pb2.Version(major=0, minor=0, micro=0, additional="-dev"), ""),
    ],
)
def test_warnings_about_versions(serving: Serving, client_version: version_pb2.Version | None, text: str) -> None:
    info = inspect_cluster(serving, client_version=client_version)
    assert info.warnings_ok
    if not text:
        assert list(info.warnings) == []
        return
    (warning,) = info.warnings
    assert warning.startswith("WARNING: ")
    assert text in warning


def test_a_project_that_is_not_there_is_warned_of(serving: Serving) -> None:
    same = version_pb2.Version(major=2, minor=11, micro=6)
    here, nope = pfs_pb2.Project(name="default"), pfs_pb2.Project(name="nope")
    assert inspect_cluster(serving, client_version=same, current_project=here).warnings == []
    (warning,) = inspect_cluster(serving, client_version=same, current_project=nope).warnings
    assert warning.startswith('WARNING: Could not inspect project "nope": project "nope" not found')


# -- health ---------------------------------------------------------------------------------------------


def test_health(serving: Serving) -> None:
    health = health_pb2_grpc.HealthStub(serving.channel)
    for name in ("", "pfs_v2.API", "pps_v2.API", "metadata.API"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as unknown:
        health.Check(health_pb2.HealthCheckRequest(service="nope"))
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND


def test_who_watches_the_health_is_told_of_the_end(serving: Serving) -> None:
    health = health_pb2_grpc.HealthStub(serving.channel)
    watching = health.Watch(health_pb2.HealthCheckRequest())
    unknown = health.Watch(health_pb2.HealthCheckRequest(service="nope"))
    assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
    assert next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    unknown.cancel()
    serving.catalog.watch.close()
    assert [one.status for one in watching] == [health_pb2.HealthCheckResponse.NOT_SERVING]
