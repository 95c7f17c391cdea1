"""The flags that commands of the spaced grammar share: output, timestamps, pager, project.

They are kept in the invocation (`App.flags`), so that no command hands them on; the last word on how something is
printed is `show`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _kept(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Keeps the value of a flag in the invocation."""

    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if ctx.obj is not None and value:
            setattr(ctx.obj.flags, name, value)

    return keep


def output_flags(function: F) -> F:
    """`--raw` and `-o`."""
    form = click.option(
        "-o",
        "--output",
        type=click.Choice(["json", "yaml"]),
        metavar="json|yaml",
        help="With --raw: which.",
        expose_value=False,
        callback=_kept("output"),
    )
    raw = click.option(
        "--raw",
        is_flag=True,
        help="Print whole messages, as JSON unless -o says yaml.",
        expose_value=False,
        callback=_kept("raw"),
    )
    return raw(form(function))


timestamps_flag = click.option(
    "--full-timestamps",
    is_flag=True,
    help="Print times instead of ages.",
    expose_value=False,
    callback=_kept("full_timestamps"),
)
pager_flag = click.option(
    "--no-pager", is_flag=True, help="Accepted, without effect: no pager is used.", expose_value=False
)
project_flag = click.option(
    "--project",
    metavar="NAME",
    help="The project, if it is not the current one.",
    expose_value=False,
    callback=_kept("project"),
)
force_flag = click.option("-f", "--force", is_flag=True, help="Do it even if others depend on it.")
all_projects_flag = click.option("-A", "--all-projects", is_flag=True, help="In all projects.")
