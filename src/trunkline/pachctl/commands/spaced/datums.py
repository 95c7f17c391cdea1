"""list, inspect and restart datum."""

from __future__ import annotations

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import pickers, show, specs
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import output_flags, project_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import datums as view
from trunkline.wire import pps_pb2 as pps


@command("list datum", "[PIPELINE@ID]", example="pachctl list datum infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@click.option("-f", "--file", "origin", metavar="SPEC", help="The datums that the input of this specification makes.")
@output_flags
@project_flag
def list_datum(app: App, pipeline_id: str | None, origin: str | None) -> None:
    """List the datums of a job, or of an input that no job has read.

    TIME is what it took to get the input, to run the code and to keep the output.
    """
    if pipeline_id is not None and origin is not None:
        raise InvalidRequest("can't specify both a job and a pipeline spec")
    if pipeline_id is not None:
        request = pps.ListDatumRequest(job=pickers.job(app, pipeline_id))
    elif origin is not None:
        request = pps.ListDatumRequest(input=_input(origin))
    else:
        raise InvalidRequest("must specify either a job or a pipeline spec")
    show.listing(app, app.server.pps.ListDatum(request), view.HEADER, lambda info: view.row(app, info))


@command(
    "inspect datum", "PIPELINE@ID DATUM", example="pachctl inspect datum infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43 ID"
)
@output_flags
@project_flag
def inspect_datum(app: App, pipeline_id: str, datum: str) -> None:
    """Show one datum and the files that it reads."""
    request = pps.InspectDatumRequest(datum=pps.Datum(job=pickers.job(app, pipeline_id), id=datum))
    show.one(app, app.server.pps.InspectDatum(request), view.detail)


@command(
    "restart datum", "PIPELINE@ID PATHS", example="pachctl restart datum infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43 /2.json"
)
@project_flag
def restart_datum(app: App, pipeline_id: str, paths: str) -> None:
    """Begin a running datum again.

    PATHS are input files (or their hashes) of the datum, separated by commas; all of them have to be its input.
    """
    filters = [path for path in paths.split(",") if path]
    if not filters:
        raise InvalidRequest("restart datum needs the path of an input file, not an empty word")
    app.server.pps.RestartDatum(pps.RestartDatumRequest(job=pickers.job(app, pipeline_id), data_filters=filters))


def _input(origin: str) -> pps.Input:
    """The input of the one specification of a source."""
    from google.protobuf.json_format import ParseDict, ParseError

    found = specs.read(origin)
    if len(found) != 1 or not isinstance(found[0].get("input"), dict):
        raise InvalidRequest(f"malformed pipeline spec: {origin} needs one specification with an input")
    try:
        return ParseDict(found[0]["input"], pps.Input())
    except ParseError as error:
        raise InvalidRequest(f"malformed pipeline spec: {error}") from None
