"""Words of the spaced grammar become messages: `repo.type`, `repo@branch`, `repo@id:/path`, `pipeline@id`.

A project is never part of a word; it is the flag's or the context's. Whether a word names something is the
server's to say; here it is only taken apart. Errors are in the words of the original where it has any.
"""

from __future__ import annotations

import re

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl.app import App
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

_BRANCH_NAME = re.compile(r"[a-zA-Z0-9_-]+")


def project(app: App) -> pfs.Project:
    """The current project."""
    return pfs.Project(name=app.project)


def projects(app: App, every: bool) -> list[pfs.Project]:
    """The current project; or none, which means all."""
    return [] if every else [project(app)]


def repo(app: App, word: str, project_name: str | None = None) -> pfs.Repo:
    """`name`, or `name.type`."""
    name, _, kind = word.partition(".")
    return pfs.Repo(name=name, type=kind or "user", project=pfs.Project(name=project_name or app.project))


def branch(app: App, word: str) -> pfs.Branch:
    """`repo@branch`.

    Raises:
        InvalidRequest: not of that form.
    """
    owner, name = _halves(word)
    if not name:
        raise InvalidRequest(f'invalid format "{word}": branch cannot be empty, give REPO@BRANCH')
    if is_id(name) or _BRANCH_NAME.fullmatch(name) is None:
        raise InvalidRequest(f'invalid branch "{word}": cannot specify a commit or ancestry')
    return pfs.Branch(repo=repo(app, owner), name=name)


def commit(app: App, word: str, project_name: str | None = None) -> pfs.Commit:
    """`repo@branch`, `repo@id`, `repo@branch=id`, or one of these with an ancestry.

    Raises:
        InvalidRequest: not of that form.
    """
    if ":" in word:
        raise InvalidRequest(f'invalid format "{word}": a commit has no path, give REPO@COMMIT')
    owner, name = _halves(word)
    if not name:
        raise InvalidRequest(f'invalid format "{word}": give REPO@BRANCH or REPO@COMMIT')
    return _commit(repo(app, owner, project_name), name)


def file(app: App, word: str, project_name: str | None = None) -> pfs.File:
    """`repo@commit:path`; without a path the root.

    Raises:
        InvalidRequest: not of that form.
    """
    place, _, path = word.partition(":")
    if not place.partition("@")[0]:
        raise InvalidRequest(f'invalid format "{word}": repo cannot be empty')
    return pfs.File(commit=commit(app, place, project_name), path=path)


def commits(app: App, word: str) -> tuple[pfs.Repo, pfs.Commit | None]:
    """`repo` alone, or with one of its commits."""
    if "@" not in word:
        return repo(app, word), None
    found = commit(app, word)
    return found.repo, found


def pipeline(app: App, word: str) -> pps.Pipeline:
    """A pipeline by name.

    Raises:
        InvalidRequest: the name is empty.
    """
    if not word:
        raise InvalidRequest("a pipeline needs a name, not an empty word")
    return pps.Pipeline(project=project(app), name=word)


def job(app: App, word: str) -> pps.Job:
    """`pipeline@id`.

    Raises:
        InvalidRequest: not of that form.
    """
    name, at, job_id = word.partition("@")
    if at and not name:
        raise InvalidRequest(f'invalid format "{word}": pipeline must be specified')
    if not at or not job_id:
        raise InvalidRequest(f'invalid format "{word}": expected pipeline@job-id')
    return pps.Job(pipeline=pipeline(app, name), id=job_id)


def history(word: str) -> int:
    """`none` is 0, `all` is -1, otherwise a number.

    Raises:
        InvalidRequest: it is none of these.
    """
    known = {"none": 0, "all": -1}
    try:
        return known[word] if word in known else int(word)
    except ValueError:
        raise InvalidRequest(f'invalid history "{word}": give none, all or a number') from None


def _commit(owner: pfs.Repo, name: str) -> pfs.Commit:
    branch_name, both, commit_id = name.partition("=")
    if both and branch_name:
        return pfs.Commit(repo=owner, branch=pfs.Branch(repo=owner, name=branch_name), id=commit_id)
    name = commit_id if both else name
    if is_id(name) or _BRANCH_NAME.fullmatch(name) is None:
        return pfs.Commit(repo=owner, id=name)
    return pfs.Commit(repo=owner, branch=pfs.Branch(repo=owner, name=name))


def _halves(word: str) -> tuple[str, str]:
    owner, _, name = word.partition("@")
    if not owner:
        raise InvalidRequest(f'invalid format "{word}": repo cannot be empty')
    return owner, name
