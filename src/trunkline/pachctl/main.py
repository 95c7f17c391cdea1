"""The entry point: finds the command, runs it, and turns whatever went wrong into one line and an exit code.

Invariant: no traceback reaches a user (`TRUNKLINE_DEBUG=1` shows it to a developer). Only the registry is
loaded before the command is known.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from trunkline.kernel.errors import TrunklineError
from trunkline.pachctl.app import App
from trunkline.pachctl.grammar import HELP_WIDTH, Verb, global_flags
from trunkline.pachctl.registry import ENTRIES, TOPICS, Topic

INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell reports for a program that SIGINT or SIGPIPE ended."""


class Root(click.Group):
    """`pachctl` itself: loads a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help page."""
        return list(ENTRIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or the topic of that name."""
        entry = ENTRIES.get(cmd_name)
        if entry is not None:
            return load(entry.name)
        topic = next((topic for topic in TOPICS if topic.noun == cmd_name), None)
        return None if topic is None else _topic_command(topic)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command, or says why there is none.

        Raises:
            NotBuilt: one that the original has.
            InvalidRequest: an unknown one.
        """
        if self.get_command(ctx, args[0]) is None:
            from trunkline.pachctl.unbuilt import refusal

            raise refusal(args)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What the program is, and every command under its topic."""
        formatter.write("Usage: pachctl [flags] COMMAND ...\n\n")
        formatter.write("Versioned data, and the pipelines that follow it.\n")
        widest = max(map(len, ENTRIES))
        for topic in TOPICS:
            with formatter.section(topic.title):
                rows = [(entry.name.ljust(widest), entry.help) for entry in topic.entries]
                formatter.write_dl(rows)
        formatter.write("\npachctl COMMAND --help shows one command, pachctl repo (commit, file, …) one topic.\n")


def load(name: str) -> Verb:
    """The command of that name.

    Raises:
        KeyError: there is none.
    """
    module = importlib.import_module(f"trunkline.pachctl.commands.{ENTRIES[name].module}")
    command = getattr(module, name.replace("-", "_"))
    assert isinstance(command, Verb)
    return command


def _topic_command(topic: Topic) -> click.Command:
    def show() -> None:
        widest = max(len(entry.name) for entry in topic.entries)
        print(f"{topic.text}\n")
        for entry in topic.entries:
            print(f"  {entry.name.ljust(widest)}  {entry.help}")

    return click.Command(topic.noun, callback=show, help=topic.text)


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
        The exit code: 0, that of the error's class, 130 after an interrupt, 141 when nobody reads the output.
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
        return _tell(error, debug=bool(app.environ.get("TRUNKLINE_DEBUG")))
    finally:
        app.close()
    return 0


def main() -> NoReturn:
    """`pachctl`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:], App(environ=dict(os.environ))))


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
