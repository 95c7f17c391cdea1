"""Traces and explanations as lines: what is met again, what is cut, and trees of any depth."""

from __future__ import annotations

from trunkline.pachctl.app import App
from trunkline.pachctl.views import explain, lineage
from trunkline.wire import explain_pb2, lineage_pb2, pfs_pb2, pps_pb2


def file(number: int, datum: int = 0, note: str = "") -> lineage_pb2.TraceFileResponse:
    place = pfs_pb2.File(commit=pfs_pb2.Commit(repo=pfs_pb2.Repo(name=f"r{number}"), id="c"), path="/x")
    told = lineage_pb2.TracedFile(number=number, file=place, datum=datum, note=note)
    return lineage_pb2.TraceFileResponse(file=told)


def datum(number: int, *files: int, more: int = 0) -> lineage_pb2.TraceFileResponse:
    job = pps_pb2.Job(pipeline=pps_pb2.Pipeline(name="p"), id="j")
    folder = pfs_pb2.File(commit=pfs_pb2.Commit(repo=pfs_pb2.Repo(name="in"), id="c"), path="/")
    told = lineage_pb2.TracedDatum(
        number=number,
        datum=pps_pb2.Datum(job=job, id=f"d{number}"),
        state=pps_pb2.SUCCESS,
        inputs=[lineage_pb2.TracedInput(name="in", file=folder, files=files, more=more)],
    )
    return lineage_pb2.TraceFileResponse(datum=told)


def end(**fields: bool) -> lineage_pb2.TraceFileResponse:
    return lineage_pb2.TraceFileResponse(end=lineage_pb2.TraceEnd(**fields))


def test_a_file_that_is_met_again_and_what_is_cut() -> None:
    messages = [
        file(1, 1),
        datum(1, 2, 3, more=4),
        file(2, 2),
        file(3, 2),
        datum(2, 4),
        file(4, note="gone"),
        end(cut=True),
    ]
    assert list(lineage.tree(App({}), messages, downstream=False)) == [
        "r1@c:/x (0B)",
        "└─ datum d1 of p@j, success, version 0",
        "   └─ /pfs/in: in@c:/ (0B)",
        "      ├─ r2@c:/x (0B)",
        "      │  └─ datum d2 of p@j, success, version 0",
        "      │     └─ /pfs/in: in@c:/ (0B)",
        "      │        └─ r4@c:/x (0B): gone",
        "      ├─ r3@c:/x (0B)",
        "      │  └─ datum d2 of p@j, as above",
        "      └─ and 4 files more",
        "there is more: raise --width, --most or --depth",
    ]


def test_a_tree_deeper_than_the_stack() -> None:
    depth = 2_000
    messages = [one for at in range(1, depth) for one in (file(at, at), datum(at, at + 1))]
    lines = list(lineage.tree(App({}), [*messages, file(depth), end()], downstream=False))
    assert len(lines) == 3 * (depth - 1) + 1


def test_counts_that_are_not_whole_and_jobs_that_are_only_supposed() -> None:
    job = explain_pb2.ExplainedJob(
        job=pps_pb2.Job(pipeline=pps_pb2.Pipeline(name="p"), id="j"),
        pipeline_version=3,
        supposed=True,
        planned=True,
        tally=explain_pb2.DatumTally(
            total=9,
            partial=True,
            causes=[explain_pb2.CauseCount(cause=explain_pb2.NEW, datums=5)],
            fates=[explain_pb2.FateCount(fate=explain_pb2.AHEAD, datums=5)],
        ),
        datums=[explain_pb2.ExplainedDatum(id="d1", cause=explain_pb2.NEW, fate=explain_pb2.AHEAD, inputs=["/in/x"])],
    )
    assert explain.job(job).splitlines() == [
        "p would run (version 3)",
        "  9 datums: at least 5 new; at least 5 to run",
        "  d1 new, to run",
        "    /in/x",
        "  … 5 in all; more after this: --after d1",
    ]
