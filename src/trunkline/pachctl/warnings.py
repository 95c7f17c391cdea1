"""What the server has to say about this client, asked once before the first call of a spaced command.

Invariant: a server that cannot answer the question is used all the same; only one that is not there stops a command.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from trunkline.kernel.errors import TrunklineError, Unreachable
from trunkline.kernel.version import API_VERSION
from trunkline.wire import admin_pb2 as admin
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import version_pb2

if TYPE_CHECKING:
    from trunkline.pachctl.app import App
    from trunkline.pachctl.connect import Server

SILENCED_BY = "PACHYDERM_IGNORE_VERSION_SKEW"


def own_version() -> version_pb2.Version:
    """The release of the public API that this program speaks."""
    major, minor, micro = API_VERSION
    return version_pb2.Version(major=major, minor=minor, micro=micro)


def cluster(app: App, server: Server) -> admin.ClusterInfo:
    """The installation, as this client sees it in its current project."""
    request = admin.InspectClusterRequest(client_version=own_version(), current_project=pfs.Project(name=app.project))
    info: admin.ClusterInfo = server.admin.InspectCluster(request)
    return info


def warn(app: App, server: Server) -> None:
    """Prints the server's warnings on standard error.

    Raises:
        Unreachable: no server answers.
    """
    try:
        info = cluster(app, server)
    except Unreachable:
        raise
    except TrunklineError:
        return
    if app.environ.get(SILENCED_BY) != "1":
        for text in info.warnings:
            print(text, file=sys.stderr)
