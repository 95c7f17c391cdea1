"""Secrets in both grammars, against a real pachd."""

from __future__ import annotations

import json
from pathlib import Path

from .spaced import Real

MANIFEST = json.dumps({"kind": "Secret", "metadata": {"name": "creds"}, "stringData": {"token": "hush-hush"}})


def test_secrets(real: Real, tmp_path: Path) -> None:
    assert real.ok("list secret") == "NAME TYPE CREATED \n"
    file = tmp_path / "creds.json"
    file.write_text(MANIFEST)
    assert real.ok(f"create secret -f {file}") == ""
    assert real.ok("list secrets") == "NAME  TYPE   CREATED                \ncreds Opaque Less than a second ago \n"
    assert real.ok("inspect secret creds") == "Name: creds\nType: Opaque\nCreated: Less than a second ago\n"
    assert real.raw("inspect secret creds")[0]["secret"] == {"name": "creds"}
    assert "hush" not in real.ok("list secret --raw")
    assert 'failed to create secret: secrets "creds" already exists' in real.no(f"create secret -f {file}")
    assert real.ok("delete secret creds") == ""
    assert 'failed to get secret: secrets "creds" not found' in real.no("delete secret creds")
    assert "nowhere.json doesn't exist" in real.no("create secret -f nowhere.json")


def test_secrets_with_hyphens(real: Real) -> None:
    assert real.ok("create-secret", stdin=MANIFEST.encode()) == ""
    assert real.ok("list-secret").splitlines()[1].split()[:2] == ["creds", "Opaque"]
    assert json.loads(real.ok("inspect-secret creds --raw"))["type"] == "Opaque"
    assert real.ok("delete-secret creds") == ""
    result = real.run("inspect-secret creds")
    assert (result.code, result.out) == (4, "")
    result = real.run("create-secret", stdin=b"hush-hush")
    assert "failed to unmarshal secret: " in result.err
    assert "hush" not in result.err
