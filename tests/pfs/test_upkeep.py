"""What the file system does by itself goes on where something is in its way."""

from __future__ import annotations

import pytest
from tests.pfs.house import House, add

from trunkline.kernel.errors import Refused
from trunkline.pfs import filesets
from trunkline.pfs.change import Change
from trunkline.pfs.triggers import Trigger
from trunkline.pfs.upkeep import Upkeep


def test_a_trigger_that_cannot_fire_stops_nothing_else(house: House) -> None:
    house.repo("data", "out")
    house.branch("data")
    house.branch("data@t", trigger=Trigger("master", all=True))
    house.branch("out", "data@t")
    house.finish("out")
    house.settle()
    filesets.create(house.pfs, [], 1)
    made = house.write("data", add("/f", "1"))
    house.clock.advance(2)

    def refuse(change: Change) -> None:
        if change.created:
            raise Refused("no commits today")

    house.pfs.hooks.append(refuse)
    upkeep = Upkeep(house.pfs)
    with pytest.raises(Refused, match="no commits today"):
        upkeep.step()
    with house.catalog.read() as tx:
        assert tx.row("SELECT id FROM file_sets") is None
    house.pfs.hooks.clear()
    while upkeep.step():
        pass
    assert house.commit("data@t").id == made.id
