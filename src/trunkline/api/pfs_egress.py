"""Commits sent out over gRPC: all files of one into a bucket, or as rows into the tables of a database."""

from __future__ import annotations

from collections.abc import Callable

from trunkline.api.dispatch import Call
from trunkline.api.pfs_files import FileCalls
from trunkline.kernel.errors import FailedPrecondition, InvalidRequest
from trunkline.pfs import destinations
from trunkline.pfs.sql.load import Target, load
from trunkline.wire import pfs_pb2

Passwords = Callable[[str, str], str]
"""The value of a key of a secret, by the secret's name and the key."""


def no_secrets(name: str, key: str) -> str:
    """For a server without secrets.

    Raises:
        FailedPrecondition: always.
    """
    raise FailedPrecondition(f'there is no secret "{name}" with the key "{key}": this server keeps none')


class EgressCalls(FileCalls):
    """The RPC that sends a commit out."""

    _passwords: Passwords

    def Egress(self, request: pfs_pb2.EgressRequest, call: Call) -> pfs_pb2.EgressResponse:
        """Writes all files of a commit into an object store, or loads them into a database."""
        target = request.WhichOneof("target")
        view = self._everything(request.commit, call)
        files = view.walk("/")
        if target == "sql_database":
            wanted, password = self._database(request.sql_database)
            rows = load(self._pfs.urls, wanted, password, view, files, call.alive)
            return pfs_pb2.EgressResponse(sql_database={"rows_written": rows})
        written = destinations.write(self._pfs.urls, request.object_storage.url, view, files, call.alive)
        return pfs_pb2.EgressResponse(object_storage={"bytes_written": written})

    def _database(self, message: pfs_pb2.SQLDatabaseEgress) -> tuple[Target, str]:
        """Where rows go, and the password that a secret holds."""
        types = pfs_pb2.SQLDatabaseEgress.FileFormat.Type
        number = message.file_format.type
        known = {value: name for name, value in types.items()}
        target = Target(message.url, known.get(number, str(number)), tuple(message.file_format.columns))
        if not message.HasField("secret"):
            return target, ""
        if not message.secret.name or not message.secret.key:
            raise InvalidRequest("sql_database.secret.name and sql_database.secret.key are required")
        return target, self._passwords(message.secret.name, message.secret.key)
