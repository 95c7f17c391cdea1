"""Words of the command line become messages: repos, branches, commits, files, pipelines, jobs.

The grammar of 1.7 knows no projects, so everything is in the project `default`. A commit word is an id, a
branch name, or either with an ancestry (`master^`, `master~2`, `master.1`).
"""

from __future__ import annotations

import re

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.kernel.names import DEFAULT_PROJECT
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

_BRANCH_NAME = re.compile(r"[a-zA-Z0-9_-]+")


def project() -> pfs.Project:
    """The one project of this grammar."""
    return pfs.Project(name=DEFAULT_PROJECT)


def repo(name: str) -> pfs.Repo:
    """`NAME`, or `NAME.TYPE` for a repo that is not a user's (`model.spec`, `model.meta`)."""
    base, _, kind = name.partition(".")
    return pfs.Repo(name=base, type=kind or "user", project=project())


def branch(repo_name: str, name: str) -> pfs.Branch:
    """A branch of a repo."""
    return pfs.Branch(repo=repo(repo_name), name=name)


def commit(repo_name: str, word: str) -> pfs.Commit:
    """The commit that a word names; the server resolves it.

    Raises:
        InvalidRequest: the word is empty.
    """
    if not word:
        raise InvalidRequest(f"a commit of {repo_name} needs an id or a branch, not an empty word")
    owner = repo(repo_name)
    if is_id(word) or _BRANCH_NAME.fullmatch(word) is None:
        return pfs.Commit(repo=owner, id=word)
    return pfs.Commit(repo=owner, branch=pfs.Branch(repo=owner, name=word))


def commit_path(word: str) -> pfs.Commit:
    """`REPO/COMMIT`, the form of the flush commands.

    Raises:
        InvalidRequest: not of that form.
    """
    return commit(*_halves(word, "REPO/COMMIT"))


def branch_path(word: str) -> pfs.Branch:
    """`REPO/BRANCH`, the form of provenance flags.

    Raises:
        InvalidRequest: not of that form.
    """
    return branch(*_halves(word, "REPO/BRANCH"))


def file(repo_name: str, commit_word: str, path: str) -> pfs.File:
    """A file or directory in a commit."""
    return pfs.File(commit=commit(repo_name, commit_word), path=path)


def pipeline(name: str) -> pps.Pipeline:
    """A pipeline by name.

    Raises:
        InvalidRequest: the name is empty.
    """
    if not name:
        raise InvalidRequest("a pipeline needs a name, not an empty word")
    return pps.Pipeline(project=project(), name=name)


def job(pipeline_name: str, job_id: str) -> pps.Job:
    """The job of one pipeline."""
    return pps.Job(pipeline=pipeline(pipeline_name), id=job_id)


def _halves(word: str, form: str) -> tuple[str, str]:
    first, slash, second = word.partition("/")
    if not slash or not first or not second:
        raise InvalidRequest(f'invalid format "{word}": give {form}')
    return first, second
