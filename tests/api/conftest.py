from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from tests.api.serving import Serving


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """A server with nothing in it; whatever a test did to it, it is sound in the end."""
    made = Serving(tmp_path)
    yield made
    assert made.problems() == []
    made.stop()


@pytest.fixture
def client(serving: Serving) -> Client:
    """The official SDK, talking to the server."""
    return serving.client
