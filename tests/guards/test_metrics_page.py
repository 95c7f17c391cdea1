"""The page of metrics names what pachd shows, with its labels, and nothing else."""

from __future__ import annotations

import re

from tests.guards.repository import ROOT

import trunkline.pachd.daemon  # noqa: F401 - with it come all modules that count
from trunkline.kernel import meters
from trunkline.pachd.gauges import STORE, gauges

ROW = re.compile(r"^\| (trunkline_\w+) \| ([\w, ]*)\|", re.MULTILINE)


def test_the_page_names_every_series() -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    told = {name: tuple(filter(None, labels.strip().split(", "))) for name, labels in ROW.findall(page)}
    assert told == {name: tuple(labels) for name, labels in _made()}
    assert len(meters.METERS) == len({meter.name for meter in meters.METERS})


def _made() -> list[tuple[str, tuple[str, ...]]]:
    nothing: object = None  # what is looked up is not asked here
    found = [(gauge.name, gauge.labels) for gauge in gauges(*[nothing] * 5)]  # type: ignore[arg-type]
    for meter in meters.METERS:
        suffix = "_total" if isinstance(meter, meters.Counter) else ""
        found.append((meter.name + suffix, meter.labels))
    return found + [(f"trunkline_store_{field}_total", ("operation",)) for field in STORE]
