"""`python -m trunkline.worker`: a worker process, started by pachd and by nobody else."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    if sys.getfilesystemencoding() != "utf-8":
        # Paths of commits are UTF-8 whatever the language of the machine.
        os.execv(sys.executable, [sys.executable, "-X", "utf8", "-m", "trunkline.worker"])  # noqa: S606
    # Read by gRPC's own library when it is imported, and not afterwards: its notes do not belong among the
    # one-line errors of a worker.
    os.putenv("GRPC_VERBOSITY", "NONE")
    from trunkline.worker.main import main

    sys.exit(main())
