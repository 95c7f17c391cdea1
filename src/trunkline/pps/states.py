"""The states of pipelines, jobs and datums, by the names of the wire without its prefixes.

Invariant: the values are what the catalog stores. Which state may follow which is the business of `machine`.
"""

from __future__ import annotations

from enum import Enum


class PipelineState(Enum):
    """Of a pipeline."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    FAILURE = "FAILURE"
    PAUSED = "PAUSED"
    STANDBY = "STANDBY"
    CRASHING = "CRASHING"


class JobState(Enum):
    """Of a job."""

    CREATED = "CREATED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    FAILURE = "FAILURE"
    SUCCESS = "SUCCESS"
    KILLED = "KILLED"
    EGRESSING = "EGRESSING"
    FINISHING = "FINISHING"
    UNRUNNABLE = "UNRUNNABLE"

    @property
    def terminal(self) -> bool:
        """Whether it never changes again."""
        return self in _TERMINAL


_TERMINAL = frozenset({JobState.SUCCESS, JobState.FAILURE, JobState.KILLED, JobState.UNRUNNABLE})


class PipelineType(Enum):
    """What becomes of a pipeline's code: it is run for each datum, or runs on."""

    TRANSFORM = "TRANSFORM"
    SPOUT = "SPOUT"
    """Runs on without input, and writes to its output by itself; there are no jobs."""
    SERVICE = "SERVICE"
    """Runs on with the newest input, and is reached by its port; each new input is a job."""


class DatumState(Enum):
    """Of a datum in one job; UNKNOWN where there is no job."""

    UNKNOWN = "UNKNOWN"
    FAILED = "FAILED"
    SUCCESS = "SUCCESS"
    SKIPPED = "SKIPPED"
    STARTING = "STARTING"
    RECOVERED = "RECOVERED"
