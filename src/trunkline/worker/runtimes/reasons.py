"""Why a command could not be started, in the words of somebody who can do something about it."""

from __future__ import annotations

import errno
import os

from trunkline.worker.runtimes.protocol import CannotStart, Command, Request


def cannot_start(request: Request, command: Command, step: str, number: int) -> CannotStart:
    """The error for a step that failed between fork and exec."""
    name = command.argv[0]
    why = os.strerror(number)
    if step == "cwd":
        return CannotStart(
            f"working_dir {command.cwd}: {why.lower()}; give a folder that the environment or the machine has"
        )
    if step == "user":
        return CannotStart(f"cannot become user {request.user!r}: {why.lower()}; start pachd as root")
    if step == "missing":
        return CannotStart(_missing(request, name))
    if step == "interpreter":
        return CannotStart(f"{name} cannot be started: there is no such interpreter as its first line names")
    if number == errno.ENOEXEC:
        return CannotStart(
            f"{name} cannot be started: exec format error; it is neither a program for this machine nor has it a "
            "first line with #!"
        )
    if number == errno.EACCES:
        return CannotStart(f"{name} cannot be started: permission denied; make it executable (chmod +x)")
    return CannotStart(f"{name} cannot be started: {why.lower()}")


def unknown_image(image: str) -> str:
    """What the log says when a pipeline's image means nothing here."""
    return f'image "{image}" is not a local environment: running on the machine itself'


def _missing(request: Request, name: str) -> str:
    image = request.environment.image if request.environment is not None else request.image
    register = f"register a folder that has it with pachctl create-environment {image} --root DIR"
    if request.environment is not None:
        root = request.environment.root or "no folder"
        return f'neither the environment "{image}" ({root}) nor this machine has {name}: {register}'
    if request.image:
        return f'image "{request.image}" is unknown here and this machine has no {name}: {register}'
    return f"this machine has no {name}: name an image that is a local environment, see pachctl create-environment"
