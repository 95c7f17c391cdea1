"""Where files of secrets may appear in a view, and that nothing of the machine is changed by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.testing.commands import run, shell
from trunkline.worker.runtimes.probe import probe
from trunkline.worker.runtimes.process import ProcessRuntime
from trunkline.worker.runtimes.protocol import Request, SandboxRefused, SecretFiles

REFUSED = probe("auto")[1]
pytestmark = pytest.mark.skipif(bool(REFUSED), reason=f"no namespaces on this machine: {REFUSED}")


@pytest.fixture
def open_with(tmp_path: Path):
    home = tmp_path / "home"
    (home / "pfs").mkdir(parents=True)
    runtime = ProcessRuntime(home / "view", [home], "namespace")
    opened = []

    def open_(**files: bytes):
        secrets = SecretFiles({name.replace("__", "/"): content for name, content in files.items()})
        opened.append(runtime.open(Request(staging=home / "pfs", secrets=secrets)))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()
    runtime.close()


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def test_a_new_folder_in_a_folder_of_the_machine(open_with) -> None:
    before = names(Path("/etc"))
    sandbox = open_with(__etc__creds__key=b"k")
    assert shell(sandbox, "cat /etc/creds/key") == "k"
    assert set(shell(sandbox, "ls -A /etc").split()) == before | {"creds"}
    assert shell(sandbox, "cat /etc/passwd") == Path("/etc/passwd").read_text()
    assert names(Path("/etc")) == before


def test_a_folder_that_is_there_is_covered(open_with, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "own").write_text("machine's")
    sandbox = open_with(**{str(folder / "key"): b"k"})
    assert shell(sandbox, f"ls -A {folder}").split() == ["key"]
    assert names(folder) == {"own"}


def test_behind_a_link(open_with, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    sandbox = open_with(**{str(tmp_path / "link" / "creds" / "key"): b"k"})
    assert shell(sandbox, f"cat {tmp_path}/real/creds/key") == "k"
    assert not names(tmp_path / "real")


def test_they_cannot_be_changed(open_with) -> None:
    sandbox = open_with(__creds__key=b"k")
    for attempt in ("echo x > /creds/key", "rm -f /creds/key", "touch /creds/new"):
        assert run(sandbox, "sh", "-c", attempt)[0].code != 0, attempt
    assert shell(sandbox, "cat /creds/key") == "k"


@pytest.mark.parametrize("folder", ["file", "to-pfs"])
def test_where_there_is_no_place(open_with, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "to-pfs").symlink_to("/pfs")
    with pytest.raises(SandboxRefused, match=r"secrets cannot be mounted at .*: choose another mount_path") as caught:
        open_with(**{str(tmp_path / folder / "key"): b"hush-hush"})
    assert "hush" not in str(caught.value)
    assert shell(open_with(), "echo fine") == "fine\n", "the runtime does not give namespaces up for that"
