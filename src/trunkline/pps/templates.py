"""Jsonnet templates of pipeline specs, rendered.

A template is somebody's program. It runs in a process of its own, with bounds on time, memory and output, and reaches
no file, no network and no import (`template_child`); pachd waits for it and reads what came out. Invariant: however a
template behaves, the caller gets specs or one error, and the process is gone.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline.kernel.errors import Busy, InvalidRequest
from trunkline.pps import canonical
from trunkline.pps.template_child import Answer, Task

MIB = 1024 * 1024

PATIENCE = 2
"""How many times its processor time a template may take by the clock, on a machine that others use too."""

QUEUE = 2.0
"""Seconds that a caller waits for its turn; it holds a thread of pachd meanwhile."""


class Limits(msgspec.Struct, frozen=True):
    """What rendering may cost: seconds, bytes of memory, bytes of the result, templates at once."""

    seconds: int = 10
    memory: int = 512 * MIB
    most: int = 16 * MIB
    abreast: int = 2


class Rendered(msgspec.Struct, frozen=True):
    """The JSON that a template makes, and each spec in it as canonical JSON."""

    text: str
    specs: list[dict[str, Any]]


class Renderer:
    """Renders templates, a few at a time."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._places = threading.BoundedSemaphore(self._limits.abreast)

    def render(self, template: str, arguments: Mapping[str, str]) -> Rendered:
        """What a template makes of its arguments.

        Args:
            template: Jsonnet: a function of the arguments, or a value; it comes to a spec or a list of them.
            arguments: texts by name.

        Raises:
            InvalidRequest: it cannot be rendered, costs too much, or is no spec of a pipeline.
            Busy: others render, and go on.
        """
        limits = self._limits
        if not self._places.acquire(timeout=QUEUE):
            raise Busy("template is not rendered: others have been for too long, try again")
        try:
            found = _run(Task(template, dict(arguments), limits.seconds, limits.memory, limits.most))
        finally:
            self._places.release()
        if found.error:
            raise InvalidRequest(f"template cannot be rendered: {found.error}")
        return Rendered(found.text, _specs(found.text))


def _run(task: Task) -> Answer:
    # -I: neither the environment nor the working folder says what is imported.
    command = [sys.executable, "-I", "-m", "trunkline.pps.template_child"]
    try:
        given = msgspec.json.encode(task)
    except UnicodeEncodeError:
        raise InvalidRequest("template cannot be rendered: it is no Unicode text") from None
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", env={}
    ) as process:
        try:
            said, _ = process.communicate(given, timeout=PATIENCE * task.seconds)
        except subprocess.TimeoutExpired:
            return Answer(error=_ended(-signal.SIGKILL, task))
        finally:
            process.kill()
    if process.returncode == 0:
        return msgspec.json.decode(said, type=Answer)
    return Answer(error=_ended(process.returncode, task))


def _ended(code: int, task: Task) -> str:
    """Why a process that gave no answer may have ended."""
    if -code in (signal.SIGXCPU, signal.SIGKILL):
        return f"it takes more than {task.seconds} s"
    return f"it needs more than {task.memory >> 20} MiB of memory, or is nested too deeply"


def _specs(text: str) -> list[dict[str, Any]]:
    prefix = "template makes no spec of a pipeline"
    try:
        made = json.loads(text)
    except RecursionError:
        raise InvalidRequest(f"{prefix}: nested too deeply") from None
    return [canonical.parse(json.dumps(one), prefix) for one in (made if isinstance(made, list) else [made])]
