"""The process runtime, in both its modes, against the conformance suite of runtimes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import trunkline
from trunkline.testing.commands import run, shell
from trunkline.testing.runtimes import RuntimeSuite
from trunkline.worker.model import Environment
from trunkline.worker.runtimes.probe import probe
from trunkline.worker.runtimes.process import ProcessRuntime
from trunkline.worker.runtimes.protocol import Ended, Request, SandboxRefused

REFUSED = probe("auto")[1]


@pytest.mark.skipif(bool(REFUSED), reason=f"no namespaces on this machine: {REFUSED}")
class TestNamespace(RuntimeSuite):
    def make(self, work: Path, home: Path) -> ProcessRuntime:
        return ProcessRuntime(work, [home], "namespace")


class TestSubstitution(RuntimeSuite):
    real_pfs = False
    hides_home = False

    def make(self, work: Path, home: Path) -> ProcessRuntime:
        return ProcessRuntime(work, [home], "substitution")


@pytest.mark.skipif(os.getuid() != 0, reason="this is an ordinary user already")
def test_both_modes_as_an_ordinary_user() -> None:
    """The classes above once more, in a child that is nobody in particular."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _suite_as_an_ordinary_user(Path(folder))


def _suite_as_an_ordinary_user(own: Path) -> None:
    uid = 64321
    os.chown(own, uid, uid)
    repository = Path(__file__).parents[2]
    helper = Path(__file__).with_name("ordinary.py")
    needed = [sys.base_prefix, sys.prefix, str(repository), str(Path(trunkline.__file__).parents[1])]
    tests = [f"{__file__}::TestNamespace", f"{__file__}::TestSubstitution", f"{__file__}::TestView"]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={own}/base", "--rootdir", repository]
    done = subprocess.run(
        [sys.executable, helper, str(uid), *needed, "--", sys.executable, "-B", "-m", "pytest", *options, *tests],
        cwd=repository,
        env={"HOME": str(own), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout or REFUSED


def _environment(root: Path, files: dict[str, str]) -> Environment:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o755)
    return Environment(image="test", root=str(root))


@pytest.mark.skipif(bool(REFUSED), reason=f"no namespaces on this machine: {REFUSED}")
class TestView:
    """What user code sees in a namespace."""

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        home = tmp_path / "home, with: odd\\ name"
        (home / "scratch" / "pfs").mkdir(parents=True)
        (home / "secret").write_text("the token")
        return home

    def see(self, home: Path, environment: Environment | None, script: str) -> str:
        """What a script writes that runs in the sandbox."""
        runtime = ProcessRuntime(home / "scratch" / "view", [home], "namespace")
        sandbox = runtime.open(Request(staging=home / "scratch" / "pfs", environment=environment))
        try:
            return shell(sandbox, f"exec 2>&1; {script}")
        finally:
            sandbox.close()
            runtime.close()

    def test_an_environment_adds_names_at_every_depth(self, home: Path) -> None:
        files = {
            "top": "top",
            "new/folder/file": "new",
            "usr/share/trunkline-test/file": "deep",
            "usr/lib/trunkline-test": "lib",
            "bin/trunkline-test-tool": "#!/bin/sh\necho tool",
        }
        environment = _environment(home / "environment", files)
        (home / "environment" / "link").symlink_to("/new/folder")
        text = self.see(
            home,
            environment,
            "cat /top /new/folder/file /link/file /usr/share/trunkline-test/file /usr/lib/trunkline-test;"
            "trunkline-test-tool; ls /usr/share | wc -l; ls -d /usr/lib/os-release",
        )
        count = len(list(Path("/usr/share").iterdir()))
        assert text == f"topnewnewdeeplibtool\n{count + 1}\n/usr/lib/os-release\n"
        assert not Path("/usr/share/trunkline-test").exists()

    def test_an_environment_stands_before_the_machine(self, home: Path) -> None:
        files = {"etc/hostname": "other", "etc/passwd": "me:x:0:0::/:/bin/sh\n", "srv": "a file"}
        text = self.see(home, _environment(home / "e", files), "cat /etc/hostname /srv; ls /etc/group")
        assert text == "othera file/etc/group\n"

    def test_special_folders_are_the_machines(self, home: Path) -> None:
        files = {f"{each}/trunkline-test-x": "" for each in ("proc", "dev", "sys", "pfs")}
        text = self.see(
            home, _environment(home / "e", files), "ls -d /*/trunkline-test-x || echo none; ls /pfs; cat /dev/null"
        )
        assert text.splitlines()[-1] == "none"

    def test_environment_files_are_read_only(self, home: Path) -> None:
        files = {"top": "top", "usr/share/trunkline-test": "x", "etc/hostname": "other"}
        environment = _environment(home / "e", files)
        script = "for f in /top /usr/share/trunkline-test /etc/hostname; do echo changed > $f; done; true"
        assert self.see(home, environment, script).count("Read-only") == 3
        assert (home / "e" / "top").read_text() == "top"
        assert self.see(home, environment, f"echo changed > '{home}/e/top' || cat '{home}/e/top'").endswith("top")

    def test_shared_folders_stay_writable(self, home: Path, tmp_path: Path) -> None:
        environment = _environment(home / "e", {"tmp/trunkline-test/file": "of the environment"})
        mine = tmp_path / "mine"
        mine.mkdir()
        script = f"cat /tmp/trunkline-test/file; echo x > {mine}/file; echo y > /tmp/trunkline-test-new"
        assert self.see(home, environment, script) == "of the environment"
        assert (mine / "file").read_text() == "x\n"
        assert not Path("/tmp/trunkline-test-new").exists()

    def test_an_environment_that_holds_the_home_does_not_show_it(self, home: Path, tmp_path: Path) -> None:
        environment = _environment(tmp_path, {"visible": "visible"})
        name = home.name
        assert self.see(home, environment, f"cat /visible; ls -A '/{name}' '{home}'").split("\n")[0] == (
            f"visible/{name}:"
        )
        assert "secret" not in self.see(home, environment, f"ls -A '/{name}' '{home}'")

    def test_no_way_back_to_what_is_hidden(self, home: Path) -> None:
        script = f"""
            umount '{home}'; cat '/proc/1/root{home}/secret'; cat '/proc/self/root{home}/secret'
            mount -t tmpfs none /mnt; chroot /proc/1/root cat '{home}/secret'
            ls /proc/1/fd/; true
        """
        assert "the token" not in self.see(home, None, script)

    def test_the_machine_keeps_its_mounts(self, home: Path) -> None:
        before = Path("/proc/self/mountinfo").read_text()
        environment = _environment(home / "e", {"usr/share/trunkline-test": "x"})
        assert self.see(home, environment, "cat /proc/self/mountinfo") != before
        assert Path("/proc/self/mountinfo").read_text() == before

    def test_no_new_privileges(self, home: Path) -> None:
        text = self.see(home, None, "grep -E 'NoNewPrivs|CapBnd' /proc/self/status")
        assert "NoNewPrivs:\t1" in text
        bounding = int(text.split("CapBnd:")[1].split()[0], 16)
        assert bounding & (1 << 21 | 1 << 19 | 1 << 27) == 0  # SYS_ADMIN, SYS_PTRACE, MKNOD

    def test_user_code_has_its_own_process_ids(self, home: Path) -> None:
        pid, count = self.see(home, None, "echo $$; ls -d /proc/[0-9]* | wc -l").split()
        assert int(pid) < 100
        assert int(count) < 10

    def test_the_home_cannot_be_the_root(self, tmp_path: Path) -> None:
        with pytest.raises(SandboxRefused, match="choose a folder of its own"):
            ProcessRuntime(tmp_path / "view", [Path("/")]).open(Request(staging=tmp_path))


_NO_NAMESPACES = (
    "import sys; sys.path.append(sys.argv.pop(2)); "
    "from trunkline.worker.runtimes.runner import linux, main\n"
    "def refuse(flags): raise OSError(1, 'Operation not permitted')\n"
    "linux.unshare = refuse; main.main()"
)


_POORER = """
import sys; sys.path.append(sys.argv.pop(2))
from trunkline.worker.runtimes.runner import linux, main
mount, pivot_root = linux.mount, linux.pivot_root
def poor_mount(source, target, kind="", flags=0, data=""):
    if kind in {refused!r}:
        raise OSError(1, "Operation not permitted")
    mount(source, target, kind, flags, data)
def poor_pivot(new, old):
    if "pivot" in {refused!r}:
        raise OSError(22, "Invalid argument")
    pivot_root(new, old)
linux.mount, linux.pivot_root = poor_mount, poor_pivot
main.main()
"""


@pytest.mark.parametrize("refused", ["overlay", "proc", "pivot"])
class TestPoorerKernels(TestView):
    """The same view where the kernel refuses one of the means to it."""

    @pytest.fixture(autouse=True)
    def _poorer(self, refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trunkline.worker.runtimes.process._BOOT", _POORER.format(refused=(refused,)))

    def test_user_code_has_its_own_process_ids(self, home: Path, refused: str) -> None:
        # Without a /proc of its own, user code sees other processes, but is one of its own still.
        assert self.see(home, None, "cat /proc/self/comm") == "cat\n"


class TestRefusal:
    """Where the kernel refuses namespaces."""

    @pytest.fixture(autouse=True)
    def _refusing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trunkline.worker.runtimes.process._BOOT", _NO_NAMESPACES)

    def test_auto_falls_back_and_says_so(self, tmp_path: Path) -> None:
        runtime = ProcessRuntime(tmp_path / "view", [], "auto")
        (tmp_path / "pfs").mkdir()
        for _ in range(2):
            sandbox = runtime.open(Request(staging=tmp_path / "pfs"))
            assert sandbox.mode == "substitution"
            assert len(sandbox.warnings) == 1
            assert "Operation not permitted" in sandbox.warnings[0]
            assert run(sandbox, "ls", "/pfs") == (Ended(0), "")
            sandbox.close()

    def test_namespace_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SandboxRefused, match=r"Operation not permitted.*TRUNKLINE_ISOLATION=auto"):
            ProcessRuntime(tmp_path / "view", [], "namespace").open(Request(staging=tmp_path))

    def test_probe(self) -> None:
        mode, reason = probe("auto")
        assert mode == "substitution"
        assert "Operation not permitted" in reason
        assert probe("namespace")[0] == ""
        assert probe("substitution")[0] == "substitution"
