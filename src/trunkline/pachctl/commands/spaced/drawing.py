"""draw pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl import pickers
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import project_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import dag
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

_LEAST_WIDTH = 3


@command("draw pipeline", example="pachctl draw pipeline")
@click.option("-c", "--commit", metavar="ID", help="The pipelines as they were in this commit set.")
@click.option("--box-width", default=11, metavar="NUMBER", help="Characters of a name in its box; 11 unless given.")
@click.option("--edge-height", default=5, metavar="NUMBER", help="Lines between boxes; 5 unless given.")
@project_flag
def draw_pipeline(app: App, commit: str | None, box_width: int, edge_height: int) -> None:
    """Draw the pipelines of a project and the repos that they read."""
    if commit is not None and not is_id(commit):
        raise InvalidRequest(f'invalid commit set id "{commit}": give an ID of pachctl list commit')
    if box_width < _LEAST_WIDTH or edge_height < 1:
        raise InvalidRequest(f"--box-width is at least {_LEAST_WIDTH}, and --edge-height at least 1")
    request = pps.ListPipelineRequest(
        details=True,
        commit_set=None if commit is None else pfs.CommitSet(id=commit),
        projects=pickers.projects(app, False),
    )
    sys.stdout.write(dag.draw(graph(app.server.pps.ListPipeline(request), app.project), box_width, edge_height))


def graph(infos: Iterable[pps.PipelineInfo], project: str) -> dict[str, list[str]]:
    """What each pipeline reads; names of other projects have the project before them."""

    def named(name: str, home: str) -> str:
        return name if home in ("", project) else f"{home}/{name}"

    return {
        named(info.pipeline.name, info.pipeline.project.name): list(
            dict.fromkeys(named(name, home) for name, home in _read(info.details.input))
        )
        for info in infos
    }


def _read(given: pps.Input) -> Iterator[tuple[str, str]]:
    """The repo and the project of each input."""
    if given.HasField("pfs"):
        yield given.pfs.repo, given.pfs.project
    if given.HasField("cron"):
        yield given.cron.repo, given.cron.project
    for several in (given.cross, given.union, given.join, given.group):
        for one in several:
            yield from _read(one)
