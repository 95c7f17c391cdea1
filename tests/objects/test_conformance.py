"""Every object store and every wrapper passes the suite; a store without a test here fails the guard."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import trunkline.objects
from trunkline.objects import location
from trunkline.objects.local import LocalStore
from trunkline.objects.memory import MemoryStore
from trunkline.objects.pins import Pins
from trunkline.objects.protocol import ObjectStore
from trunkline.objects.remote import RemoteStore
from trunkline.objects.wrappers.disk import DiskCachedStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.objects.wrappers.parallel import ParallelStore
from trunkline.objects.wrappers.pinned import PinnedStore
from trunkline.objects.wrappers.retry import RetryStore
from trunkline.objects.wrappers.scratch import ScratchStore
from trunkline.testing.objects import FaultyStore, ObjectStoreSuite


class TestLocalStore(ObjectStoreSuite):
    implementation = LocalStore

    @pytest.fixture
    def store(self, tmp_path):
        return LocalStore(tmp_path / "store")


class TestMemoryStore(ObjectStoreSuite):
    implementation = MemoryStore

    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestDiskCachedStore(ObjectStoreSuite):
    implementation = DiskCachedStore

    @pytest.fixture
    def store(self, tmp_path):
        return DiskCachedStore(MemoryStore(), tmp_path / "cache", 64 << 20)


class TestParallelStore(ObjectStoreSuite):
    implementation = ParallelStore

    @pytest.fixture
    def store(self):
        return ParallelStore(MemoryStore())


class TestRemoteStore(ObjectStoreSuite):
    """Over S3; `make stores` runs the same over Google Cloud Storage and Azure."""

    implementation = RemoteStore

    @pytest.fixture
    def store(self, s3):
        return RemoteStore(location.parse(s3.url()), s3.secrets)


class TestMeteredStore(ObjectStoreSuite):
    implementation = MeteredStore

    @pytest.fixture
    def store(self):
        return MeteredStore(MemoryStore())


class TestRetryStore(ObjectStoreSuite):
    implementation = RetryStore

    @pytest.fixture
    def store(self):
        return RetryStore(MemoryStore())


class TestScratchStore(ObjectStoreSuite):
    implementation = ScratchStore

    @pytest.fixture
    def store(self):
        return ScratchStore(MemoryStore())


class TestPinnedStore(ObjectStoreSuite):
    implementation = PinnedStore

    @pytest.fixture
    def store(self, tmp_path):
        return PinnedStore(LocalStore(tmp_path / "store"), Pins())


class TestFaultyStore(ObjectStoreSuite):
    implementation = FaultyStore

    @pytest.fixture
    def store(self):
        return FaultyStore(MemoryStore())


def implementations() -> set[type]:
    found = set()
    for info in pkgutil.walk_packages(trunkline.objects.__path__, "trunkline.objects."):
        module = importlib.import_module(info.name)
        for _, each in inspect.getmembers(module, inspect.isclass):
            if each.__module__ == info.name and each is not ObjectStore and issubclass(each, ObjectStore):
                found.add(each)
    return found


def test_no_store_without_a_conformance_test():
    tested = {suite.implementation for suite in ObjectStoreSuite.__subclasses__()}
    assert implementations() - tested == set()
    assert LocalStore in implementations()
