"""A small `pfs_v2.API` in memory: just the rules that pachctl's own behaviour depends on."""

from __future__ import annotations

import fnmatch
import io
import tarfile
from collections.abc import Callable

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.kernel.clock import ManualClock
from trunkline.kernel.ids import is_id, new_id
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pfs_pb2_grpc

PIECE = 1000
"""Bytes in a message of GetFile; small, so that tests see several."""


def stamp(nanos: int) -> Timestamp:
    """A time as a message."""
    return Timestamp(seconds=nanos // 10**9, nanos=nanos % 10**9)


def repo_message(name: str, kind: str = "user") -> pfs.Repo:
    """A repo of the default project."""
    return pfs.Repo(name=name, type=kind, project=pfs.Project(name="default"))


def commit_message(repo: str, commit_id: str, kind: str = "user") -> pfs.Commit:
    """A commit of the default project."""
    return pfs.Commit(repo=repo_message(repo, kind), id=commit_id)


class FakePfs(pfs_pb2_grpc.APIServicer):
    """State that tests may look at and change; every request is kept in `requests`."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.repos: dict[str, pfs.RepoInfo] = {}
        self.heads: dict[tuple[str, str], str] = {}
        self.provenance: dict[tuple[str, str], list[pfs.Branch]] = {}
        self.commits: list[pfs.CommitInfo] = []
        self.files: dict[tuple[str, str], dict[str, bytes]] = {}
        self.requests: list[object] = []
        self.problems: list[str] = []
        self.tar_names: list[str] | None = None
        self.follow: Callable[[grpc.ServicerContext], None] | None = None

    # -- set-up for tests --

    def add_commit(self, repo: str, files: dict[str, bytes], branch: str = "master", **extra) -> pfs.CommitInfo:
        """A finished commit on a branch."""
        info = self._start(repo, branch, extra.pop("description", ""))
        self.files[repo, info.commit.id] = dict(files)
        self._finish(info)
        for name, value in extra.items():
            getattr(info, name).extend(value)
        return info

    # -- repos --

    def CreateRepo(self, request, context):
        name = request.repo.name
        if name in self.repos and not request.update:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"repo default/{name} already exists")
        info = self.repos.setdefault(name, pfs.RepoInfo(repo=request.repo, created=stamp(self.clock.now())))
        info.description = request.description
        return Empty()

    def InspectRepo(self, request, context):
        self._repo(request.repo.name, context)
        info = pfs.RepoInfo()
        info.CopyFrom(self.repos[request.repo.name])
        info.details.size_bytes = self._size(request.repo.name)
        return info

    def ListRepo(self, request, context):
        for name in sorted(self.repos):
            info = pfs.RepoInfo()
            info.CopyFrom(self.repos[name])
            info.size_bytes_upper_bound = self._size(name)
            yield info

    def DeleteRepo(self, request, context):
        self.requests.append(request)
        return pfs.DeleteRepoResponse(deleted=self.repos.pop(request.repo.name, None) is not None)

    def DeleteRepos(self, request, context):
        self.requests.append(request)
        self.repos.clear()
        return pfs.DeleteReposResponse()

    # -- branches --

    def CreateBranch(self, request, context):
        self.requests.append(request)
        repo, name = request.branch.repo.name, request.branch.name
        self._repo(repo, context)
        self.provenance[repo, name] = list(request.provenance)
        if request.HasField("head"):
            self.heads[repo, name] = self._resolve(request.head, context).commit.id
        return Empty()

    def InspectBranch(self, request, context):
        repo, name = request.branch.repo.name, request.branch.name
        if (repo, name) not in self.heads:
            context.abort(grpc.StatusCode.NOT_FOUND, f'branch "{name}" not found in repo default/{repo}')
        return pfs.BranchInfo(branch=request.branch, direct_provenance=self.provenance.get((repo, name), []))

    def ListBranch(self, request, context):
        self._repo(request.repo.name, context)
        for (repo, name), head in reversed(self.heads.items()):
            if repo == request.repo.name:
                branch = pfs.Branch(repo=repo_message(repo), name=name)
                yield pfs.BranchInfo(branch=branch, head=commit_message(repo, head))

    def DeleteBranch(self, request, context):
        self.InspectBranch(request, context)
        del self.heads[request.branch.repo.name, request.branch.name]
        return Empty()

    # -- commits --

    def StartCommit(self, request, context):
        self.requests.append(request)
        self._repo(request.branch.repo.name, context)
        return self._start(request.branch.repo.name, request.branch.name, request.description).commit

    def FinishCommit(self, request, context):
        info = self._resolve(request.commit, context)
        if info.HasField("finished"):
            name = f"default/{info.commit.repo.name}@{info.commit.id}"
            context.abort(grpc.StatusCode.UNKNOWN, f"commit {name} has already finished")
        self._finish(info)
        return Empty()

    def InspectCommit(self, request, context):
        self.requests.append(request)
        return self._resolve(request.commit, context)

    def ListCommit(self, request, context):
        self.requests.append(request)
        self._repo(request.repo.name, context)
        end = self._resolve(request.to, context).commit.id if request.HasField("to") else None
        begin = getattr(request, "from").id
        chosen = [info for info in reversed(self.commits) if info.commit.repo.name == request.repo.name]
        if end is not None:
            chosen = chosen[[info.commit.id for info in chosen].index(end) :]
        if begin:
            chosen = chosen[: [info.commit.id for info in chosen].index(begin)]
        yield from chosen[: request.number or None]

    def SubscribeCommit(self, request, context):
        self.requests.append(request)
        yield from (info for info in self.commits if info.commit.repo.name == request.repo.name)
        if self.follow is not None:
            self.follow(context)

    def InspectCommitSet(self, request, context):
        self.requests.append(request)
        found = [info for info in self.commits if info.commit.id == request.commit_set.id]
        if not found:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no commits found for commitset {request.commit_set.id}")
        yield from found

    def DropCommit(self, request, context):
        self.requests.append(request)
        return pfs.DropCommitResponse()

    def SquashCommit(self, request, context):
        self.requests.append(request)
        return pfs.SquashCommitResponse()

    # -- files --

    def ModifyFile(self, requests, context):
        first = next(requests)
        operations = list(requests)
        if any(operation.HasField("set_commit") for operation in operations):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "cannot set commit")
        self.requests.extend([first, *operations])
        target = first.set_commit
        repo = target.repo.name
        self._repo(repo, context)
        branch = target.branch.name
        files = dict(self.files.get((repo, self.heads.get((repo, branch), "")), {}))
        is_open = not branch or self._is_open(repo, self.heads.get((repo, branch)))
        if is_open:
            files = dict(self.files[repo, self._resolve(target, context).commit.id])
        for operation in operations:
            self._apply(operation, files, context)
        info = self._resolve(target, context) if is_open else self._start(repo, branch, "")
        self.files[repo, info.commit.id] = files
        if not is_open:
            self._finish(info)
        return Empty()

    def GetFile(self, request, context):
        files = self._open(request.file, context)
        path = _clean(request.file.path)
        if path not in files:
            if any(name.startswith(_below(path)) for name in files):
                text = "cannot get directory or non-regular file. Use GetFileTAR instead"
                context.abort(grpc.StatusCode.UNKNOWN, text)
            self._missing(request.file, context)
        for start in range(0, len(files[path]), PIECE):
            yield BytesValue(value=files[path][start : start + PIECE])

    def GetFileTAR(self, request, context):
        files = self._open(request.file, context)
        base = _clean(request.file.path)
        chosen = [name for name in sorted(files) if name == base or name.startswith(_below(base))]
        chosen = chosen or fnmatch.filter(sorted(files), base)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for shown, name in zip(self.tar_names or chosen, chosen, strict=True):
                info = tarfile.TarInfo(shown)
                info.size, info.mode = len(files[name]), 0
                archive.addfile(info, io.BytesIO(files[name]))
        data = buffer.getvalue()
        for start in range(0, len(data), PIECE):
            yield BytesValue(value=data[start : start + PIECE])

    def InspectFile(self, request, context):
        files = self._open(request.file, context)
        path = _clean(request.file.path)
        if path in files:
            return self._info(path, len(files[path]), pfs.FILE)
        below = [name for name in files if name.startswith(_below(path))]
        if not below:
            self._missing(request.file, context)
        return self._info(_below(path), sum(len(files[name]) for name in below), pfs.DIR)

    def ListFile(self, request, context):
        files = self._open(request.file, context)
        base = _below(_clean(request.file.path))
        children: dict[str, int] = {}
        for name in files:
            if name.startswith(base):
                head, slash, _ = name.removeprefix(base).partition("/")
                children[base + head + slash] = children.get(base + head + slash, 0) + len(files[name])
        for path in sorted(children)[: request.number or None]:
            yield self._info(path, children[path], pfs.DIR if path.endswith("/") else pfs.FILE)

    def GlobFile(self, request, context):
        files = self._open(pfs.File(commit=request.commit), context)
        if request.pattern == "[":
            context.abort(grpc.StatusCode.UNKNOWN, "unexpected end of input")
        for name in sorted(files):
            if fnmatch.fnmatch(name, _clean(request.pattern)):
                yield self._info(name, len(files[name]), pfs.FILE)

    def DiffFile(self, request, context):
        self.requests.append(request)
        new = self._open(request.new_file, context)
        old = self._open(request.old_file, context) if request.HasField("old_file") else {}
        for path in sorted({*new, *old}):
            if new.get(path) != old.get(path):
                yield pfs.DiffFileResponse(
                    new_file=self._info(path, len(new[path]), pfs.FILE) if path in new else None,
                    old_file=self._info(path, len(old[path]), pfs.FILE) if path in old else None,
                )

    def Fsck(self, request, context):
        yield from (pfs.FsckResponse(error=problem) for problem in self.problems)

    # -- parts --

    def _repo(self, name: str, context) -> None:
        if name not in self.repos:
            context.abort(grpc.StatusCode.NOT_FOUND, f"repo default/{name} not found")

    def _resolve(self, commit: pfs.Commit, context) -> pfs.CommitInfo:
        repo = commit.repo.name
        word, generations = commit.id.rstrip("^"), commit.id.count("^")
        wanted = word if is_id(word) else self.heads.get((repo, word or commit.branch.name))
        mine = [info for info in self.commits if info.commit.repo == commit.repo]
        index = next((i for i, info in enumerate(mine) if info.commit.id == wanted), None)
        if index is None or index < generations:
            self._repo(repo, context)
            name = word or commit.branch.name
            context.abort(grpc.StatusCode.NOT_FOUND, f"commit default/{repo}@{name} not found")
        return mine[index - generations]

    def _open(self, file: pfs.File, context) -> dict[str, bytes]:
        info = self._resolve(file.commit, context)
        return self.files[info.commit.repo.name, info.commit.id]

    def _missing(self, file: pfs.File, context) -> None:
        where = f"repo default/{file.commit.repo.name} at commit {file.commit.id}"
        context.abort(grpc.StatusCode.NOT_FOUND, f"file {file.path} not found in {where}")

    def _start(self, repo: str, branch: str, description: str) -> pfs.CommitInfo:
        parent = self.heads.get((repo, branch))
        info = pfs.CommitInfo(
            commit=commit_message(repo, new_id()), started=stamp(self.clock.now()), description=description
        )
        if parent is not None:
            info.parent_commit.CopyFrom(commit_message(repo, parent))
        self.files[repo, info.commit.id] = dict(self.files.get((repo, parent or ""), {}))
        self.commits.append(info)
        self.heads[repo, branch] = info.commit.id
        return info

    def _finish(self, info: pfs.CommitInfo) -> None:
        info.finished.CopyFrom(stamp(self.clock.now()))
        info.finishing.CopyFrom(info.finished)
        content = self.files[info.commit.repo.name, info.commit.id]
        info.details.size_bytes = sum(map(len, content.values()))

    def _is_open(self, repo: str, commit_id: str | None) -> bool:
        mine = (info for info in self.commits if info.commit.repo.name == repo and info.commit.id == commit_id)
        return any(not info.HasField("finished") for info in mine)

    def _size(self, repo: str) -> int:
        return sum(map(len, self.files.get((repo, self.heads.get((repo, "master"), "")), {}).values()))

    def _apply(self, operation: pfs.ModifyFileRequest, files: dict[str, bytes], context) -> None:
        kind = operation.WhichOneof("body")
        if kind == "delete_file":
            path = operation.delete_file.path
            for name in [name for name in files if name == _clean(path) or name.startswith(_below(_clean(path)))]:
                del files[name]
        elif kind == "copy_file":
            copy = operation.copy_file
            data = self._open(copy.src, context)[_clean(copy.src.path)]
            there = files.get(_clean(copy.dst), b"") if copy.append else b""
            files[_clean(copy.dst)] = there + data
        else:
            add = operation.add_file
            if ".." in add.path.split("/"):
                text = f"path ({add.path}) invalid: relative file paths are not allowed"
                context.abort(grpc.StatusCode.UNKNOWN, text)
            data = f"<{add.url.URL}>".encode() if add.HasField("url") else add.raw.value
            files[_clean(add.path)] = files.get(_clean(add.path), b"") + data

    def _info(self, path: str, size: int, kind) -> pfs.FileInfo:
        return pfs.FileInfo(file=pfs.File(path=path), file_type=kind, size_bytes=size)


def _clean(path: str) -> str:
    return "/" + path.strip("/")


def _below(path: str) -> str:
    return path.rstrip("/") + "/"
