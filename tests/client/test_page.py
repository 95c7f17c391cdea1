"""The page on the client runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import World

PAGE = Path(__file__).parents[2] / "docs" / "client.md"


def test_the_page(
    local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat").write_bytes(b"miaow")
    (tmp_path / "labels.csv").write_text("cat,1\n")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    exec(compile(code, str(PAGE), "exec"), {"ADDRESS": local.serving.address})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("3 ")
    assert second == "/raw/cat 5"
    assert (tmp_path / "memory").is_dir()
