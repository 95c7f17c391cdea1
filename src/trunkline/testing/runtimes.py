"""The conformance suite of runtimes: what user code may rely on, whatever runs it.

Every runtime inherits `RuntimeSuite` in its tests and says in a few attributes what it cannot do. Needs a
machine (or an image) with `sh` and the usual small programs.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trunkline.testing.commands import PATH, Collected, processes, run, shell, wait_for
from trunkline.worker.model import Environment
from trunkline.worker.runtimes.protocol import (
    CannotStart,
    Command,
    Ended,
    Linked,
    Request,
    Runtime,
    Sandbox,
    SandboxLost,
    SandboxRefused,
    SecretFiles,
)


class RuntimeSuite:
    """Tests of one runtime. Subclasses say how to make it.

    Attributes:
        real_pfs: programs that have a path below /pfs built in find it.
        hides_home: user code cannot see the folders that it must not.
    """

    real_pfs = True
    hides_home = True

    def make(self, work: Path, home: Path) -> Runtime:
        """A runtime that puts its things into `work` and hides `home`."""
        raise NotImplementedError

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        """A folder with a secret in it, and with the staging folder below."""
        home = tmp_path / "home"
        (home / "scratch" / "pfs" / "out").mkdir(parents=True)
        (home / "secret").write_text("the token")
        return home

    @pytest.fixture
    def staging(self, home: Path) -> Path:
        """What user code sees as /pfs."""
        return home / "scratch" / "pfs"

    @pytest.fixture
    def runtime(self, home: Path) -> Runtime:
        """The runtime."""
        return self.make(home / "scratch" / "view", home)

    @pytest.fixture
    def sandbox(self, runtime: Runtime, staging: Path) -> Iterator[Sandbox]:
        """A sandbox without an environment."""
        with self.opened(runtime, Request(staging=staging)) as sandbox:
            yield sandbox

    @contextmanager
    def opened(self, runtime: Runtime, request: Request) -> Iterator[Sandbox]:
        """A sandbox, closed in the end."""
        sandbox = runtime.open(request)
        try:
            yield sandbox
        finally:
            sandbox.close()

    # -- secrets --------------------------------------------------------------------------------------------

    def test_files_of_secrets(self, runtime: Runtime, staging: Path) -> None:
        given = {"/creds/token": b"t0ken", "/creds/other.pem": bytes(range(256)), "/srv/deep/down/key": b""}
        request = Request(staging=staging, secrets=SecretFiles(given))
        with self.opened(runtime, request) as sandbox:
            assert run(sandbox, "cat", "/creds/token") == (Ended(0), "t0ken")
            assert (
                shell(sandbox, "ls /creds /srv/deep/down").split()
                == [
                    "/creds:",
                    "other.pem",
                    "token",
                    "/srv/deep/down:",
                    "key",
                ]
                or not self.real_pfs
            )
            assert shell(sandbox, "wc -c < /creds/other.pem").strip() == "256"
            assert "t0ken" not in repr(request)
        assert not Path("/creds").exists(), "nothing is left on the machine"
        assert not list(staging.parent.rglob("token")), "nor beside /pfs"

    def test_each_sandbox_has_its_own_secrets(self, runtime: Runtime, staging: Path) -> None:
        with self.opened(runtime, Request(staging=staging, secrets=SecretFiles({"/creds/a": b"1"}))) as sandbox:
            assert shell(sandbox, "cat /creds/a") == "1"
        with self.opened(runtime, Request(staging=staging, secrets=SecretFiles({"/creds/b": b"2"}))) as sandbox:
            assert shell(sandbox, "cat /creds/*") == "2"
        with self.opened(runtime, Request(staging=staging)) as sandbox:
            assert run(sandbox, "ls", "/creds")[0].code != 0

    # -- the process ----------------------------------------------------------------------------------------

    def test_arguments_arrive_as_they_are(self, sandbox: Sandbox) -> None:
        ended, text = run(sandbox, "printf", "[%s]", "a b", "", "$HOME", "é*", "-n", "line\nend")
        assert ended == Ended(0)
        assert text == "[a b][][$HOME][é*][-n][line\nend]"

    def test_the_environment_is_what_was_given_and_nothing_else(self, sandbox: Sandbox) -> None:
        given = {"PATH": PATH, "odd-name": "a=b", "MANY": "two\nlines", "EMPTY": ""}
        _, text = run(sandbox, "env", "-0", env=given)
        assert dict(each.split("=", 1) for each in text.split("\0") if each) == given

    def test_standard_input(self, sandbox: Sandbox) -> None:
        content = b"first\nsecond\n" + b"x" * 300_000
        _, text = run(sandbox, "cat", stdin=content)
        assert text.encode() == content

    def test_no_standard_input_is_an_empty_one(self, sandbox: Sandbox) -> None:
        assert run(sandbox, "cat") == (Ended(0), "")

    def test_standard_input_may_be_left_unread(self, sandbox: Sandbox) -> None:
        assert run(sandbox, "true", stdin=b"x" * 1_000_000) == (Ended(0), "")

    def test_working_directory(self, sandbox: Sandbox) -> None:
        assert shell(sandbox, "pwd", cwd="/usr").strip() == "/usr"
        assert shell(sandbox, "pwd").strip() == "/"
        with pytest.raises(CannotStart, match="/no/such/folder"):
            run(sandbox, "true", cwd="/no/such/folder")

    @pytest.mark.parametrize("code", [0, 1, 2, 77, 255])
    def test_exit_codes(self, sandbox: Sandbox, code: int) -> None:
        assert run(sandbox, "sh", "-c", f"exit {code}")[0] == Ended(code)

    def test_an_end_by_a_signal_is_told_apart(self, sandbox: Sandbox) -> None:
        assert run(sandbox, "sh", "-c", "kill -TERM $$")[0] == Ended(-signal.SIGTERM)

    def test_default_signals_work(self, sandbox: Sandbox) -> None:
        # A pipe that nobody reads must end its writer, and must not be ignored as Python ignores it.
        ended, text = run(sandbox, "sh", "-c", "yes | head -n 1; kill -INT $$")
        assert (ended, text) == (Ended(-signal.SIGINT), "y\n")

    def test_both_streams_arrive_in_the_order_written(self, sandbox: Sandbox) -> None:
        text = shell(sandbox, "for n in 1 2 3 4 5; do echo out $n; echo err $n >&2; done")
        assert text == "".join(f"out {n}\nerr {n}\n" for n in range(1, 6))

    def test_much_output_on_both_streams(self, sandbox: Sandbox) -> None:
        script = "head -c 5000000 /dev/zero & head -c 5000000 /dev/zero >&2; wait"
        assert len(shell(sandbox, script)) == 10_000_000

    def test_output_waits_when_there_is_no_room(self, sandbox: Sandbox) -> None:
        output = Collected(capacity=100_000)
        ended: list[Ended] = []
        command = Command(argv=["sh", "-c", "head -c 9000000 /dev/zero; echo end"], env={"PATH": PATH})
        thread = threading.Thread(target=lambda: ended.append(sandbox.run(command, output)))
        thread.start()
        wait_for(lambda: len(output.data) >= 100_000, "the first output")
        assert len(output.data) < 1_000_000
        output.capacity = None
        thread.join(20)
        assert ended == [Ended(0)]
        assert output.data.endswith(b"\0end\n")

    def test_standard_output_can_be_opened_by_name(self, sandbox: Sandbox) -> None:
        assert shell(sandbox, "echo one > /dev/stdout; echo two > /dev/stderr") == "one\ntwo\n"

    def test_nothing_else_is_open(self, sandbox: Sandbox) -> None:
        # The shell opens one to list the folder.
        assert shell(sandbox, "cd /proc/self/fd && echo *").split()[:3] == ["0", "1", "2"]
        assert len(shell(sandbox, "cd /proc/self/fd && echo *").split()) <= 4

    def test_one_sandbox_runs_many_commands(self, sandbox: Sandbox) -> None:
        for number in range(20):
            assert run(sandbox, "sh", "-c", f"echo {number}; exit {number}") == (Ended(number), f"{number}\n")

    # -- what cannot be started -----------------------------------------------------------------------------

    def test_no_such_program(self, runtime: Runtime, staging: Path) -> None:
        with self.opened(runtime, Request(staging=staging, image="org/train:1")) as sandbox:
            with pytest.raises(CannotStart) as caught:
                run(sandbox, "/train", "x")
            assert str(caught.value) == (
                'image "org/train:1" is unknown here and this machine has no /train: register a folder that has '
                "it with pachctl create-environment org/train:1 --root DIR"
            )
            with pytest.raises(CannotStart, match="no no-such-program-at-all"):
                run(sandbox, "no-such-program-at-all")
            assert run(sandbox, "true")[0] == Ended(0)

    def test_programs_that_are_none(self, sandbox: Sandbox, staging: Path) -> None:
        for name, content, mode in (
            ("plain", "#!/bin/sh\n", 0o644),
            ("text", "no program\n", 0o755),
            ("lost", "#!/no/such/interpreter\n", 0o755),
        ):
            (staging / name).write_text(content)
            (staging / name).chmod(mode)
        with pytest.raises(CannotStart, match="permission denied"):
            run(sandbox, "/pfs/plain")
        with pytest.raises(CannotStart, match="exec format error"):
            run(sandbox, "/pfs/text")
        with pytest.raises(CannotStart, match="no such interpreter"):
            run(sandbox, "/pfs/lost")

    def test_what_no_command_can_hold(self, sandbox: Sandbox) -> None:
        with pytest.raises(CannotStart, match="NUL"):
            run(sandbox, "echo", "a\0b")
        with pytest.raises(CannotStart, match="argument list too long"):
            run(sandbox, "echo", "x" * 3_000_000)
        assert run(sandbox, "true")[0] == Ended(0)

    # -- ending ---------------------------------------------------------------------------------------------

    def test_time_is_up(self, sandbox: Sandbox) -> None:
        marker = f"1000.{uuid.uuid4().int}"
        start = time.monotonic()
        ended, text = run(sandbox, "sh", "-c", f"echo begun; sleep {marker}; echo no", timeout=0.3)
        assert ended == Ended(-signal.SIGKILL, timed_out=True)
        assert text == "begun\n"
        assert 0.3 <= time.monotonic() - start < 5
        assert processes(marker) == []

    def test_time_is_up_although_nobody_takes_the_output(self, sandbox: Sandbox) -> None:
        command = Command(argv=["yes"], env={"PATH": PATH}, timeout=0.2)
        assert sandbox.run(command, Collected(capacity=10)).timed_out

    def test_more_memory_than_there_may_be(self, sandbox: Sandbox) -> None:
        # `tail` keeps what has no end of line; two of them have more together than either may have alone.
        script = (
            "(head -c 40000000 /dev/zero; sleep 1000) | tail -n 1 & (head -c 40000000 /dev/zero; sleep 9) | tail -n 1"
        )
        command = Command(argv=["sh", "-c", script], env={"PATH": PATH}, memory=60_000_000, timeout=60)
        ended = sandbox.run(command, Collected())
        assert ended == Ended(-signal.SIGKILL, out_of_memory=True)
        modest = Command(argv=["sh", "-c", "sleep 0.3"], env={"PATH": PATH}, memory=60_000_000)
        assert sandbox.run(modest, Collected()) == Ended(0)
        assert run(sandbox, "true")[0] == Ended(0)

    def test_killed_from_another_thread(self, sandbox: Sandbox) -> None:
        output = Collected()
        ended: list[Ended] = []
        command = Command(argv=["sh", "-c", "echo begun; sleep 1000"], env={"PATH": PATH})
        thread = threading.Thread(target=lambda: ended.append(sandbox.run(command, output)))
        thread.start()
        wait_for(lambda: output.data, "the command to begin")
        sandbox.kill()
        thread.join(10)
        assert ended == [Ended(-signal.SIGKILL)]

    def test_a_kill_that_comes_late_hits_nobody(self, sandbox: Sandbox) -> None:
        sandbox.kill()
        run(sandbox, "true")
        sandbox.kill()
        assert run(sandbox, "echo", "unhurt") == (Ended(0), "unhurt\n")

    def test_no_descendant_is_left(self, sandbox: Sandbox) -> None:
        marker = f"1000.{uuid.uuid4().int}"
        # In the background; in a session of its own; and without a parent, deaf to signals.
        script = f"""
            sleep {marker} &
            setsid sleep {marker} &
            (trap '' HUP TERM; setsid sh -c "trap '' HUP TERM; sleep {marker}; true" &) &
            while [ "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^{marker}$')" -lt 3 ]
            do :; done
        """
        shell(sandbox, script)
        assert processes(marker) == []

    def test_closing_ends_what_runs(self, runtime: Runtime, staging: Path) -> None:
        marker = f"1000.{uuid.uuid4().int}"
        sandbox = runtime.open(Request(staging=staging))
        lost: list[SandboxLost] = []

        def work() -> None:
            try:
                run(sandbox, "sh", "-c", f"sleep {marker} & setsid sleep {marker}")
            except SandboxLost as error:
                lost.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        wait_for(lambda: len(processes(marker)) >= 2, "the command to begin")
        sandbox.close()
        thread.join(10)
        assert len(lost) == 1
        wait_for(lambda: not processes(marker), "the command to end with its sandbox")
        sandbox.close()
        with pytest.raises(SandboxLost):
            run(sandbox, "true")

    def test_while_a_command_runs(self, sandbox: Sandbox, staging: Path) -> None:
        (staging / "data").write_text("found")
        script = "ln -s /pfs/data /pfs/out/link; ln -s /pfs/none /pfs/out/dangling; echo begun; sleep 1000"
        output = Collected()
        ended: list[Ended] = []
        command = Command(argv=["sh", "-c", script], env={"PATH": PATH})
        thread = threading.Thread(target=lambda: ended.append(sandbox.run(command, output)))
        thread.start()
        wait_for(lambda: output.data, "the command to begin")
        for _ in range(3):
            found = list(sandbox.follow(["/pfs/out/link", "/pfs/out/dangling"]))
            assert [bool(each.problem) for each in found] == [False, True]
            assert os.read(found[0].file, 100) == b"found"
            os.close(found[0].file)
        sandbox.kill()
        thread.join(10)
        assert ended == [Ended(-signal.SIGKILL)]
        (after,) = sandbox.follow(["/pfs/out/link"])
        os.close(after.file)

    def test_settling(self, sandbox: Sandbox, staging: Path) -> None:
        sandbox.settle()
        output = Collected()
        script = "while :; do read x < /pfs/go || exit 1; head -c 50000 /dev/zero; echo > /pfs/done; done"
        os.mkfifo(staging / "go")
        os.mkfifo(staging / "done")
        command = Command(argv=["sh", "-c", script], env={"PATH": PATH})
        thread = threading.Thread(target=lambda: sandbox.run(command, output))
        thread.start()
        for number in range(1, 20):
            (staging / "go").write_text("go\n")
            assert (staging / "done").read_text() == "\n"
            sandbox.settle()
            assert len(output.data) == 50_000 * number
        sandbox.kill()
        thread.join(10)

    # -- files ----------------------------------------------------------------------------------------------

    def test_pfs(self, sandbox: Sandbox, staging: Path) -> None:
        for number in range(2):
            (staging / "in").mkdir(exist_ok=True)
            (staging / "in" / "data").write_text(f"content {number}")
            shell(sandbox, "cat /pfs/in/data > /pfs/out/copy; echo changed > /pfs/in/data")
            assert (staging / "out" / "copy").read_text() == f"content {number}"
            (staging / "out" / "copy").unlink()

    def test_pfs_in_every_place_where_it_may_be_written(self, sandbox: Sandbox, staging: Path) -> None:
        (staging / "in").write_text("42")
        env = {"PATH": PATH, "WHERE": "/pfs/in"}
        text = shell(sandbox, 'cat "$WHERE" && cat --squeeze-blank /pfs/in && sh', env=env, stdin=b"cat /pfs/in\n")
        assert text == "424242"
        assert run(sandbox, "dd", "if=/pfs/in", "status=none", cwd="/pfs/out")[1] == "42"
        assert Path(sandbox.visible("/pfs/in")).is_absolute()

    def test_a_path_built_into_a_program(self, sandbox: Sandbox, staging: Path) -> None:
        program = staging / "program"
        program.write_text("#!/bin/sh\ncat /pfs/built-in\n")
        program.chmod(0o755)
        (staging / "built-in").write_text("found")
        ended, text = run(sandbox, "/pfs/program")
        assert (text == "found") == (ended == Ended(0)) == self.real_pfs

    def test_the_home_is_hidden(self, sandbox: Sandbox, home: Path) -> None:
        if not self.hides_home:
            return
        assert shell(sandbox, f"ls -A {home}") == ""
        assert run(sandbox, "cat", f"{home}/secret")[0].code != 0
        assert run(sandbox, "touch", f"{home}/new")[0].code != 0
        assert not (home / "new").exists()

    # -- environments ---------------------------------------------------------------------------------------

    @pytest.fixture
    def environment(self, home: Path) -> Environment:
        """An environment whose folder lies below the hidden home, as those of the examples may."""
        root = home / "environment"
        (root / "srv" / "own" / "bin").mkdir(parents=True)
        _program(root / "train", 'echo "train $1"; cat "${1#*=}"')
        _program(root / "srv" / "own" / "bin" / "tool", "echo tool")
        return Environment(image="org/train", root=str(root), search_path=("/srv/own/bin",))

    def test_an_environment_has_programs(self, runtime: Runtime, staging: Path, environment: Environment) -> None:
        (staging / "in").write_text("data")
        with self.opened(runtime, Request(staging=staging, environment=environment)) as sandbox:
            ended, text = run(sandbox, "/train", "-inFile=/pfs/in")
            assert ended == Ended(0)
            assert text == f"train -inFile={sandbox.visible('/pfs/in')}\ndata"
            assert run(sandbox, "tool", env={"PATH": f"/srv/own/bin:{PATH}"}) == (Ended(0), "tool\n")
            # The machine's own programs are still there.
            assert shell(sandbox, "ls /usr/bin/env").strip() == "/usr/bin/env"
            with pytest.raises(CannotStart, match=r'neither the environment "org/train" .* nor this machine'):
                run(sandbox, "/infer")

    def test_an_environment_that_is_gone(self, runtime: Runtime, staging: Path) -> None:
        gone = Environment(image="x", root="/no/such/folder")
        with pytest.raises(SandboxRefused, match="/no/such/folder is not there"):
            runtime.open(Request(staging=staging, environment=gone))

    # -- users ----------------------------------------------------------------------------------------------

    def test_user_code_runs_as_the_worker_unless_told_otherwise(self, sandbox: Sandbox) -> None:
        assert shell(sandbox, "id -u; id -g").split() == [str(os.getuid()), str(os.getgid())]
        assert sandbox.owner is None

    def test_the_own_user_may_be_named(self, runtime: Runtime, staging: Path) -> None:
        with self.opened(runtime, Request(staging=staging, user=f"{os.getuid()}:{os.getgid()}")) as sandbox:
            assert shell(sandbox, "id -u").strip() == str(os.getuid())

    def test_another_user(self, tmp_path: Path) -> None:
        # Not below tmp_path, which only its owner may enter.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            home = Path(folder)
            home.chmod(0o755)
            staging = home / "pfs"
            (staging / "out").mkdir(parents=True)
            runtime = self.make(home / "view", tmp_path)
            request = Request(staging=staging, user="54321:12345")
            if os.getuid() != 0:
                with pytest.raises(SandboxRefused, match="cannot become uid 54321"):
                    runtime.open(request)
                return
            with self.opened(runtime, request) as sandbox:
                assert sandbox.owner == (54321, 12345)
                os.chown(staging / "out", 54321, 12345)
                assert shell(sandbox, "id -u; id -g; id -G").split() == ["54321", "12345", "12345"]
                shell(sandbox, "echo x > /pfs/out/mine; echo named > /dev/stderr")
                assert (staging / "out" / "mine").stat().st_uid == 54321
                assert run(sandbox, "cat", "/etc/shadow")[0].code != 0

    def test_a_user_that_does_not_exist(self, runtime: Runtime, staging: Path) -> None:
        with pytest.raises(SandboxRefused, match="nobody-of-that-name"):
            runtime.open(Request(staging=staging, user="nobody-of-that-name"))

    # -- links ----------------------------------------------------------------------------------------------

    def test_links_are_followed_in_the_view_of_user_code(
        self, sandbox: Sandbox, staging: Path, home: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "a").write_text("A")
        os.mkfifo(tmp_path / "outside" / "pipe")
        (staging / "in").mkdir()
        (staging / "in" / "data").write_text("input")
        links: dict[str, str | Path] = {
            "one": tmp_path / "outside" / "a",
            "folder": tmp_path / "outside",
            "input": "/pfs/in/data",
            "relative": "../in/data",
            "dangling": "/no/such/file",
            "secret": home / "secret",
            "device": "/dev/zero",
            "self": "self",
            "above": "/",
        }
        for name, target in links.items():
            (staging / "out" / name).symlink_to(target)
        found = list(sandbox.follow([f"/pfs/out/{name}" for name in links]))
        contents = {each.path.removeprefix("/pfs/out/"): _content(each) for each in found if not each.problem}
        assert contents == {"one": b"A", "folder/a": b"A", "input": b"input", "relative": b"input"}
        targets = {each.path: each.target for each in found}
        assert targets["/pfs/out/relative"] == targets["/pfs/out/input"] == "/pfs/in/data"
        problems = {each.path.removeprefix("/pfs/out/") for each in found if each.problem}
        assert problems == {"dangling", "secret", "self", "above"}
        assert run(sandbox, "true")[0] == Ended(0)


def _content(linked: Linked) -> bytes:
    with os.fdopen(linked.file, "rb") as file:
        return file.read()


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
