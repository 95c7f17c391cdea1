"""What the cells of several tables of the spaced grammar share: times, sizes, colours, bars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.kernel import units
from trunkline.pachctl.app import App
from trunkline.pachctl.views import cells
from trunkline.wire import pfs_pb2 as pfs

UNKNOWN = cells.UNKNOWN
BAR_CELLS = 8
_COLORS = {"green": 32, "yellow": 33, "red": 31}


class Painted(str):
    """A cell with a colour; the table sees its width without."""

    __slots__ = ("color",)
    color: str

    def __new__(cls, text: str, color: str) -> Painted:
        """The text, to be shown in a colour."""
        made = super().__new__(cls, text)
        made.color = color
        return made

    def __str__(self) -> str:
        """With the colour."""
        return f"\x1b[{_COLORS[self.color]}m{self[:]}\x1b[0m"

    def ljust(self, width: int, fill: str = " ", /) -> str:  # type: ignore[override]
        """With the colour, padded by what the reader sees."""
        return str(self) + fill * (width - len(self))


def painted(app: App, text: str, color: str) -> str:
    """A word in a colour, where there are colours."""
    return Painted(text, color) if color and app.colors else text


def age(app: App, when: Timestamp | None) -> str:
    """How long ago; with `--full-timestamps` when."""
    if when is None:
        return UNKNOWN
    return full(when) if app.flags.full_timestamps else cells.ago(when, app.now())


def at(app: App, message: Message, field: str) -> str:
    """The age of a time field."""
    return age(app, cells.when(message, field))


def full(when: Timestamp) -> str:
    """A time in UTC."""
    return _rfc3339(datetime.fromtimestamp(when.seconds, UTC))


def local(when: Timestamp | None) -> str:
    """A time where the reader is."""
    return UNKNOWN if when is None else _rfc3339(datetime.fromtimestamp(when.seconds).astimezone())


def size(exact: int | None, bound: int) -> str:
    """A size, or the bound that it does not exceed."""
    return f"≤ {units.size(bound)}" if exact is None else units.size(exact)


def commit_name(commit: pfs.Commit) -> str:
    """`repo@id`."""
    return f"{cells.repo_name(cells.repo_of(commit))}@{commit.id}"


def branch_name(branch: pfs.Branch) -> str:
    """`repo@branch`."""
    return f"{cells.repo_name(branch.repo)}@{branch.name}"


def project_name(repo: pfs.Repo) -> str:
    """The project of a repo."""
    return repo.project.name or "default"


def bar(app: App, counts: Mapping[str, int]) -> str:
    """Progress: `▇` eight times, in colours by the shares of `green`, `yellow` and `red`; nothing of nothing."""
    total = sum(counts.values())
    if not total:
        return ""
    if not app.colors:
        return "▇" * BAR_CELLS
    green = counts.get("green", 0) * BAR_CELLS // total
    red = max(counts.get("red", 0) * BAR_CELLS // total, 1 if counts.get("red") else 0)
    green = min(green, BAR_CELLS - red)
    runs = (("green", green), ("yellow", BAR_CELLS - green - red), ("red", red))
    return _Bar("".join(str(Painted("▇" * width, color)) for color, width in runs if width))


class _Bar(str):
    """A bar whose colours change within it."""

    __slots__ = ()

    def __len__(self) -> int:
        return BAR_CELLS

    def ljust(self, width: int, fill: str = " ", /) -> str:  # type: ignore[override]
        return self + fill * (width - BAR_CELLS)


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
