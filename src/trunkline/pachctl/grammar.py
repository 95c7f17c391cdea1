"""A thin layer over click: positional words by name, one-line errors, and our own help pages.

A command declares its words as text (`REPO BRANCH [PATH]`), so that usage, argument counts and the names of
the function's parameters come from one place. What an error looks like is left to `main`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import click

HELP_WIDTH = 100


class Word:
    """One positional word of a command: `REPO`, `[PATH]` or `REPO/COMMIT...`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.many = text.endswith("...")
        self.optional = text.startswith("[")
        self.parameter = re.sub(r"\W+", "_", text.strip("[].")).lower()


class Verb(click.Command):
    """A command with named words.

    Attributes:
        words: the words, in order; optional ones last, at most one that repeats, and that at the end.
        example: a command line that shows how it is used.
    """

    def __init__(self, *args: Any, words: str, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.words = tuple(Word(text) for text in words.split())
        self.example = example
        self.params.append(click.Argument(["given_words"], nargs=-1, type=click.UNPROCESSED))
        self.params.extend(global_flags())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses flags as click does, then gives each word to its parameter.

        Raises:
            click.UsageError: too few words, or too many.
        """
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # some of click's own errors do not say which command they are about
            raise
        given = tuple(ctx.params.pop("given_words") or ())
        _check_count(self.words, len(given), ctx)
        for index, word in enumerate(self.words):
            if word.many:
                ctx.params[word.parameter] = given[index:]
            else:
                ctx.params[word.parameter] = given[index] if index < len(given) else None
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The words after the name, flags first."""
        return ["[flags]", *(word.text for word in self.words)]

    def flags(self) -> list[tuple[str, str]]:
        """Each visible flag as it is typed, with what it does; `--help` last."""
        rows = [flag_row(option) for option in self.params if isinstance(option, click.Option)]
        return [row for row in rows if row is not None] + [("-h, --help", "Show this page.")]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Usage, what it does, flags, an example."""
        formatter.write(f"{ctx.get_usage()}\n\n{self.description()}\n")
        with formatter.section("Flags"):
            formatter.write_dl(self.flags())
        formatter.write(f"\nExample:\n  {self.example}\n")

    def description(self) -> str:
        """The help text as it was written, paragraphs and all."""
        return inspect.cleandoc(self.help or "")


def verb(words: str = "", *, example: str) -> Callable[[Callable[..., None]], Verb]:
    """Makes a command of a function `f(app, word…, flag…)`; its docstring is the help text."""

    def decorate(function: Callable[..., None]) -> Verb:
        name = function.__name__.replace("_", "-")
        command = click.command(name, cls=Verb, words=words, example=example)
        return command(click.pass_obj(function))

    return decorate


def usage_line(command: Verb) -> str:
    """`pachctl put-file [flags] REPO BRANCH [PATH]`."""
    return " ".join(["pachctl", command.name or "", "[flags]", *(word.text for word in command.words)])


def flag_row(option: click.Option) -> tuple[str, str] | None:
    """A flag and its help, or nothing for a hidden one."""
    if option.hidden:
        return None
    typed = ", ".join(option.opts)
    if not option.is_flag:
        typed += f" {option.metavar or option.type.name.upper()}"
    return typed, option.help or ""


def global_flags() -> list[click.Option]:
    """Flags that stand anywhere on the line, as in the original; hidden, because every command has them."""

    def be_verbose(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value and ctx.obj is not None:
            ctx.obj.verbose = True

    return [
        click.Option(["-v", "--verbose"], is_flag=True, hidden=True, expose_value=False, callback=be_verbose),
        click.Option(["--no-metrics"], is_flag=True, hidden=True, expose_value=False),
    ]


raw_flag = click.option("--raw", is_flag=True, help="Print JSON instead.")
"""The flag that inspect and list commands share."""


def _check_count(words: tuple[Word, ...], given: int, ctx: click.Context) -> None:
    least = sum(1 for word in words if not word.optional)
    most = len(words)
    many = bool(words) and words[-1].many
    if given >= least and (many or given <= most):
        return
    expected = f"at least {least}" if many else f"{least}" if least == most else f"{least} to {most}"
    raise click.UsageError(f"expected {expected} arguments, got {given}", ctx)
