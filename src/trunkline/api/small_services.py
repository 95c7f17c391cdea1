"""Version, admin, and the services that answer as an installation without them does."""

from __future__ import annotations

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from grpc_reflection.v1alpha import reflection_pb2 as alpha_reflection

from trunkline.api import version_check
from trunkline.api.dispatch import AuthNotActivated, Call, refusing, service
from trunkline.api.health import HealthService
from trunkline.api.metadata import MetadataService
from trunkline.api.reflection import AlphaReflectionService, ReflectionService
from trunkline.api.storage_service import StorageService
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
    identity_pb2,
    license_pb2,
    metadata_pb2,
    pfs_pb2,
    pps_pb2,
    reflection_pb2,
    storage_pb2,
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
    """What of `enterprise_v2.API` has an answer without a licence."""

    def GetState(self, request: enterprise_pb2.GetStateRequest, call: Call) -> enterprise_pb2.GetStateResponse:
        """There is no licence, and nothing needs one."""
        return enterprise_pb2.GetStateResponse(state=enterprise_pb2.NONE)

    def GetActivationCode(
        self, request: enterprise_pb2.GetActivationCodeRequest, call: Call
    ) -> enterprise_pb2.GetActivationCodeResponse:
        """There is none."""
        return enterprise_pb2.GetActivationCodeResponse(state=enterprise_pb2.NONE)

    def PauseStatus(self, request: enterprise_pb2.PauseStatusRequest, call: Call) -> enterprise_pb2.PauseStatusResponse:
        """Nothing is ever paused."""
        return enterprise_pb2.PauseStatusResponse(status=enterprise_pb2.PauseStatusResponse.UNPAUSED)


class LicenceState:
    """What of `license_v2.API` has an answer without a licence server."""

    def GetActivationCode(
        self, request: license_pb2.GetActivationCodeRequest, call: Call
    ) -> license_pb2.GetActivationCodeResponse:
        """There is none."""
        return license_pb2.GetActivationCodeResponse(state=enterprise_pb2.NONE)

    def ListClusters(self, request: license_pb2.ListClustersRequest, call: Call) -> license_pb2.ListClustersResponse:
        """No cluster is licensed."""
        return license_pb2.ListClustersResponse()

    def ListUserClusters(
        self, request: license_pb2.ListUserClustersRequest, call: Call
    ) -> license_pb2.ListUserClustersResponse:
        """No cluster is licensed."""
        return license_pb2.ListUserClustersResponse()

    def DeleteAll(self, request: license_pb2.DeleteAllRequest, call: Call) -> license_pb2.DeleteAllResponse:
        """Nothing is there to be deleted."""
        return license_pb2.DeleteAllResponse()


_NO_LOGIN = AuthNotActivated("the auth service is not activated")
_NO_LICENCES = NotBuilt("trunkline has no licences: nothing needs one")


def handlers(pfs: Pfs) -> list[grpc.GenericRpcHandler]:
    """The services of this module, those that stand alone, and what tells of the health of all and of what there is."""
    named = [descriptor.full_name for descriptor in _public()]
    alpha = alpha_reflection.DESCRIPTOR.services_by_name["ServerReflection"]
    return [
        service(health_pb2.DESCRIPTOR.services_by_name["Health"], HealthService(named, pfs.catalog.watch)),
        service(reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"], ReflectionService(named)),
        service(alpha, AlphaReflectionService(named)),
        service(metadata_pb2.DESCRIPTOR.services_by_name["API"], MetadataService(pfs)),
        service(version_pb2.DESCRIPTOR.services_by_name["API"], VersionService()),
        service(admin_pb2.DESCRIPTOR.services_by_name["API"], AdminService(pfs)),
        service(storage_pb2.DESCRIPTOR.services_by_name["Fileset"], StorageService(pfs)),
        refusing(auth_pb2.DESCRIPTOR.services_by_name["API"], _NO_LOGIN),
        refusing(identity_pb2.DESCRIPTOR.services_by_name["API"], _NO_LOGIN),
        refusing(enterprise_pb2.DESCRIPTOR.services_by_name["API"], _NO_LICENCES, but=EnterpriseState()),
        refusing(license_pb2.DESCRIPTOR.services_by_name["API"], _NO_LICENCES, but=LicenceState()),
    ]


def _public() -> list[ServiceDescriptor]:
    """The services of the public API, and those that every gRPC server has."""
    named = (
        admin_pb2,
        auth_pb2,
        enterprise_pb2,
        health_pb2,
        identity_pb2,
        license_pb2,
        metadata_pb2,
        pfs_pb2,
        pps_pb2,
        reflection_pb2,
        alpha_reflection,
        storage_pb2,
        transaction_pb2,
        version_pb2,
    )
    return [descriptor for module in named for descriptor in module.DESCRIPTOR.services_by_name.values()]
