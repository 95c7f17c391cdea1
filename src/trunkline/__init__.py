"""Trunkline: data in versioned repositories, and pipelines that run when the data changes.

The rooms of the house, bottom up: `kernel`, `objects`, `content`, `maps` and `catalog`, `pfs`, `pps`,
`worker`, `api` and `gateway`, `pachd`, `pachctl`. Imports point downward only.
"""

from trunkline.kernel.version import VERSION as __version__  # noqa: N811 - the name that tools look for

__all__ = ["__version__"]
