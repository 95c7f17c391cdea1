"""The store in a bucket of Google Cloud Storage and of Azure; run by `make stores`, which fetches the servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts import stores

from trunkline.kernel.errors import StorageDenied
from trunkline.objects import location
from trunkline.objects.remote import RemoteStore
from trunkline.testing.emulators import AzureServer, GcsServer
from trunkline.testing.objects import ObjectStoreSuite, key_of

pytestmark = pytest.mark.stores

SERVERS = {"gs": (GcsServer, stores.GCS), "az": (AzureServer, stores.AZURE)}


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tmp_path_factory):
    kind, program = SERVERS[request.param]
    assert Path(program).exists(), f"{program} is missing: run make stores"
    made = kind(program, tmp_path_factory.mktemp("server"))
    yield made
    made.stop()


class TestRemoteStoreElsewhere(ObjectStoreSuite):
    implementation = RemoteStore

    @pytest.fixture
    def store(self, server):
        return RemoteStore(location.parse(server.url()), server.secrets)


def test_a_bucket_that_is_not_there_is_named(server):
    place = location.parse(server.url())
    store = RemoteStore(place._replace(bucket="nobody-made-this"), server.secrets)
    with pytest.raises(StorageDenied, match="nobody-made-this/store: there is no such bucket"):
        store.put(key_of(1), b"x")
