"""Datums: `ID STATUS TIME`, and the view of one with the files it read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trunkline.kernel import units
from trunkline.pachctl import table
from trunkline.pachctl.views.cells import UNKNOWN, repo_name, repo_of, seconds
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

HEADER = ("ID", "STATUS", "TIME")
FILE_HEADER = ("REPO", "COMMIT", "PATH")

_WORDS = {
    pps.FAILED: "failed",
    pps.SUCCESS: "success",
    pps.SKIPPED: "skipped",
    pps.STARTING: "starting",
    pps.RECOVERED: "recovered",
}


def row(info: pps.DatumInfo) -> tuple[str, ...]:
    """One line of list-datum."""
    return (info.datum.id, _WORDS.get(info.state, UNKNOWN), _time(info))


def detail(info: pps.DatumInfo) -> str:
    """inspect-datum."""
    stats = info.stats
    head = table.details(
        (
            ("ID", info.datum.id),
            ("Job ID", info.datum.job.id or None),
            ("Pipeline", info.datum.job.pipeline.name or None),
            ("Image ID", info.image_id or None),
            ("State", _WORDS.get(info.state, UNKNOWN)),
            ("Data Downloaded", units.size(stats.download_bytes)),
            ("Data Uploaded", units.size(stats.upload_bytes)),
            ("Total Time", _time(info)),
            ("Download Time", units.duration(seconds(stats.download_time))),
            ("Process Time", units.duration(seconds(stats.process_time))),
            ("Upload Time", units.duration(seconds(stats.upload_time))),
        )
    )
    state = f"PFS State:\n{_files([info.pfs_state])}" if info.HasField("pfs_state") else ""
    return f"{head}{state}Inputs:\n{_files(read.file for read in info.data)}"


def _time(info: pps.DatumInfo) -> str:
    if not info.HasField("stats"):
        return UNKNOWN
    stats = info.stats
    parts = (stats.download_time, stats.process_time, stats.upload_time)
    return units.duration(sum(map(seconds, parts)))


def _files(files: Iterable[pfs.File]) -> str:
    rows: list[Sequence[str]] = [(repo_name(repo_of(file.commit)), file.commit.id, file.path) for file in files]
    return "".join(f"  {line}\n" for line in table.lines(FILE_HEADER, rows))
