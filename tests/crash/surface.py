"""A load over the whole file system, that remembers what was acknowledged and so must be there.

Each client has a repo of its own, so that nobody else changes what it remembers. What it was not told is unknown: it
may have happened or not, but never by half.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import grpc
from tests.crash.daemon import Daemon

from trunkline.wire import pfs_pb2, pfs_pb2_grpc, transaction_pb2, transaction_pb2_grpc, upkeep_pb2, upkeep_pb2_grpc

LOST = (grpc.RpcError, OSError, ValueError)
"""What a client sees of a kill."""


class Surface(threading.Thread):
    """Makes commits, branches, transactions and file sets, squashes, collects garbage; until it is told to stop.

    Attributes:
        finished: what finished commits hold, by id.
        gone: ids of commits that were squashed.
        branches: names of branches and the ids that they point to; None: deleted.
        pairs: names of branches that one transaction made together.
    """

    def __init__(self, daemon: Daemon, name: str, seed: int) -> None:
        super().__init__(name=name)
        self.daemon_, self.chance = daemon, random.Random(seed)
        self.repo = pfs_pb2.Repo(name=name, type="user", project=pfs_pb2.Project(name="default"))
        self.master = pfs_pb2.Branch(repo=self.repo, name="master")
        self.finished: dict[str, dict[str, bytes]] = {}
        self.gone: set[str] = set()
        self.branches: dict[str, str | None] = {}
        self.pairs: list[tuple[str, str, bool | None]] = []
        self.counts: dict[str, int] = {}
        self.stopping = threading.Event()
        self._number = 0

    def set_up(self) -> None:
        """Makes the repo, and a branch that follows its master."""
        with self.daemon_.channel() as channel:
            api = pfs_pb2_grpc.APIStub(channel)
            api.CreateRepo(pfs_pb2.CreateRepoRequest(repo=self.repo))
            follow = pfs_pb2.Trigger(branch="master", commits=1)
            branch = pfs_pb2.Branch(repo=self.repo, name="prod")
            api.CreateBranch(pfs_pb2.CreateBranchRequest(branch=branch, trigger=follow))

    def run(self) -> None:
        steps: list[Callable[[grpc.Channel], None]] = [self.commit, self.commit, self.branch, self.pair, self.remove]
        steps += [self.collect] if self.chance.random() < 0.5 else []
        while not self.stopping.is_set():
            step = self.chance.choice(steps)
            try:
                with self.daemon_.channel() as channel:
                    step(channel)
                self.counts[step.__name__] = self.counts.get(step.__name__, 0) + 1
            except LOST:
                self.stopping.wait(0.05)

    # -- steps ------------------------------------------------------------------------------------------------

    def commit(self, channel: grpc.Channel) -> None:
        """Starts a commit, writes files and a file set into it, finishes it."""
        api = pfs_pb2_grpc.APIStub(channel)
        try:
            made = api.StartCommit(pfs_pb2.StartCommitRequest(branch=self.master), timeout=30)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNKNOWN:  # an earlier one is open: its answer was lost
                head = pfs_pb2.Commit(repo=self.repo, branch=self.master)
                api.FinishCommit(pfs_pb2.FinishCommitRequest(commit=head), timeout=30)
            raise
        written: dict[str, bytes] = {}
        for _ in range(self.chance.randint(1, 3)):
            written |= self._write(api, made)
        made_set = api.CreateFileSet(iter(self._messages("/set", f"{made.id}".encode())), timeout=30)
        api.AddFileSet(pfs_pb2.AddFileSetRequest(commit=made, file_set_id=made_set.file_set_id), timeout=30)
        written["/set"] = made.id.encode()
        api.FinishCommit(pfs_pb2.FinishCommitRequest(commit=made), timeout=30)
        self.finished[made.id] = written

    def _write(self, api: pfs_pb2_grpc.APIStub, commit: pfs_pb2.Commit) -> dict[str, bytes]:
        self._number += 1
        path, data = f"/f{self.chance.randrange(8)}", f"{self.name} {self._number} ".encode()
        data *= self.chance.choice((1, 40, 3000))
        first = pfs_pb2.ModifyFileRequest(set_commit=commit)
        api.ModifyFile(iter([first, *self._messages(path, data)]), timeout=30)
        return {path: data}

    def _messages(self, path: str, data: bytes) -> list[pfs_pb2.ModifyFileRequest]:
        deleted = pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path))
        return [deleted, pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, raw={"value": data}))]

    def branch(self, channel: grpc.Channel) -> None:
        """Points a branch to a finished commit, or deletes it."""
        if not self.finished:
            return
        api = pfs_pb2_grpc.APIStub(channel)
        name = f"b{self.chance.randrange(4)}"
        target = self.chance.choice(list(self.finished))
        branch = pfs_pb2.Branch(repo=self.repo, name=name)
        known = self.branches.pop(name, None)  # unknown, until there is an answer
        if known is not None and self.chance.random() < 0.3:
            api.DeleteBranch(pfs_pb2.DeleteBranchRequest(branch=branch), timeout=30)
            self.branches[name] = None
            return
        head = pfs_pb2.Commit(repo=self.repo, id=target)
        api.CreateBranch(pfs_pb2.CreateBranchRequest(branch=branch, head=head), timeout=30)
        self.branches[name] = target

    def pair(self, channel: grpc.Channel) -> None:
        """Makes two branches in one transaction."""
        self._number += 1
        names = (f"left{self._number}", f"right{self._number}")
        requests = [
            transaction_pb2.TransactionRequest(
                create_branch=pfs_pb2.CreateBranchRequest(branch=pfs_pb2.Branch(repo=self.repo, name=name), head=head)
            )
            for name, head in zip(names, (None, pfs_pb2.Commit(repo=self.repo, branch=self.master)), strict=True)
        ]
        # The left one is made anew and empty, the right one points to the head of master.
        self.pairs.append((*names, None))
        api = transaction_pb2_grpc.APIStub(channel)
        try:
            api.BatchTransaction(transaction_pb2.BatchTransactionRequest(requests=requests), timeout=30)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:  # there is no master yet
                self.pairs[-1] = (*names, False)
            raise
        self.pairs[-1] = (*names, True)

    def remove(self, channel: grpc.Channel) -> None:
        """Squashes a commit; its content stays in its children."""
        old = list(self.finished)[:-3]
        if not old:
            return
        target = self.chance.choice(old)
        self.branches = {name: at for name, at in self.branches.items() if at != target}
        kept = self.finished.pop(target)
        request = pfs_pb2.SquashCommitRequest(commit=pfs_pb2.Commit(repo=self.repo, id=target))
        try:
            pfs_pb2_grpc.APIStub(channel).SquashCommit(request, timeout=30)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNKNOWN:  # refused: a child is not finished, say
                self.finished = {target: kept, **self.finished}
            raise
        self.gone.add(target)

    def collect(self, channel: grpc.Channel) -> None:
        """Has garbage collected."""
        list(upkeep_pb2_grpc.UpkeepStub(channel).CollectGarbage(upkeep_pb2.CollectGarbageRequest(), timeout=60))

    # -- looking ----------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Everything that was acknowledged is there."""
        with self.daemon_.channel() as channel:
            api = pfs_pb2_grpc.APIStub(channel)
            every = {
                info.commit.id: info for info in api.ListCommit(pfs_pb2.ListCommitRequest(repo=self.repo, all=True))
            }
            for commit, files in self.finished.items():
                assert every[commit].finished.seconds, f"{self.name}@{commit} is not finished"
                assert not every[commit].error
                for path, data in files.items():
                    assert self._read(api, commit, path) == data, f"{self.name}@{commit}:{path}"
            assert self.gone & set(every) == set()
            heads = {
                info.branch.name: info.head.id for info in api.ListBranch(pfs_pb2.ListBranchRequest(repo=self.repo))
            }
            for name, at in self.branches.items():
                assert heads.get(name) == at, f"{self.name}@{name}"
            for left, right, made in self.pairs:
                both = {left in heads, right in heads}
                assert both == {made} if made is not None else len(both) == 1, f"{left} and {right}: {both}, {made}"
            assert heads.get("prod") == heads.get("master"), f"the trigger of {self.name} did not fire"

    def _heads(self, api: pfs_pb2_grpc.APIStub) -> dict[str, str]:
        found = api.ListBranch(pfs_pb2.ListBranchRequest(repo=self.repo))
        return {info.branch.name: info.head.id for info in found}

    def _read(self, api: pfs_pb2_grpc.APIStub, commit: str, path: str) -> bytes:
        file = pfs_pb2.File(commit=pfs_pb2.Commit(repo=self.repo, id=commit), path=path)
        return b"".join(one.value for one in api.GetFile(pfs_pb2.GetFileRequest(file=file)))

    def close_head(self) -> None:
        """Finishes what a lost answer left open, and waits until all is settled."""
        with self.daemon_.channel() as channel:
            api = pfs_pb2_grpc.APIStub(channel)
            head = pfs_pb2.Commit(repo=self.repo, branch=self.master)
            try:
                info = api.InspectCommit(pfs_pb2.InspectCommitRequest(commit=head))
            except grpc.RpcError as error:
                assert error.code() is grpc.StatusCode.NOT_FOUND, error
                return
            if not info.finishing.seconds:
                api.FinishCommit(pfs_pb2.FinishCommitRequest(commit=head))
            api.InspectCommit(pfs_pb2.InspectCommitRequest(commit=head, wait=pfs_pb2.FINISHED), timeout=120)

    def settled(self) -> bool:
        """Whether the branch that follows has come to where it must be."""
        with self.daemon_.channel() as channel:
            api = pfs_pb2_grpc.APIStub(channel)
            heads = {
                info.branch.name: info.head.id for info in api.ListBranch(pfs_pb2.ListBranchRequest(repo=self.repo))
            }
            return heads.get("prod") == heads.get("master") or "master" not in heads
