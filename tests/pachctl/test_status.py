"""check status, and delete all: the installation as a whole."""

from __future__ import annotations

from .spaced import Real


def test_check_status(real: Real) -> None:
    assert real.ok("check status") == "PROJECT PIPELINE ALERT \n"
    assert real.ok("check status -A") == "PROJECT PIPELINE ALERT \n"
    assert real.raw("check status -A") == []
    assert 'project "nope" not found' in real.no("check status --project nope")
