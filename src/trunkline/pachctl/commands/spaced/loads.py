"""run pps-load-test."""

from __future__ import annotations

import click

from trunkline.kernel.errors import Refused
from trunkline.pachctl import show, specs
from trunkline.pachctl.app import App
from trunkline.pachctl.grammar import command
from trunkline.wire import pps_pb2 as pps


@command("run pps-load-test", "[FILE]", example="pachctl run pps-load-test --seed 7")
@click.option("-d", "--dag", metavar="FILE", help="Pipelines as in a pipeline file; one that copies unless given.")
@click.option("-s", "--seed", default=0, metavar="NUMBER", help="The same number makes the same files; 0 unless given.")
@click.option("--parallelism", default=0, metavar="NUMBER", help="Workers of each pipeline, whatever its spec says.")
@click.option("--pod-patch", metavar="FILE", help="The pod patch of each pipeline.")
@click.option("--state-id", default="", metavar="ID", help="Go on with the load of an earlier test.")
def run_pps_load_test(
    app: App, file: str | None, dag: str | None, seed: int, parallelism: int, pod_patch: str | None, state_id: str
) -> None:
    """Put random files into a project of its own, run pipelines over them, and see that all comes out right.

    FILE says how much: {commits: 3, files: 20, deletes: 2, least_bytes: 0, most_bytes: 100000, directories: 4}, in YAML
    or JSON, where each field may be left out. Pipelines read the repo load. The project stays, to be looked into and
    deleted; its name is printed as the state_id.
    """

    def text(origin: str | None) -> str:
        return "" if origin is None else specs.text(origin)

    request = pps.RunLoadTestRequest(
        dag_spec=text(dag),
        load_spec=text(file),
        seed=seed,
        parallelism=parallelism,
        pod_patch=text(pod_patch),
        state_id=state_id,
    )
    answer = app.server.pps.RunLoadTest(request)
    if answer.error:
        raise Refused(f"load test {answer.state_id} failed: {answer.error}")
    print(show.json_text(answer))
