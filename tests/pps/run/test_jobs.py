"""Whole jobs: what runs, what is skipped, what the output is, and what is said when it goes wrong."""

from __future__ import annotations

import pytest
from tests.pps.run.factory import Factory, Failed, Files, Recovered, copy
from tests.pps.world import pfs_input

from trunkline.pps.runner import Standing
from trunkline.pps.states import JobState


def test_the_table_of_incremental_runs(factory: Factory) -> None:
    """Spec 02, section 19.5."""
    world = factory
    world.repo("a")
    world.put("a", **{"1_txt": "one", "2_txt": "two"})
    world.pipeline("p", "a")
    assert world.runs("a") == [("/a/1.txt",), ("/a/2.txt",)]
    assert world.counts("p") == (2, 0, 0, 0, 2)
    world.put("a", **{"3_txt": "three"})
    assert world.runs("a") == [("/a/3.txt",)]
    assert world.counts("p") == (1, 2, 0, 0, 3)
    world.put("a", **{"1_txt": "uno"})
    assert world.runs("a") == [("/a/1.txt",)]
    assert world.counts("p") == (1, 2, 0, 0, 3)
    assert world.content("p") == {"/1.txt": "uno", "/2.txt": "two", "/3.txt": "three"}
    world.delete("a", "/2.txt")
    assert world.runs("a") == []
    assert world.counts("p") == (0, 2, 0, 0, 2)
    assert world.content("p") == {"/1.txt": "uno", "/3.txt": "three"}
    world.pipeline("p", "a", update=True)
    assert world.runs("a") == []
    assert world.counts("p") == (0, 2, 0, 0, 2)
    world.pipeline("p", "a", update=True, reprocess=True)
    assert world.runs("a") == [("/a/1.txt",), ("/a/3.txt",)]
    assert world.counts("p") == (2, 0, 0, 0, 2)
    world.check(world.job("p"))


def test_a_failure_and_what_comes_after_it(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", x="x")
    world.pipeline("p", "a")
    world.pipeline("q", pfs_input("p", name="from_p"))
    world.settle()

    def code(files: Files) -> Files:
        if "/a/bad" in files:
            raise Failed("exit status 1")
        return copy(files)

    world.code = code
    world.put("a", bad="b", y="y")
    world.settle()
    job = world.job("p")
    failed = next(one for one in world.pps.list_datums(job.ref) if one.state.value == "FAILED")
    assert (job.state, job.reason) == (JobState.FAILURE, f"datum {failed.id} failed: exit status 1")
    assert world.counts("p") == (1, 1, 1, 0, 3)
    commit = world.commit("p")
    assert commit.error == job.reason
    assert world.content("p") == {"/x": "x"}
    downstream = world.job("q")
    assert downstream.state is JobState.UNRUNNABLE
    assert downstream.reason == "unrunnable because the following upstream pipelines failed: from_p"
    assert world.commit("q").error == downstream.reason
    assert downstream.finished is not None
    assert downstream.started is not None

    world.delete("a", "/bad")
    assert world.runs("a") == [], "what the failed job did is remembered"
    assert world.counts("p") == (0, 2, 0, 0, 2)
    assert world.content("q") == {"/x": "x", "/y": "y"}
    world.check(world.job("p"))
    world.check(world.job("q"))


def test_a_revert_runs_no_user_code_and_gives_the_same_root(factory: Factory) -> None:
    world = factory
    world.repo("a")
    first = world.put("a", x="1", y="1")
    world.pipeline("p", "a")
    world.pipeline("q", "p")
    world.settle()
    before = world.root("p"), world.root("q")
    world.put("a", x="2", z="2")
    world.settle()
    assert world.root("p") != before[0]
    world.set_branch("a", first)
    world.ran.clear()
    world.settle()
    assert world.ran == []
    assert (world.root("p"), world.root("q")) == before
    assert world.counts("p") == (0, 2, 0, 0, 2)


def test_no_datums_is_a_success(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.pipeline("p", "a")
    world.settle()
    job = world.job("p")
    assert (job.state, job.counts.total) == (JobState.SUCCESS, 0)
    world.check(job)


def test_a_job_waits_for_its_inputs(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", x="x")
    world.pipeline("p", "a")
    world.settle()
    world.start_commit("a")
    job = world.job("p")
    assert world.run(job).standing is Standing.WAITING
    version = world.catalog.watch.version
    assert world.run(job).standing is Standing.WAITING
    assert world.catalog.watch.version == version, "waiting writes nothing, or the waiter would wake itself"
    assert world.job("p").state is JobState.STARTING


def test_what_was_recovered_from_is_tried_again(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", x="x", y="y")
    broken = True

    def code(files: Files) -> Files:
        if "/a/y" in files and broken:
            raise Recovered("exit status 1")
        return copy(files)

    world.code = code
    world.pipeline("p", "a")
    world.settle()
    assert world.counts("p") == (1, 0, 0, 1, 2)
    world.check(world.job("p"))
    world.put("a", z="z")
    assert world.runs("a") == [("/a/y",), ("/a/z",)]
    assert world.counts("p") == (1, 1, 0, 1, 3)
    world.check(world.job("p"))
    broken = False
    world.put("a", x="new")
    assert world.runs("a") == [("/a/x",), ("/a/y",)]
    world.check(world.job("p"))
    assert world.content("p") == {"/x": "new", "/y": "y", "/z": "z"}
    world.put("a", x="newer")
    assert world.runs("a") == [("/a/x",)]


def test_what_was_recovered_from_does_not_take_others_output_along(factory: Factory) -> None:
    """x has no output in the base, but one that a failed job made and that has the path of y's."""
    world = factory
    world.repo("a")
    world.put("a", x="x", y="y")
    mood = "recover"

    def code(files: Files) -> Files:
        if "/a/x" in files and mood == "recover":
            raise Recovered("exit status 1")
        return {"/same": "same"} if {"/a/x", "/a/y"} & files.keys() else copy(files)

    world.code = code
    world.pipeline("p", "a")
    world.settle()
    assert world.content("p") == {"/same": "same"}
    mood = "collide"
    world.put("a", z="z")
    world.settle()
    assert world.job("p").state is JobState.FAILURE
    world.delete("a", "/x")
    world.settle()
    world.check(world.job("p"))
    assert world.content("p") == {"/same": "same", "/z": "z"}


def _ids(world: Factory, name: str) -> dict[str, str]:
    found = world.pps.list_datums(world.job(name).ref)
    return {one.inputs[0].path: one.id for one in found}


@pytest.mark.parametrize("known_before", [False, True])
def test_two_datums_with_one_path(factory: Factory, known_before: bool) -> None:
    world = factory
    world.code = lambda files: {"/total": "".join(files.values()), **copy(files)}
    world.repo("a")
    world.put("a", x="x")
    world.pipeline("p", "a")
    if known_before:
        world.settle()
    world.put("a", y="y")
    world.settle()
    job = world.job("p")
    first, second = sorted(_ids(world, "p").values())
    assert job.state is JobState.FAILURE
    assert job.reason == f"duplicate path output by different datums (/total from {first} and /total from {second})"
    assert world.commit("p").error == job.reason
    world.delete("a", "/x")
    assert world.runs("a") == []
    world.check(world.job("p"))
    assert world.content("p") == {"/total": "y", "/y": "y"}


@pytest.mark.parametrize("first", ["file", "directory", "both"])
def test_a_file_where_another_datum_has_a_directory(factory: Factory, first: str) -> None:
    world = factory
    made = {"/a/file": {"/out": "1", "/out.txt": "2"}, "/a/directory": {"/out/1": "3", "/out-2": "4"}}
    world.code = lambda files: made[next(iter(files))]
    world.repo("a")
    world.pipeline("p", "a")
    names = ["file", "directory"]
    if first != "both":
        world.put("a", **{first: "x"})
        world.settle()
        world.check(world.job("p"))
        names.remove(first)
    world.put("a", **dict.fromkeys(names, "x"))
    world.settle()
    assert world.job("p").state is JobState.FAILURE
    assert world.job("p").reason == "file / directory path collision (/out)"


def test_datums_may_swap_their_paths(factory: Factory) -> None:
    world = factory
    world.code = lambda files: {f"/{text}": path for path, text in files.items()}
    world.repo("a")
    world.put("a", x="1", y="2")
    world.pipeline("p", "a")
    world.settle()
    world.put("a", x="2", y="1")
    world.settle()
    world.check(world.job("p"))
    world.put("a", x="1/2")
    world.settle()
    assert world.job("p").reason == "file / directory path collision (/1)"


def test_every_job_runs_everything(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", x="x", y="y")
    world.pipeline("p", "a", reprocess_spec="every_job")
    world.settle()
    world.put("a", z="z")
    assert world.runs("a") == [("/a/x",), ("/a/y",), ("/a/z",)]
    world.check(world.job("p"))
    world.code = lambda files: {path + "2": text for path, text in copy(files).items()}
    world.delete("a", "/z")
    assert world.runs("a") == [("/a/x",), ("/a/y",)]
    assert world.content("p") == {"/x2": "x", "/y2": "y"}
    world.pipeline("p", "a", update=True)
    assert len(world.runs("a")) == 2
    world.check(world.job("p"))


def test_a_job_whose_base_is_gone(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", x="x")
    world.pipeline("p", "a")
    world.settle()
    world.pps.delete_job(world.job("p").ref)
    world.put("a", y="y")
    assert world.runs("a") == [("/a/y",)]
    world.check(world.job("p"))
    assert world.job("p").base is None


def test_a_new_expression_is_planned_from_nothing_and_keeps_outcomes(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", x_txt="x", y_csv="y")
    world.pipeline("p", "a")
    world.settle()
    base = world.job("p").key
    world.pipeline("p", pfs_input("a", "/*.txt"), update=True)
    assert world.runs("a") == []
    assert world.job("p").base is None
    assert world.counts("p") == (0, 1, 0, 0, 1)
    assert world.content("p") == {"/x.txt": "x"}
    world.pipeline("p", "a", update=True)
    assert world.runs("a") == []
    assert world.job("p").base == base
    world.check(world.job("p"))


def test_user_code_that_changed_does_not_run_on_what_is_known(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", x="x")
    world.pipeline("p", "a")
    world.settle()
    world.code = lambda files: {"/new": "code"}
    world.pipeline("p", "a", update=True, transform={"cmd": ["other"]})
    world.put("a", y="y")
    assert world.runs("a") == [("/a/y",)]
    assert world.content("p") == {"/x": "x", "/new": "code"}


def test_stats_are_sums_over_what_was_processed(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", x="12345", y="1")
    world.pipeline("p", "a")
    world.settle()
    stats = world.job("p").stats
    assert (stats.download_time, stats.process_time, stats.upload_time, stats.download_bytes) == (2, 4, 6, 6)


def test_many_datums_and_many_workers(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", **{f"f{number}": str(number) for number in range(700)})
    world.pipeline("p", "a", parallelism_spec={"constant": 4})
    world.settle(workers=4)
    world.check(world.job("p"))
    assert len(world.ran) == len(set(world.ran)) == 700
    world.put("a", **{f"f{number}": "new" for number in range(300)})
    world.ran.clear()
    world.settle(workers=2)
    assert len(world.ran) == 300
    assert world.counts("p") == (300, 400, 0, 0, 700)
    world.check(world.job("p"))
