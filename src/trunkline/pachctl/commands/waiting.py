"""flush-commit, flush-job, subscribe-commit: commands that wait for what happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import provenance, refs, table
from trunkline.pachctl import raw as json
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import commits as calls
from trunkline.pachctl.connect import Server
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.provenance import Key, key
from trunkline.pachctl.views import commits as view
from trunkline.pachctl.views import jobs as job_view
from trunkline.pachctl.views.cells import repo_of
from trunkline.pachctl.watching import Watching, of_sets
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps


@verb("REPO/COMMIT...", example="pachctl flush-commit training_data/master")
@click.option(
    "-r", "--repos", multiple=True, metavar="REPO", help="Only commits in this repo; may be given several times."
)
@raw_flag
def flush_commit(app: App, repo_commit: tuple[str, ...], repos: tuple[str, ...], raw: bool) -> None:
    """Wait for everything that commits caused, and list it.

    Returns when every output commit that came from the given commits is finished, with or without an error.
    """
    starts = [provenance.inspect(app.server, refs.commit_path(word)) for word in repo_commit]
    infos = _caused(app.server, starts)
    chosen = (info for info in infos if not repos or repo_of(info.commit).name in repos)
    if raw:
        json.show(chosen)
    else:
        table.show(view.HEADER, (view.row(info, app.now()) for info in chosen))


@verb("REPO/COMMIT...", example="pachctl flush-job training_data/master")
@click.option(
    "-p",
    "--pipeline",
    "pipelines",
    multiple=True,
    metavar="PIPELINE",
    help="Only jobs of this pipeline; may be given several times.",
)
@raw_flag
def flush_job(app: App, repo_commit: tuple[str, ...], pipelines: tuple[str, ...], raw: bool) -> None:
    """Wait for all jobs that commits caused, and list them.

    Returns when they have ended, whether they succeeded or not. On a terminal it shows meanwhile how many datums are
    done.
    """

    def wanted(info: pps.JobInfo) -> bool:
        return not pipelines or info.job.pipeline.name in pipelines

    starts = [provenance.inspect(app.server, refs.commit_path(word)) for word in repo_commit]
    sets = list(dict.fromkeys(info.commit.id for info in starts))
    with Watching(of_sets(app.server, sets, wanted), show=not raw):
        outputs = [key(info.commit) for info in _caused(app.server, starts)]
        chosen = [info for info in _jobs_of(app.server, outputs) if wanted(info)]
    if raw:
        json.show(chosen)
    else:
        table.show(job_view.HEADER, (job_view.row(info, app.now()) for info in chosen))


@verb("REPO BRANCH", example="pachctl subscribe-commit model master --new")
@click.option("--from", "since", metavar="COMMIT", help="Only commits after this one.")
@click.option("--new", is_flag=True, help="Only commits that are made from now on.")
@raw_flag
def subscribe_commit(app: App, repo: str, branch: str, since: str | None, new: bool, raw: bool) -> None:
    """Print the commits of a branch as they finish, until stopped.

    Those that are there come first, oldest first.
    """
    if new and since is not None:
        raise InvalidRequest("--new and --from cannot both be provided")
    owner = refs.repo(repo)
    first = None if since is None else refs.commit(repo, since)
    last = calls.last_seen(app.server, owner, branch, first, new=new)
    infos = calls.subscribed(app.server, owner, branch, last)
    if raw:
        json.show(infos)
    else:
        rows = (view.row(info, app.now()) for info in infos)
        table.show_live(view.HEADER, rows, view.LEAST_WIDTHS)


def _caused(server: Server, starts: Iterable[pfs.CommitInfo]) -> Iterator[pfs.CommitInfo]:
    """Every finished commit of a user's repo that came from one of the commits; each once."""
    seen: set[Key] = set()
    for start in starts:
        for info in provenance.downstream(server, start):
            if repo_of(info.commit).type in ("", "user") and key(info.commit) not in seen:
                seen.add(key(info.commit))
                yield info


def _jobs_of(server: Server, outputs: Sequence[Key]) -> Iterator[pps.JobInfo]:
    """The ended jobs that made these commits."""
    wanted = set(outputs)
    for set_id in dict.fromkeys(commit_key[-1] for commit_key in outputs):
        request = pps.InspectJobSetRequest(job_set=pps.JobSet(id=set_id), wait=True)
        for info in server.pps.InspectJobSet(request):
            if key(info.output_commit) in wanted:
                yield info
