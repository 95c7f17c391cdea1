"""The command line as a whole: every command's arguments, help pages, names, and what is not built."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from trunkline.kernel import errors
from trunkline.pachctl import reference, unbuilt
from trunkline.pachctl.grammar import Verb
from trunkline.pachctl.main import load
from trunkline.pachctl.registry import ENTRIES, PREFIXES, TOPICS

from .conftest import Result, invoke

SNAPSHOTS = Path(__file__).parent / "snapshots"
ROOT = Path(__file__).parents[2]
NOWHERE = {"PACHD_ADDRESS": "127.0.0.1:1", "HOME": "/nonexistent"}
ASK_NOBODY = (
    "buildinfo",
    "stop transaction",
    "finish transaction",
    "inspect transaction",
    "delete transaction",
    "next datum",
)
READ_A_FILE = [
    "create-secret",
    "create-pipeline",
    "update-pipeline",
    "validate-pipeline",
    "put-file",
    "create-defaults",
    "update-defaults",
]
COMMANDS = [load(name) for name in ENTRIES]

WANTED = """
    version create-repo update-repo inspect-repo list-repo delete-repo put-file get-file list-file inspect-file
    glob-file diff-file delete-file copy-file start-commit finish-commit list-commit inspect-commit flush-commit
    subscribe-commit delete-commit create-branch set-branch list-branch delete-branch create-pipeline
    update-pipeline inspect-pipeline list-pipeline extract-pipeline delete-pipeline start-pipeline stop-pipeline
    edit-pipeline run-cron delete-all
    list-job inspect-job flush-job stop-job delete-job list-datum inspect-datum restart-datum get-logs fsck
    garbage-collect
    inspect-cluster create-environment list-environment delete-environment pachd-status stop-pachd start-pachd
    create-secret inspect-secret list-secret delete-secret
"""


def assert_usage_error(result: Result, command: Verb) -> None:
    """One line, a blank one, the usage; nothing on standard output; exit code 2."""
    assert result.code == (1 if command.spaced else 2)
    assert result.out == ""
    line, blank, *usage = result.err.splitlines()
    assert line
    assert blank == ""
    assert " ".join(usage).startswith(f"Usage: pachctl {command.name}")
    assert "Traceback" not in result.err


def test_all_commands_are_there() -> None:
    assert {name for name in ENTRIES if " " not in name and load(name).spaced is False} == set(WANTED.split())


@pytest.mark.parametrize("command", COMMANDS, ids=list(ENTRIES))
def test_wrong_arguments(command: Verb) -> None:
    name = command.name or ""
    least = sum(not word.optional for word in command.words)
    if least:
        few = invoke([*name.split(), *["x"] * (least - 1)], NOWHERE)
        assert_usage_error(few, command)
        assert few.err.startswith("expected ")
        assert few.err.splitlines()[0].endswith(f" arguments, got {least - 1}")
    if not any(word.many for word in command.words):
        many = invoke([*name.split(), *["x"] * (len(command.words) + 1)], NOWHERE)
        assert_usage_error(many, command)
        assert many.err.splitlines()[0].endswith(f" arguments, got {len(command.words) + 1}")
    unknown = invoke([*name.split(), "--no-such-flag", *["x"] * least], NOWHERE)
    assert_usage_error(unknown, command)
    assert unknown.err.startswith("unknown flag: --no-such-flag\n")


@pytest.mark.parametrize("command", COMMANDS, ids=list(ENTRIES))
def test_flags_want_their_values(command: Verb) -> None:
    words = ["x" for word in command.words if not word.optional]
    for option in (param for param in command.params if isinstance(param, click.Option) and not param.is_flag):
        assert_usage_error(invoke([*command.name.split(), *words, option.opts[0]], NOWHERE), command)


@pytest.mark.parametrize("command", COMMANDS, ids=list(ENTRIES))
def test_nobody_answers(command: Verb) -> None:
    """Each command, against an address where nobody listens: one line, and never a traceback."""
    words = shlex.split(re.split(" [<>] ", command.example)[0])[1:]
    if ENTRIES[command.name].module == "spaced.contexts" or command.name in ASK_NOBODY:
        return  # they ask nobody, or have nothing to ask for
    result = invoke(words, NOWHERE)
    if command.name.replace(" ", "-") in READ_A_FILE:
        assert result.err.endswith(" doesn't exist\n"), "the example's local file is not there"
    elif command.name == "start-pachd":
        assert result.code == 1
    else:
        assert result.code == (1 if command.spaced else 8)
        assert "127.0.0.1:1" in result.err
        assert ": start it, or correct the address" in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS, ids=list(ENTRIES))
def test_examples_parse(command: Verb) -> None:
    words = shlex.split(re.split(" [<>] ", command.example)[0])
    own = command.name.split()
    assert words[: len(own) + 1] == ["pachctl", *own]
    command.make_context(command.name, words[len(own) + 1 :])


def test_short_help_is_the_first_line_of_the_help() -> None:
    for command in COMMANDS:
        assert ENTRIES[command.name or ""].help == command.description().splitlines()[0]


def help_pages() -> str:
    """Every help page, one after the other."""
    pages = [invoke(["--help"], {}).out]
    for name in ENTRIES:
        result = invoke([*name.split(), "--help"], {})
        assert (result.code, result.err) == (0, "")
        pages.append(f"{'=' * 80}\n{result.out}")
    return "".join(pages)


def test_help_pages_are_as_they_were() -> None:
    """After a change on purpose: PACHCTL_SNAPSHOTS=write pytest tests/pachctl."""
    snapshot = SNAPSHOTS / "help.txt"
    if os.environ.get("PACHCTL_SNAPSHOTS") == "write":
        snapshot.write_text(help_pages(), encoding="utf-8")
    assert help_pages() == snapshot.read_text(encoding="utf-8")


def test_the_reference_page_is_made_from_the_commands() -> None:
    """After a change: python -m trunkline.pachctl.reference > docs/reference/commands.md."""
    assert (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8") == reference.page()


def test_the_reference_page_lists_every_exit_code() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    codes = {family.exit_code for family in classes if issubclass(family, errors.TrunklineError)}
    assert all(f"\n| {code} | " in reference.page() for code in codes | {0, 3, 130, 141})


def test_without_words_the_help_is_printed() -> None:
    assert invoke([], {}) == invoke(["--help"], {})
    assert invoke(["-h"], {}).code == 0


def test_help_as_a_word() -> None:
    assert invoke(["help"], {}) == invoke(["--help"], {})
    assert invoke(["help", "create", "repo"], {}) == invoke(["create", "repo", "--help"], {})
    assert invoke(["help", "create"], {}) == invoke(["create"], {})
    assert invoke(["help", "repo"], {}) == invoke(["repo"], {})
    assert invoke(["help", "xyzzy"], {}).code == 2


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["list", "repo", "--raw=perhaps"], "--raw is a flag: give true or false, not 'perhaps'"),
        (["list", "repo", "-o=yaml"], "cannot set --output (-o) without --raw"),
        (["list", "repo", "-o=yaml", "--raw=false"], "cannot set --output (-o) without --raw"),
        (["put", "file", "--progress=false", "--append=true", "-f=nope"], "expected 1 arguments, got 0"),
    ],
)
def test_flags_as_go_programs_take_them(words: list[str], line: str) -> None:
    assert invoke(words, NOWHERE).err.splitlines()[0] == line


def test_topics() -> None:
    for topic in TOPICS:
        result = invoke([topic.noun], {})
        if topic.noun in PREFIXES:
            assert result == invoke([topic.noun, "--help"], {})
            continue
        assert result.out.splitlines()[0] == topic.text
        assert all(entry.name in result.out for entry in topic.entries)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["debug", "dump"], "pachctl debug dump is not built yet"),
        (["mount", "/x"], "pachctl mount is not built yet"),
        (["auth", "get", "repo", "x"], "pachctl auth get repo is not built yet"),
        (["debug"], "pachctl debug is not built yet"),
        (["get-object", "x"], "pachctl get-object is not built yet"),
        (["port-forward"], "pachctl port-forward is not built yet; use: pachctl start-pachd"),
    ],
)
def test_not_built(words: list[str], line: str) -> None:
    assert invoke(words, {})[:3] == (6, "", f"{line}\n")


@pytest.mark.parametrize("name", sorted((unbuilt.SPACED_COMMANDS | unbuilt.OLD_COMMANDS) - set(ENTRIES) - PREFIXES))
def test_every_command_of_the_original_is_known(name: str) -> None:
    assert invoke(name.split(), {})[:3:2] == (6, f"pachctl {name} is not built yet{_hint(name)}\n")


def _hint(name: str) -> str:
    successor = unbuilt.SUCCESSORS.get(name)
    return f"; use: pachctl {successor}" if successor else ""


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("lst-repo", "did you mean list-repo?"),
        ("create_repo", "did you mean create-repo?"),
        ("list-repos", "did you mean list-repo?"),
        ("repos", "did you mean repo?"),
        ("xyzzy", "pachctl --help lists all commands"),
        ("lst", "did you mean list?"),
    ],
)
def test_unknown_commands(word: str, hint: str) -> None:
    assert invoke([word, "--x"], {})[:3] == (2, "", f'unknown command "{word}" for pachctl: {hint}\n')


def test_unknown_flag_of_the_program() -> None:
    result = invoke(["--nope", "list-repo"], {})
    assert (result.code, result.err.splitlines()[0]) == (2, "unknown flag: --nope")


def test_near_flags_are_suggested() -> None:
    assert invoke(["delete-repo", "x", "--forc"], NOWHERE).err.startswith("unknown flag: --forc; did you mean --force?")


def test_the_help_page_loads_nothing_heavy() -> None:
    code = (
        "import sys; from trunkline.pachctl.app import App; from trunkline.pachctl.main import run\n"
        "run(sys.argv[1:], App(environ={}))\n"
        "heavy = ['grpc', 'google', 'msgspec', 'trunkline.wire', 'trunkline.pachctl.commands', 'asyncio']\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert done.stdout.startswith("Usage: pachctl")


def test_next_datum_is_for_user_code() -> None:
    outside = invoke(["next", "datum"], NOWHERE)
    assert outside[:2] == (1, "")
    assert outside.err.startswith("PPS_WORKER_GRPC_PORT is not set: this command is for user code")
    gone = invoke(["next", "datum"], {**NOWHERE, "PPS_WORKER_GRPC_PORT": "1"})
    assert "PPS_WORKER_GRPC_PORT says where the worker is" in gone.err
