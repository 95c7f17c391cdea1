"""Files of a commit written into an object store: GetFile with an address, and egress.

Invariants: each file arrives whole or not at all; what lies there under the same name is replaced; memory is bounded.
The files are not one transaction, since no object store has one: after an error those that were written stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from trunkline.kernel.errors import Cancelled, InvalidRequest
from trunkline.objects.bucket import PART, Bucket
from trunkline.objects.location import SERVICES
from trunkline.pfs.files import View
from trunkline.pfs.tree import Node
from trunkline.pfs.urls import Urls, scheme_of

THREADS = 16
_MOST_BYTES = 64 << 20


def write(urls: Urls, url: str, view: View, nodes: Iterable[Node], alive: Callable[[], bool] = lambda: True) -> int:
    """Writes files to `<path of the address>/<path of the file>`; directories are passed over.

    Args:
        nodes: what to write, each file once.
        alive: whether the caller is still there.

    Returns:
        The bytes that were written.

    Raises:
        InvalidRequest: the address is no object store's.
        PermissionDenied: pachd does not write there.
        StorageDenied, StorageFailed, StorageFull: a file could not be written; the message names it.
        Cancelled: the caller went away.
    """
    scheme = scheme_of(url)
    if scheme not in SERVICES:
        raise InvalidRequest(f"unrecognized object store: {scheme}")
    bucket, place = urls.bucket(url)
    writing = _Writing(bucket, place.path, view, alive)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="destination") as pool:
        try:
            for node in nodes:
                writing.check()
                if not node.is_dir:
                    writing.add(pool, node)
            writing.finish()
        finally:
            pool.shutdown(cancel_futures=True)
    return writing.total


class _Writing:
    """Files on their way, and what arrived."""

    def __init__(self, bucket: Bucket, path: str, view: View, alive: Callable[[], bool]) -> None:
        self._bucket, self._path, self._view, self._alive = bucket, path, view, alive
        self._under_way: dict[Future[None], int] = {}
        self.total = 0

    def check(self) -> None:
        """Raises Cancelled if nobody waits for the files any more."""
        if not self._alive():
            raise Cancelled("the caller went away before everything was written")

    def add(self, pool: ThreadPoolExecutor, node: Node) -> None:
        """Takes a file; long ones are written at once, in parts."""
        if node.size > PART:
            self._write(node)
            self.total += node.size
            return
        while self._under_way and (
            len(self._under_way) >= THREADS or sum(self._under_way.values()) + node.size > _MOST_BYTES
        ):
            self._collect()
        self._under_way[pool.submit(self._write, node)] = node.size

    def finish(self) -> None:
        """Waits for the rest."""
        while self._under_way:
            self._collect()

    def _write(self, node: Node) -> None:
        self._bucket.write(f"{self._path}{node.path}".lstrip("/"), node.size, self._pieces(node))

    def _pieces(self, node: Node) -> Iterator[bytes]:
        for piece in self._view.read(node):
            self.check()
            yield piece

    def _collect(self) -> None:
        for future in wait(self._under_way, return_when=FIRST_COMPLETED).done:
            size = self._under_way.pop(future)
            future.result()
            self.total += size
