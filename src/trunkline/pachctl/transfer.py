"""Puts of both grammars: by the thick client where that is worth it, with a line that shows how far they are."""

from __future__ import annotations

from collections.abc import Iterable

from trunkline.client.putting import PARALLELISM
from trunkline.pachctl.app import App
from trunkline.pachctl.meter import Meter
from trunkline.pachctl.sources import Source
from trunkline.pachctl.upload import upload
from trunkline.wire import pfs_pb2 as pfs


def put(
    app: App,
    commit: pfs.Commit,
    sources: Iterable[Source],
    *,
    overwrite: bool,
    recursive: bool,
    show: bool = True,
    remember: bool = True,
    parallelism: int = PARALLELISM,
) -> None:
    """Stores sources in a branch or an open commit.

    Args:
        app: the invocation.
        commit: where to.
        sources: what to store, and where.
        overwrite: replace what is there; otherwise append to it.
        recursive: of URLs, everything below them.
        show: how far it is, on a terminal.
        remember: what was read, so that it need not be read again.
        parallelism: small files that are read at the same time.

    Raises:
        InvalidRequest: a source that cannot be read; nothing is stored then.
        TrunklineError: what the server refused.
    """
    with Meter("put", show=show) as meter:
        meter.result = upload(
            app.server,
            commit,
            sources,
            overwrite=overwrite,
            recursive=recursive,
            memory=app.memory if remember else None,
            parallelism=parallelism,
            progress=meter,
        )
