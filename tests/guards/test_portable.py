"""The repository names no place of the machine that it was written on, and no host that packages came from."""

from __future__ import annotations

import re
import tomllib

import pytest
from tests.guards.repository import ROOT, files, said, texts

# Put together here, so that this file does not hold what it looks for.
PLACES = re.compile("/" + "work" + "/|/" + "opt" + "/|/" + "root" + r"/[\w.]|/Users/\w")
HOSTS = "://"
LOCKS = ("requirements.lock", "uv.lock", "poetry.lock", "package-lock.json")


def test_no_file_names_a_place_of_one_machine() -> None:
    found = [
        f"{said(path)}:{number} {line.strip()[:80]}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if PLACES.search(line)
    ]
    assert found == []


def test_lock_files_name_no_host() -> None:
    locks = [path for path in files() if path.name in LOCKS]
    assert locks
    for path in locks:
        text = texts()[path]
        assert HOSTS not in text, said(path)
        assert "--index-url" not in text, said(path)
        assert "--find-links" not in text, said(path)


def test_the_build_names_no_index() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tools = settings.get("tool", {})
    assert "index" not in tools.get("uv", {})
    assert "index-url" not in (ROOT / "Makefile").read_text().replace("--no-emit-index-url", "")


def test_every_requirement_is_locked_by_its_hash() -> None:
    text = texts()[ROOT / "requirements.lock"]
    pinned = re.findall(r"^[\w.\-\[\]]+==\S+.*?(?=^\S|\Z)", text, re.M | re.S)
    assert len(pinned) > 20
    assert [one.split()[0] for one in pinned if "--hash=sha256:" not in one] == []


@pytest.mark.parametrize("line", ["a /" + "work/x", "/" + "opt/y", "p=/" + "root/.cache"])
def test_places_are_recognised(line: str) -> None:
    assert PLACES.search(line)


@pytest.mark.parametrize("line", ["network/x", "https://host/worker", "option/", "/pfs/out", "/tmp/x", "the /root"])
def test_other_text_is_not(line: str) -> None:
    assert not PLACES.search(line)
