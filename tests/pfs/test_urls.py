"""Addresses as sources and destinations: buckets of a real S3 server, folders of the machine, the web."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pfs.house import House, add, commit_ref

from trunkline.kernel.config import Settings
from trunkline.kernel.errors import (
    Cancelled,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    Refused,
    StorageDenied,
    StorageFailed,
    TrunklineError,
)
from trunkline.kernel.secrets import Secrets
from trunkline.pfs import destinations, modify, sources, web
from trunkline.pfs.files import View
from trunkline.pfs.urls import Urls, urls_of
from trunkline.testing import proxy
from trunkline.testing.proxy import FaultyProxy

CATALOGS = ("sqlite",)

LONG = os.urandom(9_000_001)


def urls(s3, endpoint: str = "", **more) -> Urls:
    return Urls(Secrets(s3.secrets | {"AWS_ENDPOINT_URL": endpoint or s3.endpoint, "AWS_REGION": "us-east-1"}), **more)


@pytest.fixture
def data(tmp_path, s3) -> Iterator[House]:
    house = House(tmp_path)
    house.pfs.urls = urls(s3)
    house.repo("data")
    yield house
    house.close()


@pytest.fixture
def bucket(s3) -> str:
    """A bucket with a few objects, folder marks of consoles among them."""
    name = s3.bucket()
    objects = {
        "top.txt": b"top",
        "in/one.txt": b"one",
        "in/deep/two words.txt": b"two",
        "in/long": LONG,
        "inner/not.txt": b"no",
        "in/": b"",
        "in/deep/": b"",
        "in/empty": b"",
    }
    for key, body in objects.items():
        s3.client.put_object(Bucket=name, Key=key, Body=body)
    return name


def get(data: House, path: str) -> bytes:
    return data.read("data", path)


def listing(data: House) -> list[str]:
    with data.pfs.catalog.read() as tx:
        commit = modify.tx_commit(tx, commit_ref("data"))
    view = View(data.pfs.maps, data.pfs.reader, data.pfs.content(commit))
    return [node.path for node in view.walk("/") if not node.is_dir]


def put(data: House, url: str, path: str = "/f", *, recursive: bool = False, concurrency: int = 0) -> None:
    data.write("data", modify.AppendUrl(path, "", url, recursive, concurrency))


# -- sources --------------------------------------------------------------------------------------------


def test_one_object(data, bucket):
    put(data, f"s3://{bucket}/in/one.txt")
    put(data, f"s3://{bucket}/in/deep/two%20words.txt")
    assert get(data, "/f") == b"onetwo", "an address is appended"
    put(data, f"s3://{bucket}/in/long", "/long")
    assert get(data, "/long") == LONG
    put(data, f"s3://{bucket}/in/empty", "/empty")
    assert get(data, "/empty") == b""


@pytest.mark.parametrize("concurrency", [0, 1, 3, 4000])
def test_everything_below(data, bucket, concurrency):
    put(data, f"s3://{bucket}/in", "/to", recursive=True, concurrency=concurrency)
    assert listing(data) == ["/to/deep/two words.txt", "/to/empty", "/to/long", "/to/one.txt"]
    assert get(data, "/to/long") == LONG
    assert get(data, "/to/deep/two words.txt") == b"two"


@pytest.mark.parametrize(("to", "tag", "one"), [("/to", "", "/to/one.txt"), ("/", "of nothing", "/one.txt")])
def test_everything_below_again(data, bucket, s3, to, tag, one):
    """Who overwrites deletes the path first. Files that are not there any more stay, as those of a folder do."""
    data.write("data", add("/own", "mine"))
    everything = modify.AppendUrl(to, "", f"s3://{bucket}/in", recursive=True)
    data.write("data", everything)
    data.write("data", everything)
    assert get(data, one) == b"oneone", "nothing was deleted"
    s3.client.put_object(Bucket=bucket, Key="in/one.txt", Body=b"changed")
    s3.client.delete_object(Bucket=bucket, Key="in/empty")
    data.write("data", modify.Delete(to, tag), everything)
    assert get(data, one) == b"changed"
    assert get(data, "/own") == b"mine"
    assert one.replace("one.txt", "empty") in listing(data)


def test_a_whole_bucket_to_the_root(data, bucket):
    put(data, f"s3://{bucket}/", "/", recursive=True)
    assert "/inner/not.txt" in listing(data)
    assert "/top.txt" in listing(data)


def test_recursive_on_one_object_is_that_object(data, bucket):
    put(data, f"s3://{bucket}/in/one.txt", "/x", recursive=True)
    assert listing(data) == ["/x"]


def test_many_small_objects_keep_their_names(data, s3):
    name = s3.bucket()
    for number in range(60):
        s3.client.put_object(Bucket=name, Key=f"a/{number:03}", Body=b"%d" % number)
    put(data, f"s3://{name}/a", "/a", recursive=True)
    assert [get(data, path) for path in listing(data)] == [b"%d" % number for number in range(60)]


@pytest.mark.parametrize(
    ("path", "recursive", "kind", "words"),
    [
        ("nothing", False, Refused, 'error retrieving content from "s3://.*/nothing": no such object; give -r'),
        ("in", False, Refused, "no such object; give -r"),
    ],
)
def test_what_is_not_there(data, bucket, path, recursive, kind, words):
    with pytest.raises(kind, match=words):
        data.write("data", add("/a", "1"), modify.AppendUrl("/f", "", f"s3://{bucket}/{path}", recursive))
    with pytest.raises(NotFound):
        get(data, "/a")


def test_a_name_that_no_file_can_have_stops_all_of_it(data, s3):
    name = s3.bucket()
    s3.client.put_object(Bucket=name, Key="a/1", Body=b"x")
    s3.client.put_object(Bucket=name, Key="a/b\u200bc", Body=b"x")
    with pytest.raises(TrunklineError, match="b"):
        put(data, f"s3://{name}/a", "/a", recursive=True)
    with pytest.raises(NotFound):
        get(data, "/a/1")


@pytest.mark.parametrize("fault", [proxy.SLOW_DOWN, proxy.CUT_BEFORE, proxy.SHORT])
def test_sources_get_over_faults_that_pass(data, s3, bucket, fault):
    bad = FaultyProxy(s3.address)
    bad.rule = proxy.once_each(fault)
    data.pfs.urls = urls(s3, bad.endpoint)
    put(data, f"s3://{bucket}/in", "/to", recursive=True)
    assert get(data, "/to/long") == LONG
    assert get(data, "/to/one.txt") == b"one"
    bad.stop()


def test_an_object_that_cannot_be_read_leaves_nothing(data, s3, bucket):
    bad = FaultyProxy(s3.address)
    bad.rule = proxy.always(proxy.DENIED, lambda method, path: path.endswith("one.txt"))
    data.pfs.urls = urls(s3, bad.endpoint)
    with pytest.raises(StorageDenied, match="cannot read in/one.txt in s3://bucket"):
        data.write("data", add("/a", "1"), modify.AppendUrl("/f", "", f"s3://{bucket}/in", True))
    with pytest.raises(NotFound):
        get(data, "/a")
    bad.stop()


def test_a_caller_who_goes_away_ends_it(data, bucket):
    asked = iter([True, True])
    with pytest.raises(Cancelled):
        modify.write(
            data.pfs,
            commit_ref("data"),
            [modify.AppendUrl("/f", "", f"s3://{bucket}/in", True)],
            lambda: next(asked, False),
        )


def test_what_is_fetched_ahead_is_bounded_and_ends_with_its_reader(s3):
    name = s3.bucket()
    for number in range(40):
        s3.client.put_object(Bucket=name, Key=f"a/{number:03}", Body=b"x")
    bad = FaultyProxy(s3.address)
    files = sources.fetch(urls(s3, bad.endpoint), f"s3://{name}/a", True, 4)
    next(files)
    files.close()
    assert bad.requests <= 8
    assert not [each for each in threading.enumerate() if each.name.startswith("source")]
    bad.stop()


# -- the machine ----------------------------------------------------------------------------------------


@pytest.fixture
def folder(data, tmp_path) -> Path:
    made = tmp_path / "open"
    (made / "sub").mkdir(parents=True)
    (made / "a.txt").write_bytes(b"a")
    (made / "sub" / "b%.txt").write_bytes(b"b")
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "secret").write_bytes(b"s")
    data.pfs.urls = data.pfs.urls._replace(folders=[made])
    return made


def test_files_of_the_machine(data, folder):
    put(data, f"file://{folder}/a.txt")
    put(data, f"file://{folder}/sub/b%25.txt")
    assert get(data, "/f") == b"ab"
    put(data, f"file://{folder}", "/all", recursive=True)
    assert listing(data) == ["/all/a.txt", "/all/sub/b%.txt", "/f"]
    put(data, f"file://{folder}/a.txt", "/g", recursive=True)
    assert get(data, "/g") == b"a"


def test_nothing_leads_out_of_the_folder(data, folder, tmp_path):
    (folder / "link").symlink_to(tmp_path / "closed" / "secret")
    (folder / "way").symlink_to(tmp_path / "closed")
    os.mkfifo(folder / "sub" / "pipe")
    for url, kind in {
        f"file://{tmp_path}/closed/secret": PermissionDenied,
        f"file://{folder}er/secret": PermissionDenied,
        f"file://{folder}/../closed/secret": InvalidRequest,
        f"file://{folder}/%2e%2e/closed/secret": InvalidRequest,
        f"file://{folder}/link": Refused,
        f"file://{folder}/way/secret": Refused,
        f"file://{folder}/sub/pipe": Refused,
        f"file://{folder}/sub": Refused,
        f"file://{folder}/nothing": NotFound,
        "file://elsewhere/etc/passwd": InvalidRequest,
        "file:///etc/passwd": PermissionDenied,
    }.items():
        with pytest.raises(kind):
            put(data, url)
    for url in (f"file://{folder}", f"file://{folder}/sub", f"file://{folder}/way"):
        with pytest.raises(Refused, match="link"):
            put(data, url, "/all", recursive=True)


# -- the web --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "own_machine", "refused"),
    [
        ("169.254.169.254", True, True),
        ("::ffff:169.254.169.254", True, True),
        ("fe80::1%eth0", True, True),
        ("fd00:ec2::254", True, True),
        ("127.0.0.1", True, False),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("10.0.0.5", False, False),
        ("93.184.216.34", False, False),
    ],
)
def test_whom_pachd_asks(address, own_machine, refused):
    assert bool(web.forbidden(address, own_machine)) is refused


def test_a_pachd_that_serves_others_does_not_ask_its_own_machine(s3, tmp_path):
    with pytest.raises(Refused, match="pachd's own machine"):
        b"".join(web.fetch(f"{s3.endpoint}/", own_machine=False))
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="page", Body=b"text", ACL="public-read")
    assert b"".join(web.fetch(f"{s3.endpoint}/{bucket}/page", own_machine=True)) == b"text"
    assert urls_of(Settings(home=tmp_path)).own_machine
    assert not urls_of(Settings(home=tmp_path, host="0.0.0.0")).own_machine


# -- destinations ---------------------------------------------------------------------------------------


def view_of(data: House) -> View:
    with data.pfs.catalog.read() as tx:
        commit = modify.tx_commit(tx, commit_ref("data"))
    return View(data.pfs.maps, data.pfs.reader, data.pfs.content(commit))


def objects(s3, bucket: str) -> dict[str, bytes]:
    found = s3.client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: s3.client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found}


@pytest.fixture
def filled(data) -> View:
    data.write("data", add("/a", "1"), add("/d/long", LONG), add("/d/e/b c", ""), add("/d/ü", "x"))
    return view_of(data)


FILES = {"a": b"1", "d/long": LONG, "d/e/b c": b"", "d/ü": b"x"}


def test_files_are_written_below_the_address(data, filled, s3):
    name = s3.bucket()
    s3.client.put_object(Bucket=name, Key="out/dir/a", Body=b"old")
    written = destinations.write(data.pfs.urls, f"s3://{name}/out/dir", filled, filled.walk("/"))
    assert written == len(LONG) + 2
    assert objects(s3, name) == {f"out/dir/{path}": body for path, body in FILES.items()}
    name = s3.bucket()
    destinations.write(data.pfs.urls, f"s3://{name}", filled, filled.walk("/"))
    assert objects(s3, name) == FILES


@pytest.mark.parametrize("fault", [proxy.SLOW_DOWN, proxy.CUT_BEFORE, proxy.CUT_AFTER])
def test_destinations_get_over_faults_that_pass(data, filled, s3, fault):
    bad = FaultyProxy(s3.address)
    bad.rule = proxy.once_each(fault)
    name = s3.bucket()
    destinations.write(urls(s3, bad.endpoint), f"s3://{name}", filled, filled.walk("/"))
    assert objects(s3, name) == FILES
    bad.stop()


def test_a_file_that_cannot_be_written_is_named_and_not_there_in_part(data, filled, s3):
    bad = FaultyProxy(s3.address)
    name = s3.bucket()
    bad.rule = proxy.always(proxy.DENIED, lambda method, path: "partNumber=2" in path)
    with pytest.raises(StorageFailed, match="cannot write d/long in s3://bucket"):
        destinations.write(urls(s3, bad.endpoint), f"s3://{name}", filled, filled.walk("/"))
    assert "d/long" not in objects(s3, name)
    bad.stop()


def test_content_that_is_missing_is_told_and_nothing_of_the_file_is_written(data, filled, s3):
    name = s3.bucket()
    for key in list(data.store.keys("chunks/")):
        data.store.delete(key)
    data.pfs.reader._cache._held.clear()
    with pytest.raises(TrunklineError, match="is missing"):
        destinations.write(data.pfs.urls, f"s3://{name}", filled, iter([filled.find("/d/long")]))
    assert objects(s3, name) == {}


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("http://host/x", InvalidRequest, "unrecognized object store: http"),
        ("file:///tmp/x", InvalidRequest, "unrecognized object store: file"),
        ("ftp://host/x", InvalidRequest, "unrecognized object store: ftp"),
        ("s3://own/store/sub", PermissionDenied, "keeps its data"),
        ("s3://own", PermissionDenied, "keeps its data"),
        ("s3://nobody-made-this/x", StorageDenied, "no such bucket"),
    ],
)
def test_where_pachd_does_not_write(data, filled, s3, url, kind, words):
    with pytest.raises(kind, match=words):
        destinations.write(urls(s3, store="s3://own/store"), url, filled, filled.walk("/"))


def test_pachds_own_store_is_no_source(s3):
    with pytest.raises(PermissionDenied, match="keeps its data"):
        next(sources.fetch(urls(s3, store="s3://own/store"), "s3://own/store/chunks", True))
    assert urls(s3, store="s3://own/store").bucket("s3://own/storage")[1].path == "storage"
