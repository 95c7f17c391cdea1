"""Runs the table of bars: `python -m benchmarks.pfs [ROW …] [--full] [--set NAME=NUMBER …] [--results FOLDER]`.

Without `--full` the sizes are those of a few minutes. Rows run one after the other. Read benchmarks/README.md before
you compare anything.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.pfs import bigfile, chain, clients, curves, listing, manyfiles, memory, report

ROWS = {row.NAME: row for row in (bigfile, manyfiles, curves, listing, chain, memory, clients)}


def main() -> int:
    """The rows, in order; 1 if a bar was missed with the full sizes, which alone have bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all without any")
    parser.add_argument("--full", action="store_true", help="the sizes of the bars (an hour)")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=NUMBER", help="another size")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to be measured")
    parser.add_argument("--results", type=Path, help="write a file for each row")
    arguments = parser.parse_args()
    given = dict(one.split("=", 1) for one in arguments.set)
    reached = True
    for name in arguments.rows or ROWS:
        row = ROWS[name]
        sizes = {key: int(given.get(key, value)) for key, value in (row.FULL if arguments.full else row.SHORT).items()}
        reached &= report.publish(name, sizes, row.run(arguments.folder, sizes), arguments.results)
    return 0 if reached or not arguments.full else 1


if __name__ == "__main__":
    sys.exit(main())
