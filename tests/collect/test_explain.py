"""Why things are kept; and that the collector knows every root."""

from __future__ import annotations

import pytest
from tests.pfs.house import House, add, gone

from trunkline.catalog import SqliteCatalog
from trunkline.pfs import filesets
from trunkline.pfs.collect.explain import Explainer
from trunkline.pfs.collect.roots import FILE_SETS, HEADS, OLDER, OPEN

from .test_collector import modify_layers, noise

ROOTS = {"commits.root", "layers.delta", "file_set_layers.delta", "jobs.datums", "job_indexes.root", "outcomes.outputs"}
OTHERS = {
    "layers.removed", "file_set_layers.removed", "cache_entries.content", "transaction_steps.request",
    "transaction_steps.response", "outcomes.hash", "outcomes.datum", "troubled_datums.datum", "secrets.sealed",
}  # fmt: skip


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()


def test_every_column_that_may_hold_a_root_is_known(house):
    """A column of bytes that is new must be followed by the collector, or be named here as none of its business."""
    query = (
        "SELECT tables.name || '.' || columns.name AS name FROM sqlite_master AS tables, "
        "pragma_table_info(tables.name) AS columns WHERE tables.type = 'table' AND upper(columns.type) = 'BLOB'"
    )
    if not isinstance(house.catalog, SqliteCatalog):
        query = "SELECT table_name || '.' || column_name AS name FROM information_schema.columns "
        query += "WHERE table_schema = 'public' AND data_type = 'bytea'"
    with house.catalog.read() as tx:
        columns = {row["name"] for row in tx.rows(query)}
    assert columns == ROOTS | OTHERS


def test_shares_by_reason(house):
    house.repo("data")
    house.write("data@master", add("/kept", noise(1)), add("/old", noise(2, 600_000)))
    house.write("data@master", gone("/old"))
    house.start("data@next")
    house.write("data@next", add("/open", noise(3)))
    filesets.create(house.pfs, modify_layers(house, add("/set", noise(4))))
    shares = {share.reason: share for share in Explainer(house.pfs).shares(lambda kept: kept.reason)}
    assert set(shares) == {HEADS, OLDER, OPEN, FILE_SETS}
    assert shares[OLDER].kept.objects == 2
    assert shares[OLDER].only.bytes > 600_000
    assert shares[HEADS].only.objects == 0
    assert shares[OPEN].only.objects == 1
    assert shares[FILE_SETS].only.bytes > 30_000


def test_shares_of_one_thing(house):
    house.repo("data", "other")
    house.write("data@master", add("/a", noise(1)), add("/b", noise(2, 600_000)))
    house.write("other@master", add("/a", noise(2, 600_000)))
    (share,) = Explainer(house.pfs).shares(lambda kept: "data" if kept.repo == "default/data" else None)
    assert (share.reason, share.kept.objects, share.only.objects) == ("data", 2, 1)
    assert Explainer(house.pfs).shares(lambda kept: None) == []


def test_who_keeps_a_chunk_or_a_node(house):
    house.repo("data", "other")
    first = house.write("data@master", add("/a", noise(1, 600_000)))
    second = house.write("data@master", *(add(f"/{n}", str(n)) for n in range(2000)))
    chunk = next(key for key in house.store.keys("chunks/") if house.store.size(key) > 500_000)
    names, count = Explainer(house.pfs).keepers(bytes.fromhex(chunk.rpartition("/")[2]))
    assert count == 2
    assert names == [f"{first} (older commits)", f"{second} (heads of branches)"]
    node = next(house.pfs.maps.nodes(house.pfs.content(second)))
    assert Explainer(house.pfs).keepers(bytes.fromhex(node.rpartition("/")[2])) == ([names[1]], 1)
    assert Explainer(house.pfs).keepers(bytes(32)) == ([], 0)
