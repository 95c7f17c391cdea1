"""Projects, repos and branches over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert, pickers
from trunkline.api.dispatch import Call
from trunkline.api.transactions import Transactions
from trunkline.catalog import Tx
from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.kernel.names import DEFAULT_PROJECT
from trunkline.maps import Root
from trunkline.pfs import metadata, projects, provenance, repos, resolve, rows, triggers
from trunkline.pfs.change import Change
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import USER, BranchRef
from trunkline.pfs.rows import Branch, Commit, Repo
from trunkline.pps import defaults
from trunkline.wire import pfs_pb2
from trunkline.wire.transaction_pb2 import TransactionRequest


class RepoCalls:
    """The RPCs of projects, repos and branches."""

    _pfs: Pfs
    _transactions: Transactions

    # -- projects --

    def CreateProject(self, request: pfs_pb2.CreateProjectRequest, call: Call) -> Empty:
        """Makes a project."""
        self._pfs.change(
            lambda change: projects.create(
                change, request.project.name, description=request.description, update=request.update
            )
        )
        return Empty()

    def InspectProject(self, request: pfs_pb2.InspectProjectRequest, call: Call) -> pfs_pb2.ProjectInfo:
        """One project."""
        if not request.project.name:
            raise InvalidRequest("validate request: InspectProjectRequest.project: value is required")
        with self._pfs.catalog.read() as tx:
            return _project_info(projects.need(tx, request.project.name))

    def InspectProjectV2(
        self, request: pfs_pb2.InspectProjectV2Request, call: Call
    ) -> pfs_pb2.InspectProjectV2Response:
        """One project, with the defaults of its pipelines."""
        name = request.project.name
        if not name:
            raise InvalidRequest("validate request: InspectProjectV2Request.project: value is required")
        try:
            with self._pfs.catalog.read() as tx:
                info = _project_info(projects.need(tx, name))
                text = defaults.of_project(tx, name).text
        except NotFound as error:
            raise NotFound(f'could not inspect project "{name}": {error}') from None
        return pfs_pb2.InspectProjectV2Response(info=info, defaults_json=text)

    def ListProject(self, request: pfs_pb2.ListProjectRequest, call: Call) -> Iterator[pfs_pb2.ProjectInfo]:
        """All projects."""
        with self._pfs.catalog.read() as tx:
            found = projects.all_projects(tx)
        yield from (_project_info(project) for project in found)

    def DeleteProject(self, request: pfs_pb2.DeleteProjectRequest, call: Call) -> Empty:
        """Removes a project."""
        self._pfs.change(lambda change: projects.delete(change, request.project.name, force=request.force))
        return Empty()

    # -- repos --

    def CreateRepo(self, request: pfs_pb2.CreateRepoRequest, call: Call) -> Empty:
        """Makes a repo."""
        self._transactions.run(TransactionRequest(create_repo=request), call)
        return Empty()

    def InspectRepo(self, request: pfs_pb2.InspectRepoRequest, call: Call) -> pfs_pb2.RepoInfo:
        """One repo, with the exact size of its `master` head: 0 until that is finished."""
        with self._pfs.catalog.read() as tx:
            repo = resolve.repo(tx, convert.repo_ref(request.repo))
            info = _repo_info(tx, repo, _master_size(tx, repo))
            head = _master_head(tx, repo)
        info.details.size_bytes = 0 if head is None or head.root is None else Root.unpack(head.root).weight
        return info

    def ListRepo(self, request: pfs_pb2.ListRepoRequest, call: Call) -> Iterator[pfs_pb2.RepoInfo]:
        """Repos of a type, by project and name."""
        names = tuple(project.name for project in request.projects)
        with self._pfs.catalog.read() as tx:
            found = repos.select(tx, type=request.type, projects=names)
            if request.page.page_size:
                start = request.page.page_index * request.page.page_size
                found = found[start : start + request.page.page_size]
            infos = [_repo_info(tx, repo, _master_size(tx, repo)) for repo in found]
        yield from infos

    def ReposSummary(self, request: pfs_pb2.ReposSummaryRequest, call: Call) -> pfs_pb2.ReposSummaryResponse:
        """How many user repos projects have, and how large they are; all projects if none is named."""
        names = tuple(pickers.project_name(one) for one in request.projects)
        summaries: dict[str, pfs_pb2.ReposSummary] = {}
        with self._pfs.catalog.read() as tx:
            for repo in repos.select(tx, type=USER, projects=names):
                name = repo.ref.project
                summary = summaries.setdefault(name, pfs_pb2.ReposSummary(project=pfs_pb2.Project(name=name)))
                summary.user_repo_count += 1
                summary.size_bytes += _master_size(tx, repo)
        return pfs_pb2.ReposSummaryResponse(summaries=summaries.values())

    def DeleteRepo(self, request: pfs_pb2.DeleteRepoRequest, call: Call) -> pfs_pb2.DeleteRepoResponse:
        """Removes a repo."""
        deleted = self._transactions.run(TransactionRequest(delete_repo=request), call)
        return pfs_pb2.DeleteRepoResponse(deleted=deleted)

    def DeleteRepos(self, request: pfs_pb2.DeleteReposRequest, call: Call) -> pfs_pb2.DeleteReposResponse:
        """Removes the repos of some projects, or all."""
        names = tuple(project.name for project in request.projects)

        def step(change: Change) -> list[Repo]:
            if not names and not request.all:
                return []
            found = repos.select(change.tx, projects=() if request.all else names)
            repos.delete_all(change, found, force=request.force)
            return found

        deleted = self._pfs.change(step)
        return pfs_pb2.DeleteReposResponse(repos=[convert.repo_message(repo.ref) for repo in deleted])

    # -- branches --

    def CreateBranch(self, request: pfs_pb2.CreateBranchRequest, call: Call) -> Empty:
        """Makes a branch, or moves it, or replaces its provenance or its trigger."""
        self._transactions.run(TransactionRequest(create_branch=request), call)
        return Empty()

    def InspectBranch(self, request: pfs_pb2.InspectBranchRequest, call: Call) -> pfs_pb2.BranchInfo:
        """One branch."""
        with self._pfs.catalog.read() as tx:
            return branch_info(tx, resolve.branch(tx, convert.branch_ref(request.branch)))

    def ListBranch(self, request: pfs_pb2.ListBranchRequest, call: Call) -> Iterator[pfs_pb2.BranchInfo]:
        """The branches of a repo, or all; newest first unless reversed."""
        with self._pfs.catalog.read() as tx:
            order = f"ORDER BY branches.id {'ASC' if request.reverse else 'DESC'}"
            if request.repo.name:  # the SDK sends an empty repo for none
                key = resolve.repo(tx, convert.repo_ref(request.repo)).key
                found = list(rows.branches(tx, f"WHERE branches.repo = ? {order}", (key,)))
            else:
                found = list(rows.branches(tx, order, ()))
            infos = [branch_info(tx, branch) for branch in found]
        yield from infos

    def DeleteBranch(self, request: pfs_pb2.DeleteBranchRequest, call: Call) -> Empty:
        """Removes a branch."""
        self._transactions.run(TransactionRequest(delete_branch=request), call)
        return Empty()


def _project_info(project: projects.Project) -> pfs_pb2.ProjectInfo:
    return pfs_pb2.ProjectInfo(
        project=pfs_pb2.Project(name=project.name or DEFAULT_PROJECT),
        description=project.description,
        created_at=convert.timestamp(project.created),
        metadata=metadata.decode(project.metadata),
    )


def _master_size(tx: Tx, repo: Repo) -> int:
    """Bytes of the head of `master`; of its nearest finished ancestor while the head is open."""
    commit = _master_head(tx, repo)
    while commit is not None and commit.root is None:
        commit = None if commit.parent is None else rows.commit_by_key(tx, commit.parent)
    return 0 if commit is None or commit.root is None else Root.unpack(commit.root).weight


def _master_head(tx: Tx, repo: Repo) -> Commit | None:
    branch = resolve.find_branch(tx, BranchRef(repo.ref, "master"))
    return None if branch is None else rows.commit_by_key(tx, branch.head)


def _repo_info(tx: Tx, repo: Repo, size: int) -> pfs_pb2.RepoInfo:
    return pfs_pb2.RepoInfo(
        repo=convert.repo_message(repo.ref),
        created=convert.timestamp(repo.created),
        size_bytes_upper_bound=size,
        description=repo.description,
        branches=[convert.branch_message(branch.ref) for branch in repos.branches_of(tx, repo)],
        metadata=metadata.decode(repo.metadata),
    )


def branch_info(tx: Tx, branch: Branch) -> pfs_pb2.BranchInfo:
    """A branch with everything that is known of it."""
    head = rows.commit_by_key(tx, branch.head)
    assert head is not None, "a branch's head is a foreign key"
    trigger = triggers.find(tx, branch.key)
    return pfs_pb2.BranchInfo(
        branch=convert.branch_message(branch.ref),
        head=convert.commit_message(head),
        provenance=[convert.branch_message(one.ref) for one in provenance.upstream_branches(tx, branch.key)],
        subvenance=[convert.branch_message(one.ref) for one in provenance.downstream_branches(tx, branch.key)],
        direct_provenance=[convert.branch_message(one.ref) for one in provenance.direct_branches(tx, branch.key)],
        trigger=None if trigger is None else convert.trigger_message(trigger),
        created_at=convert.timestamp(branch.created),
        updated_at=convert.timestamp(branch.updated),
        metadata=metadata.decode(branch.metadata),
        branch_propagation_specs=[
            pfs_pb2.BranchPropagationSpec(
                branch=convert.branch_message(one.ref), propagation_spec=pfs_pb2.PropagationSpec(never=True)
            )
            for one in provenance.quiet_branches(tx, branch.key)
        ],
    )
