"""Pipeline files as Jsonnet templates: the server renders them, so that each client has the same language.

Invariant: nothing is created before the whole template is rendered and what came out is read.
"""

from __future__ import annotations

from typing import Any

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import specs
from trunkline.pachctl.connect import Server
from trunkline.wire import pps_pb2 as pps

Json = dict[str, Any]

template_flag = click.option(
    "--jsonnet", "template", metavar="FILE", help="A Jsonnet template instead of --file: a file, a URL, or -."
)
argument_flag = click.option(
    "--arg",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the template, a text; may be given several times.",
)


def check(origin: str | None, template: str | None, arguments: tuple[str, ...]) -> None:
    """Refuses flags that do not go together.

    Raises:
        InvalidRequest: a file and a template; arguments without a template.
    """
    if origin is not None and template is not None:
        raise InvalidRequest("cannot set both --file and --jsonnet; exactly one must be set")
    if arguments and template is None:
        raise InvalidRequest("--arg is for --jsonnet, which is not given")


def read(server: Server, template: str, arguments: tuple[str, ...]) -> list[Json]:
    """The specifications that a template makes.

    Args:
        template: a file, a URL or `-`.
        arguments: `NAME=VALUE` each.

    Raises:
        NotFound, InvalidRequest: there is no such file; an argument or the template is wrong.
    """
    given: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not name or not equals:
            raise InvalidRequest(f'invalid argument "{argument}": give --arg NAME=VALUE')
        if name in given:
            raise InvalidRequest(f"the argument {name} is given twice: keep one")
        given[name] = value
    request = pps.RenderTemplateRequest(template=specs.text(template), args=given)
    return specs.documents(server.pps.RenderTemplate(request).json, f"the rendered {template}")
