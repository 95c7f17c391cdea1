"""Every catalog passes the suite; one without a test here fails the guard."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sqlite3

import psycopg
import pytest

import trunkline.catalog
from trunkline.catalog import SqliteCatalog
from trunkline.catalog.postgres import PostgresCatalog
from trunkline.testing.catalog import CatalogSuite

CATALOGS = ("sqlite",)  # it says itself what it is about


class TestSqliteCatalog(CatalogSuite):
    implementation = SqliteCatalog
    broken_rule = sqlite3.IntegrityError

    @pytest.fixture
    def catalog(self, tmp_path):
        self.path = tmp_path / "catalog.db"
        made = self.again()
        yield made
        made.close()

    def again(self):
        return SqliteCatalog(self.path)


class TestPostgresCatalog(CatalogSuite):
    implementation = PostgresCatalog
    broken_rule = psycopg.IntegrityError

    @pytest.fixture
    def catalog(self, databases, tmp_path):
        self.dsn = databases.dsn(tmp_path)
        made = self.again()
        yield made
        made.close()
        databases.clean(tmp_path)

    def again(self):
        return PostgresCatalog(self.dsn)


def test_every_catalog_is_tested() -> None:
    tested = {suite.implementation for suite in CatalogSuite.__subclasses__()}
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(trunkline.catalog.__path__, "trunkline.catalog.")
    ]
    made = {
        value
        for module in modules
        for name, value in vars(module).items()
        if inspect.isclass(value) and name.endswith("Catalog") and name != "Catalog"
    }
    assert made == tested
