"""Secrets over gRPC. Values come in, sealed at once; none goes out."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert
from trunkline.api.dispatch import Call
from trunkline.kernel.errors import InvalidRequest
from trunkline.pps import manifest, secrets
from trunkline.pps.pps import Pps
from trunkline.pps.secrets import Secret
from trunkline.wire import pps_pb2


class SecretCalls:
    """The RPCs of secrets."""

    _pps: Pps

    def CreateSecret(self, request: pps_pb2.CreateSecretRequest, call: Call) -> Empty:
        """Keeps a secret, given as the manifest of a Kubernetes Secret in JSON."""
        given = manifest.read(request.file)
        sealed, key_id = self._pps.vault.seal(given.name, given.values)
        self._pps.pfs.change(lambda change: secrets.create(change, given, sealed, key_id))
        return Empty()

    def DeleteSecret(self, request: pps_pb2.DeleteSecretRequest, call: Call) -> Empty:
        """Removes a secret."""
        name = _name(request)
        self._pps.pfs.change(lambda change: secrets.delete(change, name))
        return Empty()

    def InspectSecret(self, request: pps_pb2.InspectSecretRequest, call: Call) -> pps_pb2.SecretInfo:
        """One secret, without its values."""
        with self._pps.pfs.catalog.read() as tx:
            return _info(secrets.inspect(tx, _name(request)))

    def ListSecret(self, request: Empty, call: Call) -> pps_pb2.SecretInfos:
        """All secrets by name, without their values."""
        with self._pps.pfs.catalog.read() as tx:
            return pps_pb2.SecretInfos(secret_info=map(_info, secrets.select(tx)))


def _name(request: pps_pb2.DeleteSecretRequest | pps_pb2.InspectSecretRequest) -> str:
    if not request.HasField("secret"):
        raise InvalidRequest(f"validate request: {request.DESCRIPTOR.name}.secret: value is required")
    return request.secret.name


def _info(secret: Secret) -> pps_pb2.SecretInfo:
    return pps_pb2.SecretInfo(
        secret=pps_pb2.Secret(name=secret.name),
        type=secret.type,
        creation_timestamp=convert.timestamp(secret.created),
    )
