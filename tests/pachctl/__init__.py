"""Tests of the command line. gRPC's own log is switched off as pachctl does it: before gRPC is imported."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")
