"""What the tests run on: the header names the real components, so that nothing is left out in silence."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from hypothesis import settings

from trunkline.catalog import SqliteCatalog
from trunkline.kernel.version import VERSION
from trunkline.testing import catalogs
from trunkline.testing.buckets import S3Server
from trunkline.testing.catalogs import Databases, RepeatingCatalog
from trunkline.testing.postgres import programs
from trunkline.worker.runtimes.probe import probe

# In CI the same examples each time, so that a change is judged by what it changed; elsewhere new ones, to find more.
settings.register_profile("house", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "house")


CATALOGS = ("sqlite", "postgresql")
REPEATED = "repeated"
"""Not a catalog of its own: SQLite, with each change run twice."""

BOTH = ("tests/pfs/", "tests/api/", "tests/crash/")
"""Folders whose tests run on every catalog; modules that say `CATALOGS` run on those that they name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--catalogs",
        default="usual",
        help="catalogs to test on: sqlite, postgresql, both, usual (both where it tells something), or repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts what it runs in the background with interrupts ignored, and so would be what the tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test once for each catalog that it is to run on."""
    kinds = _kinds(metafunc.config, metafunc.definition)
    if "catalog_kind" in metafunc.fixturenames and kinds != ("sqlite",):
        metafunc.parametrize("catalog_kind", kinds, indirect=True, scope="module")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out, and says so, tests that cannot run on the one catalog that was asked for."""
    unable = [item for item in items if not _kinds(config, item)]
    config.hook.pytest_deselected(items=unable)
    items[:] = [item for item in items if item not in set(unable)]


def _kinds(config: pytest.Config, test: pytest.Item | pytest.Function) -> tuple[str, ...]:
    wanted = config.getoption("--catalogs")
    path = test.path.relative_to(config.rootpath).as_posix()
    able: tuple[str, ...] = getattr(getattr(test, "module", None), "CATALOGS", CATALOGS)
    if wanted == REPEATED:
        return (REPEATED,) if able == CATALOGS else ()
    if wanted == "usual":
        return tuple(kind for kind in able if kind == "sqlite" or path.startswith(BOTH))
    return able if wanted == "both" else tuple(kind for kind in able if kind == wanted)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Databases on a PostgreSQL server of this process's own."""
    made = Databases()
    yield made
    made.close()


@pytest.fixture(autouse=True, scope="module")
def catalog_kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kind of catalog that the worlds of these tests stand on."""
    kind = getattr(request, "param", "sqlite")
    if kind != "postgresql":
        catalogs.use(RepeatingCatalog if kind == REPEATED else SqliteCatalog)
        yield kind
        return
    databases: Databases = request.getfixturevalue("databases")
    catalogs.use(databases.open, databases.dsn)
    yield kind
    databases.clean()


@pytest.fixture(autouse=True)
def used_again(request: pytest.FixtureRequest, catalog_kind: str) -> Iterator[None]:
    """Empties the databases of worlds in a test's own folder when the test is over."""
    if catalog_kind != "postgresql" or "tmp_path" not in request.fixturenames:
        yield
        return
    databases, folder = request.getfixturevalue("databases"), request.getfixturevalue("tmp_path")
    yield
    databases.clean(folder)


def pytest_report_header() -> list[str]:
    """The components that are real here, each with its version."""
    mode, why = probe("auto")
    postgres = programs().parent.name.removeprefix("pginstall")
    who = "root" if os.geteuid() == 0 else "an ordinary user"
    return [
        f"trunkline {VERSION} on Python {sys.version.split()[0]}, as {who}, {os.cpu_count()} processors",
        f"real: SQLite {sqlite3.sqlite_version}, PostgreSQL {postgres}, local object store, "
        f"gRPC {version('grpcio')} on loopback, pachyderm-sdk {version('pachyderm-sdk')}, "
        f"worker processes, S3 by moto {version('moto')}",
        f"user code sees /pfs by: {mode or 'nothing'}{f' ({why})' if why else ''}",
    ]


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server, shared by the tests of one process; each makes buckets of its own."""
    server = S3Server()
    yield server
    server.stop()
