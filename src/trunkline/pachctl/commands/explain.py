"""explain: why jobs run what they run, what they wait for, what a change would cause."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl import jobsets, pickers, show
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import output_flags, project_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views import explain as view
from trunkline.wire import explain_pb2 as wire


@command("explain", "JOB|COMMIT|REPO [COMMIT]", example="pachctl explain training@master --head master^")
@click.option("--head", metavar="COMMIT", help="With REPO@BRANCH: what would happen if the branch moved there.")
@click.option("--number", type=click.INT, default=0, help="Datums of each job that are shown; 0: 20.")
@click.option("--after", metavar="DATUM", default="", help="Only datums after this one, by id.")
@output_flags
@project_flag
def explain(app: App, job_commit_repo: str, commit: str | None, head: str | None, number: int, after: str) -> None:
    """Show why jobs run what they run, or what a change would cause.

    JOB is PIPELINE@ID, or an ID alone for every job that has it; COMMIT is REPO@COMMIT, or REPO and COMMIT as words of
    their own. For a job, or the output commit of one (model@master): which datums run or ran, and why; what it waits
    for, or why it failed. For any other commit: the jobs that it caused, or, while it is open, will cause. With --head:
    the jobs that there would be if the branch moved to another commit, as for a revert. Nothing is run or changed.
    """
    word = job_commit_repo if commit is None else f"{job_commit_repo}@{commit}"
    answers = (
        answer
        for request in _requests(app, word, head)
        for answer in app.server.reasons.Explain(_with_page(request, number, after))
    )
    if app.flags.raw:
        show.raw(app, answers)
    else:
        _print(answers)


def _print(answers: Iterable[wire.ExplainedJob]) -> None:
    found = False
    for answer in answers:
        sys.stdout.write("\n" if found else "")
        sys.stdout.write(view.job(answer))
        found = True
    if not found:
        print("no job: nothing comes of it")


def _requests(app: App, word: str, head: str | None) -> list[wire.ExplainRequest]:
    """What is asked about; an ID alone means every job that has it."""
    if head is not None:
        branch = pickers.branch(app, word)
        move = wire.BranchMove(branch=branch, head=pickers.commit(app, f"{branch.repo.name}@{head}"))
        return [wire.ExplainRequest(move=move)]
    if is_id(word):
        return [wire.ExplainRequest(job=info.job) for info in jobsets.of_set(app.server, word)]
    if "@" not in word:
        raise InvalidRequest(f'invalid format "{word}": give ID, PIPELINE@ID, REPO@COMMIT or REPO COMMIT')
    return [wire.ExplainRequest(commit=pickers.commit(app, word))]


def _with_page(request: wire.ExplainRequest, number: int, after: str) -> wire.ExplainRequest:
    request.number, request.after = number, after
    return request
