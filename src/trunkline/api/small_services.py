"""Version, admin, and the services that answer as an installation without them does."""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.api import version_check
from trunkline.api.dispatch import AuthNotActivated, Call, refusing, service
from trunkline.api.health import HealthService
from trunkline.api.metadata import MetadataService
from trunkline.catalog import Tx
from trunkline.kernel.errors import NotBuilt
from trunkline.kernel.ids import new_id
from trunkline.kernel.version import API_VERSION, VERSION
from trunkline.pfs import metadata, projects
from trunkline.pfs.pfs import Pfs
from trunkline.wire import (
    admin_pb2,
    auth_pb2,
    enterprise_pb2,
    health_pb2,
    metadata_pb2,
    pfs_pb2,
    pps_pb2,
    transaction_pb2,
    version_pb2,
)


class VersionService:
    """`versionpb_v2.API`."""

    def GetVersion(self, request: Empty, call: Call) -> version_pb2.Version:
        """The release of the API that is spoken; our own version is its build part."""
        return _version()


def _version() -> version_pb2.Version:
    major, minor, micro = API_VERSION
    return version_pb2.Version(
        major=major, minor=minor, micro=micro, additional=f"+trunkline.{VERSION}", platform="python"
    )


class AdminService:
    """`admin_v2.API`."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs

    def InspectCluster(self, request: admin_pb2.InspectClusterRequest, call: Call) -> admin_pb2.ClusterInfo:
        """Facts about the installation, and what the client should know of its version and its project."""
        name = cluster_id(self._pfs)
        client = request.client_version if request.HasField("client_version") else None
        found = version_check.warnings(client, _version())
        with self._pfs.catalog.read() as tx:
            project = request.current_project.name
            if project and projects.find(tx, project) is None:
                found.append(
                    f'WARNING: Could not inspect project "{project}": project "{project}" not found: '
                    "create it, or choose another"
                )
            values = metadata.of_cluster(tx)
        return admin_pb2.ClusterInfo(id=name, deployment_id=name, warnings_ok=True, warnings=found, metadata=values)


def cluster_id(pfs: Pfs) -> str:
    """The id that this installation was given when its catalog was made."""

    def look(tx: Tx) -> str:
        row = tx.row("SELECT value FROM settings WHERE name = 'cluster_id'")
        if row is not None:
            return str(row["value"])
        made = new_id()
        tx.run("INSERT INTO settings (name, value) VALUES ('cluster_id', ?)", (made,))
        return made

    with pfs.catalog.read() as tx:
        row = tx.row("SELECT value FROM settings WHERE name = 'cluster_id'")
    return str(row["value"]) if row is not None else pfs.catalog.write(look)


class EnterpriseState:
    """The one RPC of `enterprise_v2.API` that works without a licence."""

    def GetState(self, request: enterprise_pb2.GetStateRequest, call: Call) -> enterprise_pb2.GetStateResponse:
        """There is no licence, and nothing needs one."""
        return enterprise_pb2.GetStateResponse(state=enterprise_pb2.NONE)


def handlers(pfs: Pfs) -> list[grpc.GenericRpcHandler]:
    """The services of this module, those that stand alone, and the health of everything."""
    named = (admin_pb2, auth_pb2, enterprise_pb2, metadata_pb2, pfs_pb2, pps_pb2, transaction_pb2, version_pb2)
    served = [module.DESCRIPTOR.services_by_name["API"].full_name for module in named]
    return [
        service(health_pb2.DESCRIPTOR.services_by_name["Health"], HealthService(served, pfs.catalog.watch)),
        service(metadata_pb2.DESCRIPTOR.services_by_name["API"], MetadataService(pfs)),
        service(version_pb2.DESCRIPTOR.services_by_name["API"], VersionService()),
        service(admin_pb2.DESCRIPTOR.services_by_name["API"], AdminService(pfs)),
        refusing(
            auth_pb2.DESCRIPTOR.services_by_name["API"],
            AuthNotActivated("the auth service is not activated"),
        ),
        refusing(
            enterprise_pb2.DESCRIPTOR.services_by_name["API"],
            NotBuilt("trunkline has no licences: nothing needs one"),
            but=EnterpriseState(),
        ),
    ]
