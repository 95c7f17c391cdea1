"""list commit in its three forms, and find commit."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl import pickers, provenance, show
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import commits as calls
from trunkline.pachctl.flags import output_flags, project_flag, timestamps_flag
from trunkline.pachctl.grammar import GoDuration, command
from trunkline.pachctl.views.spaced import commits as view
from trunkline.wire import pfs_pb2 as pfs

_ORIGINS = {"AUTO": pfs.AUTO, "USER": pfs.USER, "FSCK": pfs.FSCK}

origin_flag = click.option(
    "--origin",
    type=click.Choice(list(_ORIGINS), case_sensitive=False),
    metavar="AUTO|USER|FSCK",
    help="Only commits of this origin.",
)
all_flag = click.option("--all", "every", is_flag=True, help="Commits of every origin, which is the default.")


@command("list commit", "[ID|REPO[@COMMIT]]", example="pachctl list commit training_data@master -n 10")
@click.option("-f", "--from", "since", metavar="COMMIT", help="Only commits after this one: an id or a branch.")
@click.option("-n", "--number", type=click.IntRange(min=0), default=0, help="At most so many; 0 for all.")
@all_flag
@click.option("-x", "--expand", is_flag=True, help="Without words: a line for each commit of a set.")
@origin_flag
@output_flags
@timestamps_flag
@project_flag
def list_commit(
    app: App, id_repo_commit: str | None, since: str | None, number: int, every: bool, expand: bool, origin: str | None
) -> None:
    """List commits, newest first.

    Without words, the commit sets of the project: what one change caused. With an ID, the commits of that set.
    With REPO its commits; with REPO@BRANCH or REPO@ID that commit and those before it.
    """
    word = id_repo_commit
    if word is None:
        _list_sets(app, number, expand, since, origin)
        return
    if is_id(word):
        _refuse_filters(since, origin)
        _show(app, _limited(provenance.commit_set(app.server, word), number))
        return
    repo, commit = pickers.commits(app, word)
    first = None if since is None else pickers.commit(app, f"{word.partition('@')[0]}@{since}")
    infos = calls.listing(app.server, repo, to=commit, since=first, number=number, origin=origin_kind(origin))
    _show(app, infos)


@command("find commit", "COMMIT:PATH", example="pachctl find commit training_data@master:/train.csv")
@click.option("--json", "as_json", is_flag=True, help="Print the answers as JSON.")
@click.option("--limit", type=click.IntRange(min=0), default=0, help="At most so many; 0 for all.")
@click.option("--timeout", type=GoDuration(), help="Stop looking after this time, such as 30s.")
@project_flag
def find_commit(app: App, commit_path: str, as_json: bool, limit: int, timeout: float | None) -> None:
    """Find the commits that changed a file.

    Looks from the commit back through its ancestors for those that added, changed or deleted the file.
    """
    file = pickers.file(app, commit_path)
    if not file.path:
        raise InvalidRequest(f'invalid format "{commit_path}": give a path, as in REPO@COMMIT:PATH')
    request = pfs.FindCommitsRequest(start=file.commit, file_path=file.path, limit=limit)
    answers = app.server.pfs.FindCommits(request, timeout=timeout)
    if as_json:
        show.raw(app, answers)
        return
    print("FOUND IN COMMITS")
    found, last = 0, ""
    for answer in answers:
        if answer.HasField("found_commit"):
            found += 1
            print(answer.found_commit.id, flush=True)
        else:
            last = answer.last_searched_commit.id
    if not found:
        print("no commits found.")
    print(f"\nLAST SEARCHED COMMIT\n{last}")


def origin_kind(name: str | None) -> pfs.OriginKind:
    """The kind of a `--origin`; unknown if it was not given."""
    return pfs.ORIGIN_KIND_UNKNOWN if name is None else _ORIGINS[name]


def _list_sets(app: App, number: int, expand: bool, since: str | None, origin: str | None) -> None:
    _refuse_filters(since, origin)
    request = pfs.ListCommitSetRequest(project=pickers.project(app))
    sets = _limited(app.server.pfs.ListCommitSet(request), number)
    if expand:
        _show(app, (member for one in sets for member in one.commits))
    else:
        show.listing(app, sets, view.SET_HEADER, lambda one: view.set_row(app, one))


def _show(app: App, infos: Iterable[pfs.CommitInfo]) -> None:
    show.listing(app, infos, view.HEADER, lambda info: view.row(app, info))


def _limited(found: Iterable[pfs.CommitSetInfo] | Iterable[pfs.CommitInfo], number: int) -> Iterable:  # type: ignore[type-arg]
    return islice(found, number or None)


def _refuse_filters(since: str | None, origin: str | None) -> None:
    given = [name for name, value in (("--from", since), ("--origin", origin)) if value is not None]
    if given:
        raise InvalidRequest(f"cannot specify {' and '.join(given)} when listing commit sets")
