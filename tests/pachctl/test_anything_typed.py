"""Whatever is typed: one line that says what is wrong, never a traceback, never an error that nobody foresaw."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.pachctl.main import load
from trunkline.pachctl.registry import ENTRIES

from .spaced import Real

ELSEWHERE = ("start-pachd", "stop-pachd", "pachd-status")
"""They look after processes."""
_WORDS = """
    data data@master data@master^ data@nope data@ @ @master : data@master: data@master:/a data@master:/nope :/a
    data.spec data.x.y .x x. data@master=data data@master=00000000000040000000000000000000
    00000000000040000000000000000000 data@00000000000040000000000000000000 edges edges@ @x
    edges@00000000000040000000000000000000 / /a ../.. * [ data/master data/ /master master true -1 ^ default -
    repo add k=v http://127.0.0.1:1/x file:///etc/hostname s3://bucket/x nope
"""
_STRANGE = ("", " ", "e\u0301", "\ud800", "a\nb", "a\tb", "x" * 5000, "a,b", "{}")  # NUL cannot be typed
WORDS = st.sampled_from([*_WORDS.split(), *_STRANGE])
SPEC = b"pipeline: {name: edges}\ninput: {pfs: {repo: data, glob: /*}}\ntransform: {image: 'a:1'}"
COMMANDS = {name: load(name) for name in ENTRIES if name not in ELSEWHERE}


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command with words in about the right number, and flags with values that may be nonsense."""
    name = draw(st.sampled_from(sorted(COMMANDS)))
    command = COMMANDS[name]
    most = len(command.words) + 1
    words = draw(st.lists(WORDS, min_size=max(0, most - 2), max_size=most))
    for option in draw(st.lists(st.sampled_from(command.params), max_size=3)):
        if option.opts[0].startswith("-") and option.name != "verbose":
            words.append(draw(st.sampled_from(option.opts)))
            if not getattr(option, "is_flag", False):
                words.append(draw(st.one_of(WORDS, st.sampled_from(["1", "json", "yaml", "1s", "0"]))))
    return ["--rpc-timeout", "300ms", *name.split(), *words]


def filled(real: Real) -> None:
    """Gives it a repo, a file and a pipeline."""
    real.ok("create repo data")
    real.ok("put file data@master:/a", stdin=b"x")
    real.ok("create pipeline", stdin=SPEC)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """A server with a repo, a file and a pipeline."""
    made = Real(tmp_path_factory.mktemp("busy"))
    made.environ["EDITOR"] = "true"
    filled(made)
    yield made
    made.stop()


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder of our own: some of the words are files to write."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("typed"))
    yield
    os.chdir(before)


@settings(max_examples=120)
@given(words=lines(), stdin=st.sampled_from([b"", b"n\n", b"{}", b"\xff\xfe", b"a: &b 1"]))
def test_no_traceback(busy: Real, words: list[str], stdin: bytes) -> None:
    result = busy.run(words, stdin=stdin)
    assert "Traceback" not in result.err
    assert "pachctl failed" not in result.err, words
    assert result.code == 0 or result.err.strip() or result.code in (3, 11), words


def test_without_a_reader(real: Real) -> None:
    """`| head -1` of a listing that does not end by itself."""
    real.ok("create repo data")
    command = [sys.executable, "-m", "trunkline.pachctl", "subscribe", "commit", "data"]
    environ = {**os.environ, **real.environ}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith(b"PROJECT ")
        running.stdout.close()
        real.ok("put file data@other:/b", stdin=b"y")
        assert running.wait(20) == 141
        assert running.stderr.read() == b""


def test_interrupted(real: Real) -> None:
    real.ok("create repo data")
    command = [sys.executable, "-m", "trunkline.pachctl", "subscribe", "commit", "data"]
    environ = {**os.environ, **real.environ}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.send_signal(2)
        assert running.wait(20) == 130
        assert running.stderr.read() == b""


def on_a_terminal(busy: Real, *words: str) -> str:
    """What a command prints when its output is a terminal."""
    ours, theirs = pty.openpty()
    environ = {key: value for key, value in {**os.environ, **busy.environ}.items() if key != "NO_COLOR"}
    subprocess.run([sys.executable, "-m", "trunkline.pachctl", *words], env=environ, stdout=theirs, check=True)
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


def test_colours_are_for_terminals(real: Real) -> None:
    filled(real)
    plain = real.ok("list pipeline")
    colored = on_a_terminal(real, "list", "pipeline")
    assert re.search("\x1b\\[3[23]m(running|starting)\x1b\\[0m / -", colored)
    header, row = colored.splitlines()
    assert len(row.replace("\x1b[32m", "").replace("\x1b[33m", "").replace("\x1b[0m", "")) == len(header)
    assert "\x1b" not in plain
    assert "\x1b" not in on_a_terminal(real, "list", "pipeline", "--no-color")
    assert "\x1b[32m▇▇▇▇▇▇▇▇\x1b[0m" in on_a_terminal(real, "list", "commit")
