"""Datums in the tables of 2.11."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trunkline.kernel import units
from trunkline.pachctl import table
from trunkline.pachctl.app import App
from trunkline.pachctl.views.cells import repo_name, repo_of, seconds
from trunkline.pachctl.views.spaced.cells import UNKNOWN, commit_name, painted
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

HEADER = ("ID", "FILES", "STATUS", "TIME")
FILE_HEADER = ("REPO", "COMMIT", "PATH")

_WORDS = {
    pps.FAILED: ("failed", "red"),
    pps.SUCCESS: ("success", "green"),
    pps.SKIPPED: ("skipped", "yellow"),
    pps.RECOVERED: ("recovered", "yellow"),
}


def row(app: App, info: pps.DatumInfo) -> tuple[str, ...]:
    """One line of `list datum`."""
    word, color = _WORDS.get(info.state, (UNKNOWN, ""))
    files = ", ".join(f"{commit_name(read.file.commit)}:{read.file.path}" for read in info.data)
    return (info.datum.id or UNKNOWN, files or UNKNOWN, painted(app, word, color), _words(_total(info)))


def detail(info: pps.DatumInfo) -> str:
    """`inspect datum`."""
    stats = info.stats
    pairs = (
        ("ID", info.datum.id),
        ("Job ID", info.datum.job.id),
        ("Image ID", info.image_id),
        ("State", pps.DatumState.Name(info.state)),
        ("Data Downloaded", units.size(stats.download_bytes)),
        ("Data Uploaded", units.size(stats.upload_bytes)),
        ("Total Time", _go(_total(info) or 0)),
        ("Download Time", _go(seconds(stats.download_time))),
        ("Process Time", _go(seconds(stats.process_time))),
        ("Upload Time", _go(seconds(stats.upload_time))),
    )
    head = "".join(f"{label}\t{value}\n" for label, value in pairs)
    state = f"PFS State:\n{_files([info.pfs_state])}" if info.HasField("pfs_state") else "PFS State:\n"
    return f"{head}{state}Inputs:\n{_files(read.file for read in info.data)}"


def _total(info: pps.DatumInfo) -> float | None:
    if not info.HasField("stats"):
        return None
    stats = info.stats
    return sum(map(seconds, (stats.download_time, stats.process_time, stats.upload_time)))


def _words(total: float | None) -> str:
    return UNKNOWN if total is None else units.duration(total)


def _go(total: float) -> str:
    """A length of time as Go writes it: `0s`, `1.5ms`, `2m3.4s`."""
    if total < 1:
        for unit, factor in (("s", 0), ("ns", 10**9), ("µs", 10**6), ("ms", 1000)):
            if total * factor >= 1 and total * factor < 1000:
                return f"{total * factor:.6g}{unit}"
        return "0s"
    hours, rest = divmod(total, 3600)
    minutes, left = divmod(rest, 60)
    text = f"{left:.9g}s"
    if hours or minutes:
        text = f"{int(minutes)}m{text}"
    return f"{int(hours)}h{text}" if hours else text


def _files(files: Iterable[pfs.File]) -> str:
    rows: list[Sequence[str]] = [(repo_name(repo_of(file.commit)), file.commit.id, file.path) for file in files]
    return "".join(f"  {line}\n" for line in table.lines(FILE_HEADER, rows))
