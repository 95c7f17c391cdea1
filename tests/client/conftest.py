"""A real server and connections to it: one that reaches the store's folder, and one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.serving import Serving

from trunkline.client import Connection, connect, session
from trunkline.wire import pfs_pb2 as pfs


class World:
    """A server, a connection, and shortcuts for repos."""

    def __init__(self, serving: Serving, connection: Connection) -> None:
        self.serving, self.connection = serving, connection

    def repo(self, name: str) -> pfs.Repo:
        """A new repo."""
        made = pfs.Repo(name=name, type="user", project=pfs.Project(name="default"))
        self.connection.pfs.CreateRepo(pfs.CreateRepoRequest(repo=made))
        return made

    def head(self, repo: pfs.Repo) -> pfs.Commit:
        """Its branch master."""
        return pfs.Commit(repo=repo, branch=pfs.Branch(repo=repo, name="master"))

    def inspect(self, repo: pfs.Repo, path: str = "/") -> pfs.FileInfo:
        """A file or directory at the head of master."""
        return self.connection.pfs.InspectFile(pfs.InspectFileRequest(file=pfs.File(commit=self.head(repo), path=path)))

    def content(self, repo: pfs.Repo, path: str) -> bytes:
        """A file at the head of master."""
        request = pfs.GetFileRequest(file=pfs.File(commit=self.head(repo), path=path))
        return b"".join(message.value for message in self.connection.pfs.GetFile(request))

    def commits(self, repo: pfs.Repo) -> int:
        """How many there are."""
        return len(list(self.connection.pfs.ListCommit(pfs.ListCommitRequest(repo=repo))))


@pytest.fixture
def local(tmp_path: Path) -> Iterator[World]:
    """A world whose client writes to the folder of the store."""
    serving = Serving(tmp_path)
    with connect(serving.address) as connection:
        yield World(serving, connection)
    assert serving.problems() == []
    serving.stop()


@pytest.fixture(params=["folder", "remote"])
def world(request: pytest.FixtureRequest, local: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Both kinds of world."""
    if request.param == "remote":
        monkeypatch.setattr(session, "_folder", lambda told: None)
    return local
