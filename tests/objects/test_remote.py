"""A store in a bucket of a real S3 server: what it adds to the suite, and bad days of the network."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from trunkline.kernel.errors import (
    InvalidRequest,
    NotBuilt,
    ObjectMissing,
    StorageDenied,
    StorageFailed,
    StorageFull,
)
from trunkline.kernel.secrets import Secrets
from trunkline.objects import cloud, location
from trunkline.objects.bucket_failures import bucket_error
from trunkline.objects.open import open_store
from trunkline.objects.pins import Pins
from trunkline.objects.presence import at_once, head, missing
from trunkline.objects.remote import RemoteStore
from trunkline.objects.wrappers.parallel import ParallelStore
from trunkline.objects.wrappers.pinned import PinnedStore
from trunkline.objects.wrappers.retry import RetryStore
from trunkline.testing import proxy
from trunkline.testing.objects import key_of
from trunkline.testing.proxy import FaultyProxy


@pytest.fixture
def bad(s3):
    made = FaultyProxy(s3.address)
    yield made
    made.stop()


def remote(s3, **options) -> RemoteStore:
    return RemoteStore(location.parse(s3.url(**options)), s3.secrets)


def tolerant(store: RemoteStore) -> ParallelStore:
    return ParallelStore(RetryStore(store, sleep=lambda seconds: None), threads=4)


@pytest.mark.parametrize("fault", proxy.PASSING)
def test_each_operation_gets_over_each_fault(s3, bad, fault):
    silent = fault == proxy.SILENT
    store = tolerant(remote(s3, endpoint=bad.endpoint, timeout="0.5" if silent else "30"))
    bad.rule = proxy.once_each(fault)
    objects = {key_of(n): b"%d" % n * 1000 for n in range(4 if silent else 12)}
    store.put_many(objects.items())
    store.put(key_of(1), b"another")
    assert {key: store.get(key) for key in objects} == objects
    assert sorted(store.keys("chunks/")) == sorted(objects)
    assert store.has(key_of(1))
    assert not store.has(key_of(99))
    assert store.size(key_of(2)) == 1000
    store.delete(key_of(3))
    with pytest.raises(ObjectMissing, match=key_of(3)):
        store.get(key_of(3))
    bad.rule = lambda method, path: None
    assert sorted(store.keys()) == sorted(set(objects) - {key_of(3)})


@pytest.mark.parametrize("fault", [proxy.ERROR, proxy.SLOW_DOWN, proxy.CUT_BEFORE, proxy.CUT_AFTER])
def test_a_fault_that_stays_is_told_once_for_each_operation(s3, bad, fault):
    store = tolerant(remote(s3, endpoint=bad.endpoint))
    store.put(key_of(1), b"x")
    bad.rule = proxy.always(fault)
    calls = [
        lambda: store.put(key_of(2), b"y"),
        lambda: store.put_many((key_of(n), b"z") for n in range(30)),
        lambda: store.get(key_of(1)),
        lambda: store.has(key_of(1)),
        lambda: store.size(key_of(1)),
        lambda: store.delete(key_of(1)),
    ]
    for call in calls:
        with pytest.raises(StorageFailed, match=r"in s3://bucket-\w+/store: .*check the network") as caught:
            call()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400
    bad.rule = lambda method, path: None
    assert store.has(key_of(1)) or fault == proxy.CUT_AFTER


def test_no_access_is_told_at_once_and_not_asked_for_again(s3, bad):
    store = tolerant(remote(s3, endpoint=bad.endpoint))
    bad.rule = proxy.always(proxy.DENIED)
    before = bad.requests
    with pytest.raises(StorageDenied, match=r"403.*AccessDenied.*credentials") as caught:
        store.put(key_of(1), b"x")
    assert bad.requests == before + 1
    assert s3.secrets["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


def test_a_bucket_that_is_not_there_is_named(s3):
    store = RemoteStore(location.parse(f"s3://no-such-bucket/x?endpoint={s3.endpoint}"), s3.secrets)
    calls = [
        lambda: store.put(key_of(1), b"x"),
        lambda: store.get(key_of(1)),
        lambda: list(store.keys()),
        lambda: store.delete(key_of(1)),
    ]
    for call in calls:
        with pytest.raises(StorageDenied, match="s3://no-such-bucket/x: there is no such bucket"):
            call()


def test_two_writers_of_one_key_leave_one_whole_object(s3):
    url = s3.url()
    start = threading.Barrier(4)
    ends = []

    def write(mark: bytes) -> None:
        store = RemoteStore(location.parse(url), s3.secrets)
        start.wait()
        store.put(key_of(1), mark * 100_000)
        ends.append(store.get(key_of(1)))

    threads = [threading.Thread(target=write, args=(mark,)) for mark in (b"a", b"b", b"c", b"d")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(ends) == 4
    assert len(set(ends)) == 1
    assert len(ends[0]) == 100_000


def test_a_service_without_conditions_is_looked_at_first(s3):
    store = remote(s3, conditional="false")
    store.put(key_of(1), b"first")
    store.put(key_of(1), b"second")
    assert store.get(key_of(1)) == b"first"


def test_what_others_put_into_the_bucket_is_not_listed(s3):
    url = s3.url()
    store = RemoteStore(location.parse(url), s3.secrets)
    store.put(key_of(1), b"x")
    for name in ("store/tmp/half", "store/with space", "elsewhere/chunks/x", "store/chunks/.hidden"):
        s3.client.put_object(Bucket=location.parse(url).bucket, Key=name, Body=b"y")
    assert list(store.keys()) == [key_of(1)]


def test_parallel_puts_are_bounded_and_end_before_the_call_does():
    class Slow:
        def __init__(self):
            self.lock, self.now, self.most, self.done = threading.Lock(), 0, 0, 0
            self.go = threading.Barrier(3)

        def put(self, key, data):
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            self.go.wait(10)
            with self.lock:
                self.now -= 1
                self.done += 1
            if data == b"bad":
                raise StorageFull("no room")

    inner = Slow()
    store = ParallelStore(inner, threads=3)
    store.put_many((key_of(n), b"x") for n in range(12))
    assert (inner.most, inner.now, inner.done) == (3, 0, 12)
    with pytest.raises(StorageFull):
        store.put_many((key_of(n), b"bad" if n == 1 else b"x") for n in range(3))
    assert inner.now == 0


def test_retries_end_when_their_time_is_over():
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    class Broken:
        tries = 0

        def get(self, key):
            self.tries += 1
            now[0] += 2.0
            raise StorageFailed("the network")

    inner = Broken()
    store = RetryStore(inner, tries=100, limit=30.0, sleep=sleep, now=lambda: now[0])
    with pytest.raises(StorageFailed):
        store.get(key_of(1))
    assert now[0] <= 33.0
    assert 5 <= inner.tries < 20


def test_many_questions_are_asked_at_the_same_time(s3, tmp_path):
    options = {"folder": tmp_path, "cloud": s3.secrets, "cache": tmp_path / "cache"}
    store = PinnedStore(open_store(s3.url(), cache_bytes=1 << 20, **options), Pins())
    objects = {key_of(n): b"%d" % n * 100 for n in range(40)}
    store.put_many(objects.items())
    store.put("chunks/empty", b"")
    together = threading.Barrier(8)
    lengths = at_once(store, lambda key: (together.wait(30), store.size(key))[1], objects)
    assert list(lengths) == [(key, len(data)) for key, data in objects.items()]
    assert missing(store, [*objects, key_of(50), key_of(51)]) == {key_of(50), key_of(51)}
    assert head(store, key_of(12), 3) == b"121"
    store.get(key_of(12))
    assert head(store, key_of(12), 3) == b"121", "from the copy on disk"
    assert head(store, key_of(1), 500) == b"1" * 100
    assert head(store, "chunks/empty", 3) == b""
    with pytest.raises(ObjectMissing):
        head(store, key_of(50), 3)
    with pytest.raises(ObjectMissing):
        list(at_once(store, store.size, [key_of(1), key_of(50), key_of(2)]))


# -- addresses and connections --


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket", ("s3", "bucket", "", {})),
        ("s3://bucket/a/b/?region=eu-west-1", ("s3", "bucket", "a/b", {"region": "eu-west-1"})),
        ("gcs://bucket/a%20b", ("gs", "bucket", "a b", {})),
        ("wasb://box@acc0unt.blob.core.windows.net/x", ("az", "box", "x", {"account": "acc0unt"})),
        ("abfss://box@account/x", ("az", "box", "x", {"account": "account"})),
        ("azblob://box/x", ("az", "box", "x", {})),
    ],
)
def test_addresses(url, expected):
    assert tuple(location.parse(url)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/y",
        "s3:///x",
        "s3://",
        "s3://b u/x",
        "s3://bucket/a/../b",
        "s3://bucket/a//b",
        "s3://bucket/x?pw=hunter22",
        "s3://bucket/x?region=host.example/",
        "s3://bucket/x?region=",
        "az://box/x?account=host.example%23",
        "wasb://box@UPPER/x",
    ],
)
def test_addresses_that_cannot_be(url):
    with pytest.raises(InvalidRequest) as caught:
        location.parse(url)
    assert "hunter22" not in str(caught.value)


def test_an_address_with_credentials_is_refused_and_not_repeated():
    with pytest.raises(InvalidRequest, match="environment of pachd") as caught:
        location.parse("s3://bucket/x?secret_access_key=hunter22")
    assert "hunter22" not in str(caught.value)


def test_secrets_do_not_show():
    secrets = Secrets({"AWS_SECRET_ACCESS_KEY": "hunter22"})
    assert "hunter22" not in f"{secrets} {secrets!r} {[secrets]}"
    assert secrets.scrub("at hunter22!") == "at ***!"


def test_a_variable_that_the_service_refuses_is_told_without_its_value():
    place = location.parse("s3://bucket/x?timeout=soon")
    with pytest.raises(InvalidRequest, match="timeout"):
        cloud.connect(place, Secrets())
    with pytest.raises(InvalidRequest, match=r"s3://bucket cannot be opened.*AWS_") as caught:
        cloud.connect(location.parse("s3://bucket"), Secrets({"AWS_ACCESS_KEY_ID": "hunter22"}))
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        (
            "s3://bucket",
            [
                "AWS_PROFILE",
                "AWS_PAGER",
                "AWS_BUCKET",
                "AWS_REGION",
                "AWS_DEFAULT_REGION",
                "AWS_TOKEN",
                "AWS_SESSION_TOKEN",
            ],
        ),
        ("gs://bucket", ["GOOGLE_CLOUD_PROJECT", "GOOGLE_BEARER_TOKEN"]),
        (
            "az://bucket",
            ["AZURE_CONFIG_DIR", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_KEY"],
        ),
    ],
)
def test_what_else_stands_in_the_environment_does_no_harm(url, variables):
    assert cloud.connect(location.parse(url), Secrets(dict.fromkeys(variables, "aGVsbG8=")))


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(NotBuilt, match=r"trunkline\[cloud\]"):
        cloud.connect(location.parse("s3://bucket"), Secrets())


def test_a_folder_needs_no_package(tmp_path):
    code = (
        "import sys; sys.modules['obstore'] = None; from pathlib import Path;"
        "from trunkline.objects.open import store_of; from trunkline.kernel.config import load;"
        "s = store_of(load({'TRUNKLINE_HOME': sys.argv[1]}), 0); s.put('a/b', b'x'); assert s.get('a/b') == b'x'"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("status code: 503 Slow Down: <Code>SlowDown</Code>", StorageFailed, "it answered 503 Slow Down .SlowDown."),
        ("status code: 403 Forbidden: <Code>SignatureDoesNotMatch</Code>", StorageDenied, "SignatureDoesNotMatch"),
        ("status code: 507 Insufficient Storage: ", StorageFull, "make room"),
        ("status code: 400 Bad Request: <Code>AuthorizationHeaderMalformed</Code>", StorageDenied, "address"),
        ("HTTP error\n kind: Timeout,", StorageFailed, "did not answer in time"),
        ("Error performing PUT http://169.254.169.254/latest/api/token", StorageDenied, "no credentials"),
        (
            "Error performing GET https://x/y?sig=hunter22 in 2s - broken https://x/y?sig=hunter22",
            StorageFailed,
            "broken",
        ),
        ("Generic: GET http://h/x in 1ms - HTTP error: error sending request\n", StorageFailed, "no connection to it"),
        ("404: <Code>ContainerNotFound</Code>", StorageDenied, "no such bucket"),
    ],
)
def test_what_services_say(text, kind, words):
    error = bucket_error(RuntimeError(text), "read", "chunks/x", "az://box/p")
    assert type(error) is kind
    assert "az://box/p" in error.message
    assert "hunter22" not in error.message
    import re

    assert re.search(words, error.message)


# -- the cache on disk --


def test_the_cache_on_disk(s3, tmp_path):
    url = s3.url()
    seen = []
    bad = FaultyProxy(s3.address)
    bad.rule = lambda method, path: seen.append(method)
    url = url.replace(s3.endpoint, bad.endpoint)
    options = {"folder": tmp_path / "none", "cloud": s3.secrets, "cache": tmp_path / "cache"}
    one = open_store(url, cache_bytes=8_000_000, **options)
    two = open_store(url, cache_bytes=8_000_000, **options)
    objects = {key_of(n): bytes([n]) * 400_000 for n in range(30)}
    one.put_many(objects.items())
    assert two.get(key_of(0)) == objects[key_of(0)]
    seen.clear()
    assert one.get(key_of(0)) == objects[key_of(0)], "another process's copy"
    assert seen == []
    assert one.has(key_of(0))
    assert seen == ["HEAD"], "a copy proves nothing"
    copy = next(path for path in (tmp_path / "cache").rglob("chunks*"))
    copy.write_bytes(copy.read_bytes()[:-1] + b"!")
    assert one.get(key_of(0)) == objects[key_of(0)], "a rotten copy is fetched again"
    assert seen[-1] == "GET"
    for key, data in objects.items():
        assert two.get(key) == data
    size = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("chunks*"))
    assert size <= 8_000_000 * 9 // 8
    assert not list((tmp_path / "cache").glob("*.new"))
    (tmp_path / "cache").rename(tmp_path / "gone")
    (tmp_path / "cache").write_text("no folder")
    assert one.get(key_of(1)) == objects[key_of(1)], "trouble of the cache is none of the reader's"
    bad.stop()
