"""How long the catalog takes to make a change durable, whichever database it is."""

from __future__ import annotations

from trunkline.kernel import meters

COMMIT_SECONDS = meters.histogram("catalog_commit_seconds", "Time that a COMMIT took until it was durable.")
