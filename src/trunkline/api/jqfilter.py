"""Lists of messages, filtered by a jq program of the caller's.

The program runs in a process of its own, with bounds (`jq_child`); what the caller sees is that messages are left out.
Invariant: however a program behaves, the call ends with messages or with one error that says what is wrong with the
program, and the process is gone when the list is.
"""

from __future__ import annotations

import json
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from trunkline.api import jq_child
from trunkline.kernel.errors import Busy, InvalidRequest

M = TypeVar("M", bound=Message)

ABREAST = 8
"""Listings that are filtered at once."""

QUEUE = 2.0
"""Seconds that a caller waits for its turn."""

PATIENCE = 6 * jq_child.SECONDS
"""Seconds by the clock for one message, on a machine that others use too."""

_places = threading.BoundedSemaphore(ABREAST)


def kept(program: str, messages: Iterable[M], number: int = 0) -> Iterator[M]:
    """The messages for which the program's first output is neither false nor null; all of them without a program.

    It sees protobuf JSON with the names of the contract (snake_case).

    Args:
        number: so many of them at the most; 0: all.

    Raises:
        InvalidRequest: the program is wrong, with the place; it fails, or costs too much, for one of the messages;
            a negative number.
        Busy: as many listings as can be are filtered now.
    """
    if number < 0:
        raise InvalidRequest(f"number is {number}: give how many to list, or 0 for all")
    if not program:
        yield from islice(messages, number or None)
        return
    if not _places.acquire(timeout=QUEUE):
        raise Busy("jqFilter: as many listings as can be are filtered now, try again")
    try:
        with _Filter(program) as filter_:
            yield from islice(filter(filter_.keeps, messages), number or None)
    finally:
        _places.release()


class _Filter:
    """A process with a program. Raises InvalidRequest."""

    def __init__(self, program: str) -> None:
        # -I: neither the environment nor the working folder says what is imported.
        command = [sys.executable, "-I", "-m", jq_child.__name__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", env={}
        )
        try:
            self._ask(json.dumps(program))
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> _Filter:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def keeps(self, message: Message) -> bool:
        """Whether the message is to be listed."""
        fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
        return self._ask(json.dumps(fields)) == "yes"

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None, "it was asked for"
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        answer, _, reason = self._answer().partition(" ")
        if answer == "bad":
            raise InvalidRequest(f"jqFilter: {_plain(reason)}")
        return answer

    def _answer(self) -> str:
        assert self._process.stdout is not None, "it was asked for"
        deadline = time.monotonic() + PATIENCE
        # A line is shorter than what a pipe takes at once, so that it comes whole.
        if not select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise self._ended()
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        return line.decode("utf-8", "replace").rstrip("\n")

    def _ended(self) -> InvalidRequest:
        """Why there is no answer."""
        return InvalidRequest(
            f"jqFilter: it takes more than {jq_child.SECONDS:g} s or {jq_child.MEMORY >> 20} MiB for one message"
        )

    def _end(self) -> None:
        self._process.kill()
        with self._process:
            pass


def _plain(reason: str) -> str:
    """jq's own words, without what names its program and its file."""
    text = reason.removeprefix("jq: error: ").replace(" at <top-level>,", " at")
    return re.sub(r"(line \d+, column \d+):.*", r"\1", text)
