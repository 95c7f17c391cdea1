"""create-environment, list-environment, delete-environment: what image names mean on this machine."""

from __future__ import annotations

from pathlib import Path

import click
from google.protobuf.empty_pb2 import Empty

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import raw as json
from trunkline.pachctl import table
from trunkline.pachctl.app import App
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.views.cells import UNKNOWN, ago, when
from trunkline.wire import trunkline_pb2 as own

HEADER = ("IMAGE", "ROOT", "PATH", "VARIABLES", "CREATED")


@verb("IMAGE", example="pachctl create-environment go-train:latest --root stages/train --env LEVEL=3")
@click.option("--root", metavar="DIR", help="A folder whose content appears on top of the machine's root.")
@click.option("--env", "variables", multiple=True, metavar="K=V", help="A variable; may be given several times.")
@click.option(
    "--path", "paths", multiple=True, metavar="DIR", help="A folder put before PATH; may be given several times."
)
@click.option("--update", is_flag=True, help="Replace an environment of the same name.")
def create_environment(
    app: App, image: str, root: str | None, variables: tuple[str, ...], paths: tuple[str, ...], update: bool
) -> None:
    """Say what an image name means on this machine.

    A pipeline whose image has this name runs its command with the folder laid over the machine's root (so that
    a program DIR/train is /train), with these variables and this search path.
    """
    if not image:
        raise InvalidRequest("an environment needs the name of an image, not an empty word")
    environment = own.Environment(
        image=image,
        root="" if root is None else _folder(app, root),
        variables=dict(_variable(word) for word in variables),
        search_path=[_folder(app, path) for path in paths],
    )
    request = own.CreateEnvironmentRequest(environment=environment, update=update)
    app.server.environments.CreateEnvironment(request)


@verb(example="pachctl list-environment")
@raw_flag
def list_environment(app: App, raw: bool) -> None:
    """List the environments of this machine."""
    environments = app.server.environments.ListEnvironment(Empty()).environments
    if raw:
        json.show(environments)
    else:
        table.show(HEADER, (_row(app, environment) for environment in environments))


@verb("IMAGE", example="pachctl delete-environment go-train:latest")
def delete_environment(app: App, image: str) -> None:
    """Forget an environment.

    Its folder stays where it is.
    """
    app.server.environments.DeleteEnvironment(own.DeleteEnvironmentRequest(image=image))


def _row(app: App, environment: own.Environment) -> tuple[str, ...]:
    variables = " ".join(f"{name}={value}" for name, value in sorted(environment.variables.items()))
    return (
        environment.image,
        environment.root or UNKNOWN,
        ":".join(environment.search_path) or UNKNOWN,
        variables or UNKNOWN,
        ago(when(environment, "created"), app.now()),
    )


def _folder(app: App, word: str) -> str:
    """The folder's absolute path; where the server is this machine, one that is there.

    Raises:
        InvalidRequest: it is not there.
    """
    folder = Path(word).expanduser().absolute()
    if app.server.local and not folder.is_dir():
        raise InvalidRequest(f"{word} is not a directory")
    return str(folder)


def _variable(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise InvalidRequest(f'invalid variable "{word}": give NAME=VALUE')
    return name, value
