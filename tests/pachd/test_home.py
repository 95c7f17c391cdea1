"""The folder of a pachd: for its user only, even where it was there before."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from trunkline.catalog import SqliteCatalog
from trunkline.kernel.config import Settings
from trunkline.kernel.errors import AlreadyRunning
from trunkline.pachd.home import Home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_others_cannot_read_what_is_in_a_home_that_was_there_before(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    settings = Settings(home=tmp_path)
    home = Home(settings)
    catalog = SqliteCatalog(settings.catalog_path)
    try:
        for folder in (settings.store_path, settings.logs_path, settings.run_path):
            assert mode(folder) == 0o700, folder
        files = sorted(tmp_path.glob("catalog.db*"))
        assert len(files) == 3
        assert [oct(mode(file)) for file in files] == ["0o600"] * 3
    finally:
        catalog.close()
        home.release()


def test_a_home_has_one_pachd(tmp_path: Path) -> None:
    home = Home(Settings(home=tmp_path))
    with pytest.raises(AlreadyRunning, match="stop-pachd"):
        Home(Settings(home=tmp_path))
    home.release()
    Home(Settings(home=tmp_path)).release()
