"""The entry point: finds the command, runs it, and turns whatever went wrong into one line and an exit code.

Invariant: no traceback reaches a user (`TRUNKLINE_DEBUG=1` shows it to a developer). Only the registry is
loaded before the command is known.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import NoReturn

import click

from trunkline.kernel.errors import InvalidRequest, NotBuilt, TrunklineError
from trunkline.pachctl.app import App
from trunkline.pachctl.grammar import HELP_WIDTH, Verb, global_flags
from trunkline.pachctl.registry import ENTRIES, SUPERSEDED, TOPICS, Entry, Topic, below, find

INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell reports for a program that SIGINT or SIGPIPE ended."""
ANY_ERROR = 1
"""What a command of the spaced grammar exits with, whatever went wrong, as in the original."""


class Root(click.Group):
    """`pachctl` itself: loads a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help page."""
        return list(ENTRIES)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command, the verb or the topic, or says why there is none.

        Raises:
            NotBuilt: one that the original has.
            InvalidRequest: an unknown one.
        """
        if args[0] == "help" and len(args) > 1:
            args = [*(word for word in args[1:] if not word.startswith("-")), "--help"]
        found = find(args)
        if found is not None and found.whole:
            return found.name, load(found.name), args[found.taken :]
        if args == ["help"]:
            return "pachctl", self, ["--help"]
        rest = args[found.taken :] if found is not None else args[1:]
        if not rest or rest[0].startswith("-"):
            if found is not None:
                return found.name, _verb_command(found.name), ["--help"]
            topic = next((topic for topic in TOPICS if topic.noun == args[0]), None)
            if topic is not None:
                return topic.noun, _topic_command(topic), rest
        from trunkline.pachctl.unbuilt import refusal

        refused = refusal(args)
        ctx.obj.flags.spaced = found is not None and not isinstance(refused, NotBuilt)
        raise refused

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What the program is, and every command under its topic."""
        formatter.write("Usage: pachctl [flags] COMMAND ...\n\n")
        formatter.write("Versioned data, and the pipelines that follow it.\n")
        for topic in TOPICS:
            listed = [entry for entry in topic.entries if entry.name not in SUPERSEDED]
            if listed:
                with formatter.section(topic.title):
                    _list_entries(formatter, listed)
        with formatter.section("Commands of release 1.7 (pachctl repo, commit, file, … says what each does)"):
            text = ", ".join(name for name in ENTRIES if name in SUPERSEDED)
            lines = textwrap.wrap(text, HELP_WIDTH - 4, break_on_hyphens=False)
            formatter.write("".join(f"  {line}\n" for line in lines))
        formatter.write("\npachctl COMMAND --help shows one command, pachctl repo (commit, file, …) one topic.\n")


def load(name: str) -> Verb:
    """The command of that name.

    Raises:
        KeyError: there is none.
    """
    entry = ENTRIES[name]
    module = importlib.import_module(f"trunkline.pachctl.commands.{entry.module}")
    command = getattr(module, entry.attribute)
    assert isinstance(command, Verb)
    return command


class _Page(click.Command):
    """A page of help without a command of its own."""

    def __init__(self, name: str, text: str, entries: Sequence[Entry]) -> None:
        super().__init__(name, callback=lambda: None)
        self._text, self._entries = text, entries

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"{self._text}\n\n")
        with formatter.indentation():
            _list_entries(formatter, self._entries)


def _topic_command(topic: Topic) -> click.Command:
    page = _Page(topic.noun, topic.text, topic.entries)

    @click.pass_context
    def show(ctx: click.Context) -> None:
        print(page.get_help(ctx))

    page.callback = show
    return page


def _verb_command(prefix: str) -> click.Command:
    return _Page(prefix, f"Usage: pachctl {prefix} NOUN [flags] ...", below(prefix))


def _list_entries(formatter: click.HelpFormatter, entries: Sequence[Entry]) -> None:
    widest = max(len(entry.name) for entry in entries)
    formatter.write_dl([(entry.name.ljust(widest), entry.help) for entry in entries], col_max=widest)


def root() -> Root:
    """The program as click sees it."""

    @click.pass_context
    def show_help(ctx: click.Context) -> None:
        if ctx.invoked_subcommand is None:
            print(ctx.get_help())

    return Root(
        "pachctl",
        callback=show_help,
        invoke_without_command=True,
        params=list(global_flags()),
        context_settings={"help_option_names": ["-h", "--help"], "terminal_width": HELP_WIDTH},
    )


def run(words: Sequence[str], app: App) -> int:
    """Runs one command line.

    Returns:
        The exit code: 0; that of the error's class, or 1 in the spaced grammar; 130 after an interrupt, 141 when
        nobody reads the output.
    """
    program = root()
    try:
        with program.make_context("pachctl", list(words), obj=app) as context:
            program.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except BrokenPipeError:
        _forget_output()
        return BROKEN_PIPE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:
        code = _tell(error, debug=bool(app.environ.get("TRUNKLINE_DEBUG")))
        return ANY_ERROR if app.flags.spaced else code
    finally:
        app.close()
    return 0


def main() -> NoReturn:
    """`pachctl`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    hasten()
    code = run(sys.argv[1:], App(environ=dict(os.environ)))
    # Everything that has to be written is, and nobody waits for Python to take itself apart.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def hasten() -> None:
    """Leaves out what would be a quarter of a short command's time, and what nothing here needs.

    `grpc.aio` brings `asyncio` and `ssl`; and a collector that looks at every import finds nothing.
    """
    sys.modules.setdefault("grpc.aio", ModuleType("grpc.aio"))
    gc.set_threshold(100_000)


def _tell(error: Exception, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, click.UsageError):
        usage = error.ctx.get_usage() if error.ctx is not None else "Usage: pachctl [flags] COMMAND ..."
        print(f"{_one_line(_usage_text(error))}\n\n{usage}", file=sys.stderr)
        return 2
    if isinstance(error, TrunklineError):
        print(_one_line(error.message), file=sys.stderr)
        return error.exit_code
    if isinstance(error, UnicodeError):
        where = "the input is" if isinstance(error, UnicodeDecodeError) else "a word of the command line is"
        print(f"{where} not UTF-8: {_one_line(str(error))}", file=sys.stderr)
        return InvalidRequest.exit_code
    if isinstance(error, OSError):
        print(f"{error.filename or 'pachctl'}: {error.strerror or error}", file=sys.stderr)
        return 1
    text = f"pachctl failed: {type(error).__name__}: {error}; TRUNKLINE_DEBUG=1 shows where"
    print(_one_line(text), file=sys.stderr)
    return 1


def _usage_text(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        near = f"; did you mean {error.possibilities[0]}?" if error.possibilities else ""
        return f"unknown flag: {error.option_name}{near}"
    text = error.format_message()
    return text[:1].lower() + text[1:]


def _one_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "unknown error")


def _forget_output() -> None:
    """Lets the interpreter flush standard output at exit without a complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
