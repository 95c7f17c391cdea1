"""What is put: single files, folders as everything below them, and streams; each with its place in the repo.

Nothing is opened here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class File(NamedTuple):
    """A local file.

    Attributes:
        origin: its path.
        target: its path in the repo.
    """

    origin: str
    target: str


class Folder(NamedTuple):
    """Everything below a local folder.

    Attributes:
        origin: its path.
        target: the directory in the repo.
    """

    origin: str
    target: str


class Stream(NamedTuple):
    """Bytes from anywhere, read once.

    Attributes:
        parts: of any size.
        target: the path in the repo.
    """

    parts: Iterable[bytes]
    target: str


Source = File | Folder | Stream
