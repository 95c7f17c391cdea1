"""What a process of its own does to render one template: limits on itself, then Jsonnet, then an answer.

Invariant: the template reaches nothing but its arguments. Imports are refused, there are no external variables and no
native functions, the environment is empty; and should the library have a hole, the process may write no file and open
no other one. It takes `Task` as JSON from standard input and prints `Answer` as JSON.
"""

from __future__ import annotations

import resource
import sys

import msgspec


class Task(msgspec.Struct, frozen=True):
    """A template, its arguments, and what it may cost: seconds of processor time, bytes of memory, bytes of text."""

    template: str
    arguments: dict[str, str]
    seconds: int
    memory: int
    most: int


class Answer(msgspec.Struct, frozen=True):
    """What came out: JSON as text, or why there is none."""

    text: str = ""
    error: str = ""


def main() -> None:
    """Renders one template."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.json.encode(answer(task)))


def answer(task: Task) -> Answer:
    """Renders a template in this process, which is limited from now on."""
    import _jsonnet  # before there are limits on what may be opened

    _limit(task)
    try:
        text = _jsonnet.evaluate_snippet(
            "template", task.template, tla_vars=task.arguments, import_callback=_refuse, max_stack=500
        )
    except MemoryError:
        return Answer(error=f"it needs more than {task.memory >> 20} MiB of memory")
    except Exception as error:  # the library's own are RuntimeErrors; texts with NUL and the like are ValueErrors
        return Answer(error=_line(str(error)))
    return Answer(text=text) if len(text) <= task.most else Answer(error=f"it makes more than {task.most >> 20} MiB")


def _limit(task: Task) -> None:
    for what, most in (
        (resource.RLIMIT_CPU, task.seconds),
        (resource.RLIMIT_AS, task.memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(what, (most, most))


def _refuse(folder: str, name: str) -> tuple[str, bytes]:
    raise RuntimeError("a template is one text, imports are not allowed")


def _line(text: str) -> str:
    """What is wrong, and where, on one line; the rest of the trace is the evaluator's own."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    what, *where = lines or ["no reason given"]
    place = next((line.split()[0] for line in where if line.startswith("template:")), "")
    return f"{what} ({place})" if place else what


if __name__ == "__main__":
    main()
