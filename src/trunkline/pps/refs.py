"""Names of pipelines and jobs, and how messages spell them."""

from __future__ import annotations

import msgspec

from trunkline.kernel.ids import SetId
from trunkline.kernel.names import DEFAULT_PROJECT
from trunkline.pfs.refs import SPEC, BranchRef, RepoRef


class PipelineRef(msgspec.Struct, frozen=True, order=True):
    """A pipeline by name."""

    name: str
    project: str = DEFAULT_PROJECT

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"

    @property
    def repo(self) -> RepoRef:
        """The repo it writes."""
        return RepoRef(self.name, project=self.project)

    @property
    def spec_branch(self) -> BranchRef:
        """The branch whose commits are its versions."""
        return BranchRef(RepoRef(self.name, SPEC, self.project), "master")


class JobRef(msgspec.Struct, frozen=True, order=True):
    """A job: a pipeline's work for one commit set."""

    pipeline: PipelineRef
    id: SetId

    def __str__(self) -> str:
        return f"{self.pipeline}@{self.id}"
