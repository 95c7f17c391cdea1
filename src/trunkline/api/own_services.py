"""`trunkline.v1.Server` and `trunkline.v1.Environments`: what the public API cannot express."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert_work
from trunkline.api.dispatch import Call
from trunkline.pps.environments import Environment
from trunkline.pps.pps import Pps
from trunkline.wire import trunkline_pb2 as wire


class ServerService:
    """The state of this pachd, and its end.

    Args:
        status: makes the message.
        stop: begins the shutdown; must return at once.
    """

    def __init__(self, status: Callable[[], wire.ServerStatus], stop: Callable[[], None]) -> None:
        self._status, self._stop = status, stop

    def Status(self, request: Empty, call: Call) -> wire.ServerStatus:
        """What runs here."""
        return self._status()

    def Shutdown(self, request: Empty, call: Call) -> Empty:
        """Ends pachd, in order."""
        self._stop()
        return Empty()


class EnvironmentService:
    """Local environments."""

    def __init__(self, pps: Pps) -> None:
        self._pps = pps

    def CreateEnvironment(self, request: wire.CreateEnvironmentRequest, call: Call) -> wire.Environment:
        """Registers one."""
        given = request.environment
        made = self._pps.create_environment(
            Environment(given.image, given.root, dict(given.variables), tuple(given.search_path)),
            update=request.update,
        )
        return self._message(made)

    def ListEnvironment(self, request: Empty, call: Call) -> wire.ListEnvironmentResponse:
        """All of them, by image name."""
        found = [self._message(one) for one in self._pps.list_environments()]
        return wire.ListEnvironmentResponse(environments=found)

    def DeleteEnvironment(self, request: wire.DeleteEnvironmentRequest, call: Call) -> Empty:
        """Removes one from the list."""
        self._pps.delete_environment(request.image)
        return Empty()

    def _message(self, value: Environment) -> wire.Environment:
        return convert_work.environment(value, digest=self._pps.digest_of(value))
