"""Runs the table of bars of the file system: `python -m benchmarks.pfs`; see `benchmarks.running`.

Without `--full` the sizes are those of a few minutes. Rows run one after the other. Read benchmarks/README.md before
you compare anything.
"""

from __future__ import annotations

import sys

from benchmarks.pfs import bigfile, chain, clients, curves, listing, manyfiles, memory
from benchmarks.running import main

ROWS = {row.NAME: row for row in (bigfile, manyfiles, curves, listing, chain, memory, clients)}

if __name__ == "__main__":
    sys.exit(main(ROWS, __doc__))
