"""Version, cluster, login, licence: what clients ask before they begin, and how an answer of `no` must look."""

from __future__ import annotations

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.errors import AuthServiceNotActivated
from tests.api.serving import Serving

from trunkline.kernel.version import VERSION


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
