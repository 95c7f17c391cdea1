"""Setting and asking for defaults, each call complete in itself.

Invariant: what a dry run returns or raises is what the same call would, at that moment; nothing is changed by it.
"""

from __future__ import annotations

from collections.abc import Callable

from trunkline.kernel.ids import SetId, new_id
from trunkline.pfs.change import Change
from trunkline.pfs.pfs import Pfs
from trunkline.pps import defaults
from trunkline.pps.defaults import ProjectDefaults
from trunkline.pps.refs import PipelineRef
from trunkline.pps.regenerate import regenerate as regenerate_all


class DefaultCalls:
    """The defaults of one installation.

    Args:
        after: called when pipelines may have changed.
    """

    def __init__(self, pfs: Pfs, after: Callable[[], None]) -> None:
        self._pfs, self._after = pfs, after

    def of_cluster(self) -> str:
        """The text that was set for the cluster, `{}` before."""
        with self._pfs.catalog.read() as tx:
            return defaults.of_cluster(tx)

    def of_project(self, name: str) -> ProjectDefaults:
        """What was set for a project; NotFound if there is no such project."""
        with self._pfs.catalog.read() as tx:
            return defaults.of_project(tx, name)

    def set_cluster(
        self, text: str, *, regenerate: bool = False, reprocess: bool = False, dry_run: bool = False
    ) -> list[PipelineRef]:
        """Sets the defaults of the cluster; returns the pipelines that got new versions.

        Args:
            text: JSON such as `{"createPipelineRequest": {"datumTries": "5"}}`.
            regenerate: for the pipelines that are there as well; see `regenerate.regenerate`.
            reprocess: those do all their work again.
            dry_run: only say what would happen.

        Raises:
            InvalidRequest: the text cannot be read.
            InvalidRequest, Refused, NotBuilt, NotFound: a pipeline cannot have these defaults.
        """

        def step(change: Change) -> list[PipelineRef]:
            defaults.put_cluster(change, text)
            return regenerate_all(change, reprocess=reprocess) if regenerate else []

        return self._change(step, dry_run)

    def set_project(
        self, name: str, text: str, *, regenerate: bool = False, reprocess: bool = False, dry_run: bool = False
    ) -> list[PipelineRef]:
        """Sets the defaults of a project; as `set_cluster`.

        Raises:
            NotFound: no such project.
        """

        def step(change: Change) -> list[PipelineRef]:
            defaults.put_project(change, name, text)
            return regenerate_all(change, name, reprocess=reprocess) if regenerate else []

        return self._change(step, dry_run)

    def _change(self, step: Callable[[Change], list[PipelineRef]], dry_run: bool) -> list[PipelineRef]:
        if dry_run:
            return self._pfs.trial(step, SetId(new_id()))
        changed = self._pfs.change(step)
        if changed:
            self._after()
        return changed
