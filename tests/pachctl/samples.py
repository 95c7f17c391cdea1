"""Messages as a server would send them, for golden outputs: the jobs and pipelines of the tutorial."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from trunkline.kernel.clock import SECOND
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

from .fake_pfs import commit_message, stamp

NOW = 1_700_000_000 * SECOND
"""When the tables are printed; a `ManualClock` starts here."""


def named(name: str) -> pps.Pipeline:
    """A pipeline of the default project."""
    return pps.Pipeline(project=pfs.Project(name="default"), name=name)


IDS = {
    "model": "531312dd718546f8a387d5ad7e191bef",
    "qc_pre_process": "851d03408c8743b08aa60b381d987e4f",
    "qcontrol": "83c7e395ea6c4cdc9ba7ce9a77551bad",
    "infer": "e50dd8f302b34714b419380031ff76ab",
}


def ago(seconds: float):
    """A time before now, as a message."""
    return stamp(NOW - int(seconds * SECOND))


def seconds(length: float) -> Duration:
    """A length of time, as a message."""
    return Duration(seconds=int(length), nanos=int(length % 1 * SECOND))


def job(
    pipeline: str, begun: float, took: float, datums: tuple[int, int, int], sizes: tuple[int, int], **fields
) -> pps.JobInfo:
    """A job that ended."""
    processed, skipped, total = datums
    return pps.JobInfo(
        **{
            "job": pps.Job(pipeline=named(pipeline), id=IDS[pipeline]),
            "output_commit": commit_message(pipeline, IDS[pipeline]),
            "started": ago(begun),
            "finished": ago(begun - took),
            "data_processed": processed,
            "data_skipped": skipped,
            "data_total": total,
            "stats": pps.ProcessStats(download_bytes=sizes[0], upload_bytes=sizes[1]),
            "state": pps.JOB_SUCCESS,
            **fields,
        }
    )


def tutorial_jobs() -> list[pps.JobInfo]:
    """What list-job shows at the end of the page's fifth step."""
    return [
        job("qcontrol", 6, 4, (1, 0, 1), (28662, 236)),
        job("qc_pre_process", 11, 3, (1, 0, 1), (4696, 28447)),
        job("model", 7 * 60, 3, (1, 0, 1), (42271, 207)),
    ]


def pipeline(name: str = "model", **fields) -> pps.PipelineInfo:
    """A pipeline that runs."""
    details = {
        "transform": pps.Transform(image="go-train:multi", cmd=["/train", "-outDir=/pfs/out"]),
        "parallelism_spec": pps.ParallelismSpec(constant=10),
        "created_at": ago(65),
        "output_branch": "master",
        "input": pps.Input(pfs=pps.PFSInput(repo="training_data", glob="/", name="training_data", branch="master")),
        "description": "fits",
        **fields.pop("details", {}),
    }
    return pps.PipelineInfo(
        **{
            "pipeline": named(name),
            "state": pps.PIPELINE_RUNNING,
            "details": pps.PipelineInfo.Details(**details),
            "user_spec_json": '{"pipeline": {"name": "model"}, "update": true, "input": {"pfs": {"repo": "é"}}}',
            **fields,
        }
    )


def datum(job_info: pps.JobInfo, number: int, state: pps.DatumState, took: float = 1.5) -> pps.DatumInfo:
    """A datum of a job."""
    commit = commit_message("attributes", "c" * 12 + "4" + "c" * 19)
    meta = commit_message(job_info.job.pipeline.name, job_info.job.id, "meta")
    identity = f"{number:064x}"
    return pps.DatumInfo(
        datum=pps.Datum(job=job_info.job, id=identity),
        state=state,
        stats=pps.ProcessStats(process_time=seconds(took), download_bytes=166, upload_bytes=221),
        pfs_state=pfs.File(commit=meta, path=f"/pfs/{identity}"),
        data=[pfs.FileInfo(file=pfs.File(commit=commit, path=f"/{number}.json"))],
    )
