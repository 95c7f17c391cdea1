"""What user code made of one datum: a map of files, tagged with the datum.

Whoever stores the files makes the map, so that a datum with a million output files is reported in a few bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import msgspec

from trunkline.content.entry import FileEntry, to_entry
from trunkline.kernel.errors import InvalidRequest
from trunkline.maps import Maps, Root


def output_map(maps: Maps, datum: str, files: Iterable[tuple[str, FileEntry]]) -> Root:
    """The map of a datum's output files, by absolute path; durable, as their content must be already.

    Raises:
        InvalidRequest: a path is there twice.
        StorageFull, StorageFailed: the map could not be stored.
    """
    entries = sorted(to_entry(path.encode(), msgspec.structs.replace(file, tag=datum)) for path, file in files)
    for before, after in pairwise(entries):
        if before[0] == after[0]:
            raise InvalidRequest(f"datum {datum}: the output file {before[0].decode()} is there twice")
    return maps.build(entries)
