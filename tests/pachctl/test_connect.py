"""Which server is used: addresses, the configuration file, the order of the two; and errors of calls."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from trunkline.client.address import parse
from trunkline.kernel import errors
from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.pachctl import config
from trunkline.wire import pfs_pb2_grpc

from .conftest import Pachd, invoke


@pytest.mark.parametrize(
    ("text", "qualified"),
    [
        ("localhost", "grpc://localhost:30650"),
        ("localhost:31400", "grpc://localhost:31400"),
        ("0.0.0.0:30650", "grpc://0.0.0.0:30650"),
        ("grpc://h", "grpc://h:30650"),
        ("grpcs://h:443/", "grpcs://h:443"),
        ("http://h", "grpc://h:30650"),
        ("https://h:1", "grpcs://h:1"),
        ("[::1]:5", "grpc://[::1]:5"),
        ("GRPC://H", "grpc://h:30650"),
        ("unix:///run/x.sock", "unix:///run/x.sock"),
    ],
)
def test_addresses(text: str, qualified: str) -> None:
    assert str(parse(text)) == qualified
    assert parse(qualified) == parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ftp://h", "unrecognized scheme in pachd address: ftp"),
        ("grpc://h/path", "pachd address should not include a path"),
        ("grpc://u:p@h", "pachd address should not include login credentials"),
        ("h?x=1", "pachd address should not include a query string"),
        ("h#x", "pachd address should not include a fragment"),
        ("h:port", 'could not parse pachd address "grpc://h:port": '),
        ("h:99999", 'could not parse pachd address "grpc://h:99999": '),
        (":30650", 'could not parse pachd address "grpc://:30650": no host'),
        ("unix://x", 'could not parse pachd address "unix://x": give an absolute path'),
    ],
)
def test_bad_addresses(text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(text)
    assert str(caught.value).startswith(message)


def test_where_the_configuration_lies(tmp_path: Path) -> None:
    inside = tmp_path / "config.json"
    assert config.config_path({"PACH_CONFIG": "/x/c.json"}, inside) == Path("/x/c.json")
    assert config.config_path({"HOME": "/h"}, inside) == Path("/h/.pachyderm/config.json")
    inside.write_text("")
    assert config.config_path({"HOME": "/h"}, inside) == inside


V2 = {
    "user_id": "u",
    "v2": {
        "active_context": "prod",
        "contexts": {
            "prod": {
                "pachd_address": "grpcs://prod:1",
                "session_token": "t",
                "server_cas": base64.b64encode(b"PEM").decode(),
            },
            "dev": {"source": 1, "pachd_address": "dev:2"},
        },
    },
}


def context(tmp_path: Path, content: object, **environ: str) -> config.Context:
    """The active context of a file with this content."""
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return config.active_context(environ, path)


def test_contexts(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    assert context(tmp_path, V2)[:5] == ("prod", "grpcs://prod:1", b"PEM", "t", path)
    assert context(tmp_path, V2, PACH_CONTEXT="dev")[:5] == ("dev", "dev:2", b"", "", path)
    with pytest.raises(NotFound, match=r"^context does not exist: nope$"):
        context(tmp_path, V2, PACH_CONTEXT="nope")


def test_the_first_form_of_the_file(tmp_path: Path) -> None:
    old = {"user_id": "u", "v1": {"pachd_address": "old:3", "session_token": "t"}}
    assert context(tmp_path, old)[:4] == ("default", "old:3", b"", "t")
    assert context(tmp_path, old, PACH_CONTEXT="default").pachd_address == "old:3"


@pytest.mark.parametrize("content", [None, "", " \n", {}, {"v2": {}}, {"v2": {"active_context": "default"}}])
def test_a_file_without_an_address(tmp_path: Path, content: object) -> None:
    found = context(tmp_path, content)
    assert (found.name, found.pachd_address) == ("default", "")
    assert (tmp_path / "config.json").exists() == (content is not None), "reading never writes"


@pytest.mark.parametrize(
    "content", ["{", "[]", {"v2": {"contexts": []}}, {"v2": {"active_context": "a", "contexts": {"a": 1}}}]
)
def test_a_damaged_file(tmp_path: Path, content: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        context(tmp_path, content)
    assert str(caught.value).startswith(f'could not parse config json at "{tmp_path}/config.json"')


def test_bad_certificates(tmp_path: Path) -> None:
    bad = {"v2": {"active_context": "a", "contexts": {"a": {"pachd_address": "x", "server_cas": "!"}}}}
    with pytest.raises(InvalidRequest, match="server_cas of context a is not base64"):
        context(tmp_path, bad)
    missing = invoke(["list-repo"], {"PACHD_ADDRESS": "grpcs://127.0.0.1:1", "PACH_CA_CERTS": "/no", "HOME": "/h"})
    assert (missing.code, missing.err) == (2, "cannot read PACH_CA_CERTS /no: No such file or directory\n")


def test_the_order(pachd: Pachd, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(V2))
    file = {"PACH_CONFIG": str(tmp_path / "config.json"), "PACH_CONTEXT": "dev"}
    right, wrong = pachd.address, "127.0.0.1:1"
    for environ in (
        {"PACHD_ADDRESS": right, "ADDRESS": wrong, **file},
        {"ADDRESS": right, **file},
    ):
        result = invoke(["inspect-cluster", "-v"], environ)
        assert (result.code, result.out) == (0, "c0ffee\n")
        assert f"using grpc://{right} ({next(iter(environ))})" in result.err
    nobody = invoke(["list-repo", "-v"], {**file, "HOME": "/h"})
    assert f"using grpc://dev:2 (context dev in {tmp_path}/config.json)" in nobody.err


def test_the_token_of_the_context_is_sent(tmp_path: Path) -> None:
    seen: list[dict] = []

    class Pfs(pfs_pb2_grpc.APIServicer):
        def ListRepo(self, request, context):
            seen.append(dict(context.invocation_metadata()))
            yield from ()

    server = grpc.server(ThreadPoolExecutor(1))
    pfs_pb2_grpc.add_APIServicer_to_server(Pfs(), server)
    server.add_insecure_port(f"unix:{tmp_path}/s")
    server.start()
    contexts = {"a": {"pachd_address": f"unix://{tmp_path}/s", "session_token": "secret"}}
    (tmp_path / "c").write_text(json.dumps({"v2": {"active_context": "a", "contexts": contexts}}))
    assert invoke(["list-repo"], {"PACH_CONFIG": str(tmp_path / "c")}).code == 0
    server.stop(None)
    assert seen[0]["authn-token"] == "secret"


def test_nobody_answers() -> None:
    result = invoke(["list-repo"], {"PACHD_ADDRESS": "localhost:1", "HOME": "/h"})
    assert (result.code, result.out) == (8, "")
    assert result.err == "no pachd answers at localhost:1: start it, or correct the address (PACHD_ADDRESS)\n"


def test_version_prints_its_own_line_first() -> None:
    result = invoke(["version"], {"PACHD_ADDRESS": "localhost:1", "HOME": "/h"})
    assert result.code == 8
    assert result.out.splitlines()[1].split() == ["pachctl", "2.11.6"]
    assert result.err.count("\n") == 1
    alone = invoke(["version", "--client-only"], {"PACHD_ADDRESS": "localhost:1"})
    assert (alone.code, alone.out) == (0, result.out)


def test_a_configured_server_is_not_started_from_here() -> None:
    result = invoke(["start-pachd"], {"PACHD_ADDRESS": "localhost:1", "HOME": "/h"})
    assert result.err == ("pachd at grpc://localhost:1 is configured (PACHD_ADDRESS): it is not started from here\n")


def test_a_configured_server_can_be_stopped(pachd: Pachd) -> None:
    calls: list[int] = []
    pachd.state.on_shutdown = lambda: calls.append(1)
    assert pachd.ok("stop-pachd") == f"stopped pachd at {pachd.address}\n"
    assert calls == [1]
    assert "Version: 0.1.0\n" in pachd.ok("pachd-status")


@pytest.mark.parametrize(
    ("status", "metadata", "text", "code"),
    [
        ("UNKNOWN", (), "cannot do that", 1),
        ("INVALID_ARGUMENT", (), "validate request: x", 2),
        ("FAILED_PRECONDITION", (), "first do y", 1),
        ("NOT_FOUND", (), "nope", 4),
        ("ALREADY_EXISTS", (), "there", 5),
        ("UNIMPLEMENTED", (), "not built", 6),
        ("INTERNAL", (), "cycle", 1),
        ("PERMISSION_DENIED", (), "no", 1),
        ("ABORTED", (), "again", 7),
        ("UNAVAILABLE", (), "commit x not finished", 7),
        ("UNAVAILABLE", (("trunkline-error", errors.StorageFailed.code),), "cannot read", 10),
        ("UNAVAILABLE", (("trunkline-error", "from the future"),), "commit x not finished", 7),
        ("RESOURCE_EXHAUSTED", (), "no space left", 10),
        ("RESOURCE_EXHAUSTED", (), "Received message larger than max", 2),
        ("DATA_LOSS", (), "chunk altered", 11),
        ("CANCELLED", (), "shutting down", 9),
        ("DEADLINE_EXCEEDED", (), "too late", 7),
    ],
)
def test_exit_codes_follow_the_status(pachd: Pachd, status: str, metadata: tuple, text: str, code: int) -> None:
    def refuse(name: str, context) -> None:
        context.set_trailing_metadata(metadata)
        context.abort(getattr(grpc.StatusCode, status), f"\n{text}\nand more")

    pachd.pfs._repo = refuse
    result = pachd.run("inspect-repo", "x")
    assert (result.code, result.out, result.err) == (code, "", f"{text}\n")


def test_a_server_that_breaks_still_gives_one_line(pachd: Pachd) -> None:
    pachd.pfs._repo = None
    result = pachd.run("inspect-repo", "x")
    assert (result.code, result.err.count("\n")) == (1, 1)


def test_debug_shows_where(pachd: Pachd) -> None:
    pachd.environ["TRUNKLINE_DEBUG"] = "1"
    assert "Traceback" in pachd.run("inspect-repo", "x").err


def test_inspect_cluster_prints_warnings(pachd: Pachd) -> None:
    pachd.admin.warnings = ["WARNING: old"]
    result = pachd.run("inspect-cluster")
    assert (result.out, result.err) == ("c0ffee\n", "WARNING: old\n")


def test_fsck(pachd: Pachd) -> None:
    assert pachd.ok("fsck") == "No errors found.\n"
    pachd.pfs.problems = ["a", "b"]
    assert pachd.run("fsck")[:3] == (11, "Error: a\nError: b\n", "fsck found 2 problems\n")


def test_environments(pachd: Pachd, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    root = str(tmp_path / "root")
    pachd.ok("create-environment", "img", "--root", root, "--env", "A=1", "--env", "B=x=y", "--path", root)
    again = pachd.run("create-environment", "img")
    assert (again.code, again.err) == (5, "environment img already exists\n")
    assert pachd.ok("list-environment").splitlines()[1].split() == ["img", root, root, "A=1", "B=x=y", "-"]
    pachd.ok("create-environment", "img", "--update")
    assert pachd.ok("list-environment").splitlines()[1].split() == ["img", "-", "-", "-", "-"]
    assert '"image": "img"' in pachd.ok("list-environment", "--raw")
    pachd.ok("delete-environment", "img")
    assert pachd.run("delete-environment", "img").code == 4
    bad = pachd.run("create-environment", "img", "--env", "A")
    assert (bad.code, bad.err) == (2, 'invalid variable "A": give NAME=VALUE\n')
    assert pachd.run("create-environment", "").code == 2


def pachctl(pachd: Pachd, *words: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen:
    """pachctl as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "trunkline.pachctl", *words],
        env={**pachd.environ, "PATH": os.environ["PATH"]},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_an_interrupt_ends_quietly(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    pachd.pfs.add_commit("data", {})

    gone = threading.Event()

    def wait(context) -> None:
        context.add_callback(gone.set)
        gone.wait(10)

    pachd.pfs.follow = wait
    process = pachctl(pachd, "subscribe-commit", "data", "master")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_reader_that_goes_away_is_no_error(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    pachd.pfs.add_commit("data", {f"/{number:06}": b"" for number in range(20_000)})
    process = pachctl(pachd, "list-file", "data", "master")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=20) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_an_interrupted_put_ends_quietly(pachd: Pachd) -> None:
    pachd.ok("create-repo", "data")
    process = pachctl(pachd, "put-file", "data", "master", "p", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"Reading from stdin.\n"
    process.stdin.write(b"half")
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    out, err = process.communicate()
    assert (out, err) == (b"", b"")
