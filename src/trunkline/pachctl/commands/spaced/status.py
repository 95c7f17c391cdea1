"""check status: pipelines that somebody should look at."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.pachctl import pickers, show, table
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import all_projects_flag, output_flags, project_flag
from trunkline.pachctl.grammar import command
from trunkline.wire import pps_pb2 as pps

HEADER = ("PROJECT", "PIPELINE", "ALERT")


@command("check status", example="pachctl check status")
@all_projects_flag
@output_flags
@project_flag
def check_status(app: App, all_projects: bool) -> None:
    """List what should be looked at: pipelines that have been up for longer than their specification expects."""
    request = pps.CheckStatusRequest(all=True)
    if not all_projects:
        request = pps.CheckStatusRequest(project=pickers.project(app))
    found = app.server.pps.CheckStatus(request)
    if app.flags.raw:
        show.raw(app, found)
        return

    def rows() -> Iterator[tuple[str, str, str]]:
        for one in found:
            for alert in one.alerts:
                yield one.pipeline.project.name, one.pipeline.name, alert

    table.show(HEADER, rows())
