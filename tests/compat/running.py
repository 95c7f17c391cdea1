"""Pipelines of a place, by the official SDK: made, waited for, removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pachyderm_sdk import Client
from pachyderm_sdk.api import pps
from tests.compat.place import Place, place

COPY = "cp -r /pfs/in/* /pfs/out/"


@contextmanager
def plant(client: Client) -> Iterator[Place]:
    """A place of its own, whose pipelines are removed in the end."""
    made = place(client)
    try:
        yield made
    finally:
        client.pps.delete_pipelines(projects=[made.project], force=True)


def pipeline(here: Place, name: str) -> pps.Pipeline:
    return pps.Pipeline(name=name, project=here.project)


def job(here: Place, name: str, id: str) -> pps.Job:
    return pps.Job(pipeline=pipeline(here, name), id=id)


def reading(here: Place, repo: str, glob: str = "/*", name: str = "in") -> pps.Input:
    """An input of files of a repo, which user code finds below /pfs/in."""
    return pps.Input(pfs=pps.PfsInput(project=here.project.name, repo=repo, glob=glob, name=name))


def create(here: Place, name: str, repo: str, *lines: str, glob: str = "/*", **fields: Any) -> str:
    """A pipeline of a shell script; returns the id of its first job."""
    here.client.pps.create_pipeline(
        pipeline=pipeline(here, name),
        transform=pps.Transform(cmd=["sh"], stdin=list(lines)),
        input=reading(here, repo, glob),
        **{"datum_tries": 1, **fields},
    )
    return newest(here, name)


def newest(here: Place, name: str) -> str:
    """The id of a pipeline's newest job."""
    return next(iter(here.client.pps.list_job(pipeline=pipeline(here, name), number=1))).job.id


def ended(here: Place, name: str, id: str = "") -> pps.JobInfo:
    """A job, once it has ended; the newest unless an id is given."""
    return here.client.pps.inspect_job(job=job(here, name, id or newest(here, name)), wait=True, details=True)


def counts(info: pps.JobInfo) -> tuple[int, int, int, int, int]:
    """Total, processed, skipped, failed, recovered."""
    return info.data_total, info.data_processed, info.data_skipped, info.data_failed, info.data_recovered
