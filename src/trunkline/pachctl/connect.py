"""Chooses the server, and makes its services callable with errors of our own tree.

The order: `PACHD_ADDRESS`, `ADDRESS`, the active context of the configuration file, the local pachd of the
home. Invariant: a call that fails raises a `TrunklineError`, never a gRPC error; no call is repeated.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from trunkline.client.address import Address, parse
from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import config, embedded

if TYPE_CHECKING:
    from trunkline.pachctl.app import App

# gRPC reads these when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc
from grpc.experimental import ChannelOptions

from trunkline.client.faults import from_rpc

LARGEST_MESSAGE = 20 * 1024 * 1024


class Target(NamedTuple):
    """A server that somebody configured.

    Attributes:
        address: where it listens.
        origin: who said so, for messages.
        context: certificates and token, if it came from the configuration file.
    """

    address: Address
    origin: str
    context: config.Context | None = None


class Service:
    """One gRPC service: its methods, with errors of our tree, the token of the context, and its transaction."""

    def __init__(self, stub: Any, server: Server) -> None:
        self._stub = stub
        self._server = server

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._stub, name)
        streams = isinstance(method, grpc.UnaryStreamMultiCallable)
        return partial(self._stream if streams else self._call, method)

    def _call(self, method: Any, request: Any, timeout: float | None = None) -> Any:
        server = self._server
        call = method.future(request, timeout=timeout or server.timeout, metadata=server.metadata)
        try:
            return call.result()
        except grpc.RpcError as error:
            raise server.explain(error) from None
        except BaseException:
            call.cancel()
            raise

    def _stream(self, method: Any, request: Any, timeout: float | None = None) -> Iterator[Any]:
        server = self._server
        call = method(request, timeout=timeout or server.timeout, metadata=server.metadata)
        try:
            yield from call
        except grpc.RpcError as error:
            raise server.explain(error) from None
        finally:
            call.cancel()


class Server:
    """A connection: one property per service, made when it is first asked for.

    Attributes:
        address: for messages.
        local: whether it is the local pachd of the home.
        timeout: of each call, in seconds; nothing for as long as it takes.
        transaction: id of the one that calls are added to; empty for none.
    """

    def __init__(
        self, address: Address, remedy: str, *, local: bool, token: str = "", roots: bytes | None = None
    ) -> None:
        self.address = str(address) if address.secure else address.target
        self.local = local
        self.timeout: float | None = None
        self.transaction = ""
        self._remedy = remedy
        self._token = token
        self._channel = _channel(address, roots)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...] | None:
        """What is sent along with each call."""
        given = (("authn-token", self._token), ("pach-transaction", self.transaction))
        return tuple(pair for pair in given if pair[1]) or None

    @cached_property
    def pfs(self) -> Service:
        """`pfs_v2.API`."""
        from trunkline.wire.pfs_pb2_grpc import APIStub

        return self._service(APIStub)

    @cached_property
    def pps(self) -> Service:
        """`pps_v2.API`."""
        from trunkline.wire.pps_pb2_grpc import APIStub

        return self._service(APIStub)

    @cached_property
    def version(self) -> Service:
        """`versionpb_v2.API`."""
        from trunkline.wire.version_pb2_grpc import APIStub

        return self._service(APIStub)

    @cached_property
    def admin(self) -> Service:
        """`admin_v2.API`."""
        from trunkline.wire.admin_pb2_grpc import APIStub

        return self._service(APIStub)

    @cached_property
    def transactions(self) -> Service:
        """`transaction_v2.API`."""
        from trunkline.wire.transaction_pb2_grpc import APIStub

        return self._service(APIStub)

    @cached_property
    def edits(self) -> Service:
        """`metadata.API`."""
        from trunkline.wire.metadata_pb2_grpc import APIStub

        return self._service(APIStub)

    @cached_property
    def auth(self) -> Service:
        """`auth_v2.API`."""
        from trunkline.wire.auth_pb2_grpc import APIStub

        return self._service(APIStub)

    @cached_property
    def enterprise(self) -> Service:
        """`enterprise_v2.API`."""
        from trunkline.wire.enterprise_pb2_grpc import APIStub

        return self._service(APIStub)

    @cached_property
    def environments(self) -> Service:
        """`trunkline.v1.Environments`."""
        from trunkline.wire.trunkline_pb2_grpc import EnvironmentsStub

        return self._service(EnvironmentsStub)

    @cached_property
    def content(self) -> Service:
        """`trunkline.v1.Content`."""
        from trunkline.wire.content_pb2_grpc import ContentStub

        return self._service(ContentStub)

    @cached_property
    def state(self) -> Service:
        """`trunkline.v1.Server`."""
        from trunkline.wire.trunkline_pb2_grpc import ServerStub

        return self._service(ServerStub)

    @cached_property
    def listing(self) -> Service:
        """`trunkline.v1.Listing`."""
        from trunkline.wire.listing_pb2_grpc import ListingStub

        return self._service(ListingStub)

    @cached_property
    def reasons(self) -> Service:
        """`trunkline.v1.Explain`."""
        from trunkline.wire.explain_pb2_grpc import ExplainStub

        return self._service(ExplainStub)

    @cached_property
    def lineage(self) -> Service:
        """`trunkline.v1.Lineage`."""
        from trunkline.wire.lineage_pb2_grpc import LineageStub

        return self._service(LineageStub)

    @cached_property
    def worker(self) -> Service:
        """`pachyderm.worker.Worker`, which only a worker has."""
        from trunkline.wire.worker_pb2_grpc import WorkerStub

        return self._service(WorkerStub)

    @cached_property
    def upkeep(self) -> Service:
        """`trunkline.v1.Upkeep`."""
        from trunkline.wire.upkeep_pb2_grpc import UpkeepStub

        return self._service(UpkeepStub)

    def close(self) -> None:
        """Ends the connection and whatever is under way on it."""
        self._channel.close()

    def _service(self, stub: Callable[[Any], Any]) -> Service:
        return Service(stub(self._channel), self)

    def explain(self, error: Exception) -> Exception:
        """The error of our tree for one of gRPC's."""
        return from_rpc(error, self.address, self._remedy)


def configured(app: App) -> Target | None:
    """The server that the environment or the configuration file names, or nothing.

    Raises:
        InvalidRequest: an address or a file that cannot be read.
        NotFound: `PACH_CONTEXT` names no context.
    """
    for variable in ("PACHD_ADDRESS", "ADDRESS"):
        given = app.environ.get(variable)
        if given:
            return Target(parse(given), variable)
    context = config.active_context(app.environ, config.config_path(app.environ))
    if not context.pachd_address:
        return None
    return Target(parse(context.pachd_address), f"context {context.name} in {context.file}", context)


def connect(app: App) -> Server:
    """The configured server; or the local one, started if none runs."""
    target = configured(app)
    if target is None:
        return connect_local(app, start_local(app))
    return connect_configured(app, target)


def connect_configured(app: App, target: Target) -> Server:
    """A connection to a configured server; whether one answers shows at the first call."""
    if app.verbose:
        app.note(f"using {target.address} ({target.origin})")
    remedy = f"start it, or correct the address ({target.origin})"
    token = target.context.session_token if target.context is not None else ""
    return Server(target.address, remedy, local=False, token=token, roots=_roots(app, target))


def connect_local(app: App, running: embedded.Running) -> Server:
    """A connection to the local pachd."""
    if app.verbose:
        app.note(f"using {running.address} (home {app.home})")
    remedy = f"see {app.home / 'logs'}, or run pachctl start-pachd"
    return Server(parse(running.address), remedy, local=True)


def start_local(app: App) -> embedded.Running:
    """The local pachd of the home; if it had to be started, says so in one line.

    Raises:
        Unreachable, StorageFailed: as `embedded.start`.
    """
    found = embedded.find(app.home)
    if found is not None:
        return found
    running, started = embedded.start(app.home, app.environ, app.daemon)
    if started:
        app.note(
            f"started pachd (pid {running.pid}, {running.address}, home {app.home}); stop it with: pachctl stop-pachd"
        )
    return running


def _channel(address: Address, roots: bytes | None) -> grpc.Channel:
    options: list[tuple[str, int]] = [
        ("grpc.max_send_message_length", LARGEST_MESSAGE),
        ("grpc.max_receive_message_length", LARGEST_MESSAGE),
        # Who reads a stream waits for its messages itself: half the time of a thread that hands each of them over.
        (ChannelOptions.SingleThreadedUnaryStream, 1),
    ]
    if address.loopback:
        options.append(("grpc.enable_http_proxy", 0))
    if not address.secure:
        return grpc.insecure_channel(address.target, options)
    return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(roots), options)


def _roots(app: App, target: Target) -> bytes | None:
    """Certificates that the server's must come from: the context's, those of `PACH_CA_CERTS`, the system's."""
    if not target.address.secure:
        return None
    if target.context is not None and target.context.server_cas:
        return target.context.server_cas
    given = app.environ.get("PACH_CA_CERTS")
    if not given:
        return None
    try:
        return Path(given).read_bytes()
    except OSError as error:
        raise InvalidRequest(f"cannot read PACH_CA_CERTS {given}: {error.strerror}") from None
