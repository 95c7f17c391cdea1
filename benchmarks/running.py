"""The command of a set of rows: `python -m benchmarks.SET [ROW …] [--full] [--set NAME=NUMBER …] [--results FOLDER]`.

A row is a module with `NAME`, the sizes `SHORT` and `FULL`, and `run`, which answers figures.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.pfs import report


def main(rows: Mapping[str, Any], description: str | None) -> int:
    """The rows, in order; 1 if a bar was missed with the full sizes, which alone have bars."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(rows)}; all without any")
    parser.add_argument("--full", action="store_true", help="the sizes of the bars (an hour)")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=NUMBER", help="another size")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to be measured")
    parser.add_argument("--results", type=Path, help="write a file for each row")
    arguments = parser.parse_args()
    given = dict(one.split("=", 1) for one in arguments.set)
    reached = True
    for name in arguments.rows or rows:
        row = rows[name]
        sizes = {key: int(given.get(key, value)) for key, value in (row.FULL if arguments.full else row.SHORT).items()}
        reached &= report.publish(name, sizes, row.run(arguments.folder, sizes), arguments.results)
    return 0 if reached or not arguments.full else 1
