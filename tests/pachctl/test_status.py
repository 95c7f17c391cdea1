"""check status, and delete all: the installation as a whole."""

from __future__ import annotations

from .conftest import Pachd
from .samples import ago, pipeline, seconds
from .spaced import Real


def test_check_status(real: Real) -> None:
    assert real.ok("check status") == "PROJECT PIPELINE ALERT \n"
    assert real.ok("check status -A") == "PROJECT PIPELINE ALERT \n"
    assert real.raw("check status -A") == []
    assert 'project "nope" not found' in real.no("check status --project nope")


def test_a_pipeline_with_an_alert(pachd: Pachd) -> None:
    limits = {"late": 30, "early": 90}
    pachd.pps.pipelines = [
        pipeline(name, details={"workers_started_at": ago(60), "maximum_expected_uptime": seconds(limit)})
        for name, limit in limits.items()
    ]
    late, early = pachd.ok("list", "pipeline").splitlines()[1:]
    assert "*" in late.split()
    assert "*" not in early.split()
