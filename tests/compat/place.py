"""A project of its own on a running pachd, spoken to by the official SDK: tests share a server and nothing else."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

MISSING = "0" * 12 + "4" + "0" * 19
"""An id that no commit has."""


@dataclass
class Place:
    """A client and a project; names are those of the project."""

    client: Client
    project: pfs.Project

    @property
    def pfs(self):
        return self.client.pfs

    def repo(self, name: str = "data") -> pfs.Repo:
        return pfs.Repo(name=name, type="user", project=self.project)

    def branch(self, text: str = "data@master") -> pfs.Branch:
        return pfs.Branch.from_uri(f"{self.project.name}/{text}")

    def commit(self, text: str = "data@master") -> pfs.Commit:
        return pfs.Commit.from_uri(f"{self.project.name}/{text}")

    def file(self, text: str) -> pfs.File:
        return pfs.File.from_uri(f"{self.project.name}/{text}")

    def make(self, *names: str) -> None:
        """Makes repos."""
        for name in names or ("data",):
            self.pfs.create_repo(repo=self.repo(name))

    def put(self, branch: str = "data@master", **files: bytes) -> str:
        """One commit of some files (`a__b` is a/b); returns its id when it is finished."""
        with self.pfs.commit(branch=self.branch(branch)) as commit:
            for name, content in files.items():
                commit.put_file_from_bytes("/" + name.replace("__", "/"), content)
        assert not commit.wait().error
        return commit.id

    def read(self, text: str) -> bytes:
        with self.pfs.pfs_file(self.file(text)) as stream:
            return stream.read()

    def walk(self, text: str = "data@master:/") -> list[str]:
        return [one.file.path for one in self.pfs.walk_file(file=self.file(text))]


def place(client: Client) -> Place:
    """A new project."""
    project = pfs.Project(name=f"p{uuid.uuid4().hex[:12]}")
    client.pfs.create_project(project=project)
    return Place(client, project)


@contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    """The call must end with this status, and say these words (a regular expression)."""
    with pytest.raises((grpc.RpcError, ValueError)) as caught:
        yield
    error = caught.value.__cause__ if isinstance(caught.value, ValueError) else caught.value
    assert isinstance(error, grpc.RpcError), repr(caught.value)
    assert error.code().name == code, f"{error.code()}: {error.details()}"
    assert re.search(words, error.details()), f"{error.details()!r} does not say {words!r}"
    assert "Traceback" not in error.details()
