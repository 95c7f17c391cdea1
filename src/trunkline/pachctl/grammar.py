"""A thin layer over click: positional words by name, one-line errors, and our own help pages.

A command declares its words as text (`REPO BRANCH [PATH]`), so that usage, argument counts and the names of
the function's parameters come from one place. `verb` makes one of the hyphenated grammar of 1.7, `command` one of
the spaced grammar of 2.11. What an error looks like is left to `main`, the flags that commands share to `flags`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from trunkline.kernel.errors import InvalidRequest

HELP_WIDTH = 100

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TRUE = ("true", "t", "1")
_FALSE = ("false", "f", "0")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?)(ns|us|µs|ms|s|m|h)")


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
        spaced: whether it is of the grammar of 2.11; its errors exit with 1, whatever they are.
    """

    def __init__(self, *args: Any, words: str, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.words = tuple(Word(text) for text in words.split())
        self.example = example
        self.spaced = False
        self.params.append(click.Argument(["given_words"], nargs=-1, type=click.UNPROCESSED))
        self.params.extend(global_flags())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses flags as click does, then gives each word to its parameter.

        Raises:
            click.UsageError: too few words, or too many.
        """
        if self.spaced and ctx.obj is not None:
            ctx.obj.flags.spaced = True
        try:
            rest = super().parse_args(ctx, _as_here(self, args))
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # some of click's own errors do not say which command they are about
            raise
        given = tuple(ctx.params.pop("given_words") or ())
        if ctx.obj is not None and ctx.obj.flags.output and not ctx.obj.flags.raw:
            raise InvalidRequest("cannot set --output (-o) without --raw")
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


def command(name: str, words: str = "", *, example: str) -> Callable[[Callable[..., None]], Verb]:
    """Makes a command of the spaced grammar of a function `f(app, word…, flag…)`; its docstring is the help text."""

    def decorate(function: Callable[..., None]) -> Verb:
        made = click.command(name, cls=Verb, words=words, example=example)(click.pass_obj(function))
        made.spaced = True
        return made

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

    def be_plain(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value and ctx.obj is not None:
            ctx.obj.flags.color = False

    def limit(ctx: click.Context, _: click.Parameter, value: float | None) -> None:
        if value and ctx.obj is not None:
            ctx.obj.flags.rpc_timeout = value

    def hidden(*names: str, **kwargs: Any) -> click.Option:
        return click.Option(list(names), hidden=True, expose_value=False, **kwargs)

    return [
        hidden("-v", "--verbose", is_flag=True, callback=be_verbose),
        hidden("--no-metrics", is_flag=True),
        hidden("--no-color", is_flag=True, callback=be_plain),
        hidden("--rpc-timeout", type=GoDuration(), callback=limit),
    ]


def _as_here(command: click.Command, args: Sequence[str]) -> list[str]:
    """Flags as Go programs take them: `--progress=false`, `--raw=true`, `-o=yaml`."""
    options = {name: option for option in command.params if isinstance(option, click.Option) for name in option.opts}
    found: list[str] = []
    for place, word in enumerate(args):
        name, sign, value = word.partition("=")
        option = options.get(name) if sign else None
        if word == "--":
            return [*found, *args[place:]]
        if option is None or not (option.is_flag or len(name) == 2):
            found.append(word)
        elif not option.is_flag:
            found.extend((name, value))
        elif value.lower() in _TRUE:
            found.append(name)
        elif value.lower() in _FALSE:
            found.extend(option.secondary_opts[:1])
        else:
            raise click.UsageError(f"{name} is a flag: give true or false, not {value!r}")
    return found


class GoDuration(click.ParamType):  # type: ignore[type-arg]  # in newer releases of click only
    """A length of time such as `10s`, `1h30m` or `0`; becomes seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Reads it; a number stays what it is."""
        if isinstance(value, int | float):
            return float(value)
        parts = _DURATION_PART.findall(value)
        if (value != "0" and "".join(map("".join, parts)) != value) or not value:
            self.fail(f"{value!r} is not a length of time such as 90s, 5m or 1h30m", param, ctx)
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)


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
