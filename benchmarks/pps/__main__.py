"""Runs the table of bars of pipelines: `python -m benchmarks.pps`; see `benchmarks.running`.

Without `--full` the sizes are those of a few minutes. Rows run one after the other. Read benchmarks/README.md before
you compare anything.
"""

from __future__ import annotations

import sys

from benchmarks.pps import added, datums, graphs
from benchmarks.running import main

ROWS = {row.NAME: row for row in (datums, added, graphs)}

if __name__ == "__main__":
    sys.exit(main(ROWS, __doc__))
