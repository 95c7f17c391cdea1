"""Settings from the environment: safe defaults, and one line for what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.kernel import config
from trunkline.kernel.errors import InvalidRequest


def test_defaults_need_nothing_and_listen_on_loopback() -> None:
    settings = config.load({"HOME": "/home/ada"})
    assert settings.home == Path("/home/ada/.trunkline")
    assert (settings.host, settings.port) == ("127.0.0.1", 30650)
    assert settings.max_workers >= 2
    assert settings.isolation == "auto"
    for path in (settings.catalog_path, settings.store_path, settings.logs_path, settings.scratch_path):
        assert settings.home in path.parents


def test_every_variable_is_read() -> None:
    settings = config.load(
        {
            "TRUNKLINE_HOME": "/srv/trunkline",
            "TRUNKLINE_HOST": "0.0.0.0",
            "TRUNKLINE_PORT": "0",
            "TRUNKLINE_MAX_WORKERS": "7",
            "TRUNKLINE_LEASE_SECONDS": "3",
            "TRUNKLINE_LOG_LEVEL": "DEBUG",
            "TRUNKLINE_CATALOG": "postgresql://user:s3cr3t@host/db",
            "TRUNKLINE_ISOLATION": "substitution",
        }
    )
    assert settings == config.Settings(
        home=Path("/srv/trunkline"),
        host="0.0.0.0",
        port=0,
        max_workers=7,
        lease_seconds=3.0,
        log_level="debug",
        catalog="postgresql://user:s3cr3t@host/db",
        isolation="substitution",
    )


def test_a_password_is_shown_by_nobody() -> None:
    settings = config.load({"TRUNKLINE_HOME": "/srv", "TRUNKLINE_CATALOG": "postgresql://user:s3cr3t@host/db"})
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUNKLINE_PORT", "http"),
        ("TRUNKLINE_PORT", "-1"),
        ("TRUNKLINE_PORT", "65536"),
        ("TRUNKLINE_MAX_WORKERS", "0"),
        ("TRUNKLINE_LEASE_SECONDS", "1.5"),
        ("TRUNKLINE_ISOLATION", "docker"),
        ("TRUNKLINE_LOG_LEVEL", "loud"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        config.load({name: value, "HOME": "/"})
    assert name in error.value.message
    assert value in error.value.message
    assert "give" in error.value.message


def test_an_empty_number_is_an_unset_one() -> None:
    assert config.load({"TRUNKLINE_PORT": "", "HOME": "/"}).port == 30650
