from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from tests.pps.world import World, need_job, pfs_input, spec_of

from trunkline.kernel.errors import Cancelled, NotFound
from trunkline.kernel.ids import SetId
from trunkline.pfs import history
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pps import job_queries
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.rows import Counts, Job
from trunkline.pps.states import JobState

EDGES = PipelineRef("edges")


@pytest.fixture
def edges(world: World) -> World:
    world.repo("images")
    world.pipeline("edges", "images")
    return world


def ids(found: Iterator[Job]) -> list[SetId]:
    return [job.ref.id for job in found]


# -- their life ---------------------------------------------------------------------------------------------


def test_a_job_comes_with_its_open_output_commit(edges: World) -> None:
    started = edges.start_commit("images")
    job = edges.job("edges")
    assert job.ref == JobRef(EDGES, started)
    assert (job.state, job.reason, job.restart, job.version) == (JobState.CREATED, "", 0, 1)
    assert (job.started, job.finished, job.datums) == (None, None, None)
    assert job.counts == Counts()
    assert job.created == edges.commit("edges").started
    assert job.output_commit == edges.commit("edges").key


def test_commits_that_are_no_output_have_no_job(edges: World) -> None:
    with edges.catalog.read() as tx:
        row = tx.row("SELECT count(*) AS number FROM jobs")
    assert row is not None
    assert row["number"] == 1, "none for images, none for the spec repo"


def test_a_stopped_job_closes_its_output_with_the_reason(edges: World) -> None:
    made = edges.put("images", a="1")
    edges.pps.stop_job(JobRef(EDGES, made))
    job = edges.job("edges", made)
    assert (job.state, job.reason) == (JobState.KILLED, "job stopped")
    assert job.started == job.finished is not None
    commit = edges.commit("edges", made)
    assert (commit.error, commit.open) == ("job stopped", False)


def test_stopping_keeps_the_first_reason(edges: World) -> None:
    job = edges.job("edges")
    edges.pps.stop_job(job.ref, "enough")
    edges.pps.stop_job(job.ref, "more than enough")
    assert edges.job("edges").reason == "enough"
    assert edges.commit("edges").error == "enough"


def test_stopping_what_has_ended_does_nothing(edges: World) -> None:
    edges.end(edges.job("edges"))
    edges.pps.stop_job(edges.job("edges").ref)
    assert edges.job("edges").state is JobState.SUCCESS
    assert edges.commit("edges").error == ""


def test_a_killed_job_after_another_unfinished_one_is_finished_with_it(edges: World) -> None:
    first, second = edges.job("edges"), edges.put("images", a="1")
    edges.pps.stop_job(JobRef(EDGES, second))
    assert edges.commit("edges", second).finished is None, "its parent is not finished"
    edges.end(first)
    edges.finish_commits()
    assert edges.commit("edges", second).finished is not None


def test_a_deleted_job_leaves_its_commit(edges: World) -> None:
    job = edges.job("edges")
    edges.pps.delete_job(job.ref)
    with pytest.raises(NotFound):
        edges.pps.inspect_job(job.ref)
    assert edges.commit("edges", job.ref.id).error == "job deleted"
    assert edges.pps.inspect_pipeline(EDGES).last_job_state is None


def test_the_keys_of_deleted_jobs_are_not_used_again(edges: World) -> None:
    job = edges.job("edges")
    edges.pps.delete_job(job.ref)
    edges.put("images", a="1")
    assert edges.job("edges").key > job.key


@pytest.mark.parametrize("pipeline", ["edges", "nope"])
def test_jobs_that_are_missing(edges: World, pipeline: str) -> None:
    missing = JobRef(PipelineRef(pipeline), SetId("0" * 32))
    for call in (edges.pps.inspect_job, edges.pps.stop_job, edges.pps.delete_job):
        with pytest.raises(NotFound) as error:
            call(missing)
        assert str(error.value) == f"jobs default/{pipeline}@{'0' * 32} not found"
    with pytest.raises(NotFound):
        edges.pps.inspect_job(missing, wait=True)


def test_removing_a_commit_removes_its_job(edges: World) -> None:
    edges.end(edges.job("edges"))
    first = edges.put("images", a="1")
    job = edges.job("edges", first)
    edges.end(job)
    edges.put("images", b="2")
    edges.end(edges.job("edges"))
    ref = CommitRef(RepoRef("images"), first)
    edges.pfs.change(lambda change: history.squash(change, ref, recursive=True))
    assert need_job(edges, job.key) is None
    assert len(edges.jobs("edges")) == 2


# -- lists --------------------------------------------------------------------------------------------------


def test_lists_are_newest_first(edges: World) -> None:
    made = [edges.head("edges"), *(edges.put("images", a=str(number)) for number in range(3))]
    assert ids(edges.pps.list_jobs()) == made[::-1]
    assert ids(edges.pps.list_jobs(reverse=True)) == made
    assert ids(edges.pps.list_jobs(number=2)) == made[:1:-1]
    assert ids(edges.pps.list_jobs(number=9)) == made[::-1]
    at = edges.job("edges", made[2]).created
    assert ids(edges.pps.list_jobs(marker=at)) == [made[1], made[0]]
    assert ids(edges.pps.list_jobs(marker=at, reverse=True)) == [made[3]]
    assert ids(edges.pps.list_jobs(marker=at, number=1)) == [made[1]]


def test_long_lists_are_read_in_pages(edges: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [edges.head("edges"), *(edges.put("images", a=str(number)) for number in range(6))]
    monkeypatch.setattr(job_queries, "_PAGE", 3)
    assert ids(edges.pps.list_jobs()) == made[::-1]
    assert ids(edges.pps.list_jobs(number=4)) == made[:2:-1]
    assert ids(edges.pps.list_jobs(reverse=True)) == made


def test_a_list_can_be_read_slowly_while_jobs_are_made(edges: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_queries, "_PAGE", 1)
    made = [edges.head("edges"), edges.put("images", a="1")]
    found = edges.pps.list_jobs()
    first = next(found).ref.id
    edges.put("images", a="2")
    assert [first, *ids(found)] == made[::-1]


def test_lists_show_the_newest_version_unless_history_is_asked_for(edges: World) -> None:
    made = [edges.head("edges")]
    for _ in range(2):
        edges.pps.create_pipeline(spec_of("edges", "images"), update=True)
        made.append(edges.head("edges"))
    assert ids(edges.pps.list_jobs()) == made[2:]
    assert ids(edges.pps.list_jobs(history=1)) == made[:0:-1]
    assert ids(edges.pps.list_jobs(pipeline=EDGES, history=-1)) == made[::-1]


def test_lists_of_a_pipeline_or_a_project(edges: World) -> None:
    edges.pipeline("montage", "edges")
    only = edges.pps.list_jobs(pipeline=PipelineRef("montage"))
    assert [job.ref.pipeline.name for job in only] == ["montage"]
    assert len(list(edges.pps.list_jobs(projects=["default"]))) == 2
    assert list(edges.pps.list_jobs(projects=["nowhere"])) == []
    with pytest.raises(NotFound, match='pipeline "default/nope" not found'):
        edges.pps.list_jobs(pipeline=PipelineRef("nope"))


def test_lists_by_input_commit(edges: World) -> None:
    edges.repo("labels")
    edges.pipeline("join", {"cross": [pfs_input("images"), pfs_input("labels")]})
    one, two = edges.put("images", a="1"), edges.put("labels", b="2")

    def shown(*inputs: tuple[str, str]) -> set[tuple[str, str]]:
        commits = [CommitRef(RepoRef(repo), id) for repo, id in inputs]
        return {(job.ref.pipeline.name, job.ref.id) for job in edges.pps.list_jobs(input_commits=commits)}

    assert shown(("images", one)) == {("edges", one), ("join", one), ("join", two)}
    assert shown(("images", one), ("labels", two)) == {("join", two)}
    assert shown(("images", "master"), ("labels", two)) == {("join", two)}
    with pytest.raises(NotFound, match="not found"):
        shown(("images", "0123456789ab4" + "0" * 19))


def test_job_sets(edges: World) -> None:
    edges.pipeline("montage", "edges")
    one = edges.put("images", a="1")
    both = [f"default/edges@{one}", f"default/montage@{one}"]
    assert [str(job.ref) for job in edges.pps.job_set(one)] == both
    found = list(edges.pps.list_job_sets(number=2))
    newest, members = found[0]
    assert (newest, [str(job.ref) for job in members]) == (one, both)
    assert len(found) == 2
    every = [set_id for set_id, _ in edges.pps.list_job_sets()]
    assert [set_id for set_id, _ in edges.pps.list_job_sets(reverse=True)] == every[::-1]
    assert len(every) == 3
    edges.repo("lonely")
    assert list(edges.pps.job_set(edges.put("lonely", a="1"))) == []
    with pytest.raises(NotFound) as error:
        edges.pps.job_set(SetId("0" * 32))
    assert str(error.value) == f"no commits found for commitset {'0' * 32}"


# -- waiting ------------------------------------------------------------------------------------------------


class Background:
    """Runs something that waits, in a thread."""

    def __init__(self, call: object) -> None:
        self.result: object = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()  # type: ignore[operator]
        except Exception as error:
            self.result = error

    def end(self) -> object:
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.result


def test_waiting_for_a_job(edges: World) -> None:
    job = edges.job("edges")
    waiting = Background(lambda: edges.pps.inspect_job(job.ref, wait=True).state)
    edges.set_job(job, state=JobState.RUNNING.value)
    edges.end(job)
    assert waiting.end() is JobState.SUCCESS
    assert edges.pps.inspect_job(job.ref, wait=True).state is JobState.SUCCESS


def test_waiting_for_a_job_that_is_deleted(edges: World) -> None:
    job = edges.job("edges")
    looked = threading.Event()

    def alive() -> bool:
        return True

    def wait() -> Job:
        looked.set()
        return edges.pps.inspect_job(job.ref, wait=True, alive=alive)

    waiting = Background(wait)
    looked.wait(20)
    edges.pps.delete_job(job.ref)
    result = waiting.end()
    assert isinstance(result, NotFound)
    assert str(result) in (f"job {job.ref.id} was deleted", f"jobs {job.ref} not found")


def test_a_caller_that_goes_away_ends_its_wait(edges: World) -> None:
    waiting = Background(lambda: edges.pps.inspect_job(edges.job("edges").ref, wait=True, alive=lambda: False))
    assert isinstance(waiting.end(), Cancelled)


def test_waiting_for_a_job_set_gives_each_job_as_it_ends(edges: World) -> None:
    edges.end(edges.job("edges"))
    edges.pipeline("montage", "edges")
    edges.end(edges.job("montage"))
    one = edges.put("images", a="1")
    waiting = edges.pps.job_set(one, wait=True)
    edges.end(edges.job("edges", one))
    assert next(waiting).ref.pipeline.name == "edges"
    edges.end(edges.job("montage", one), JobState.FAILURE)
    last = next(waiting)
    assert (last.ref.pipeline.name, last.state) == ("montage", JobState.FAILURE)
    assert list(waiting) == []


def test_a_subscription_gives_unfinished_jobs_and_then_new_ones(edges: World) -> None:
    edges.end(edges.job("edges"))
    one = edges.put("images", a="1")
    found = edges.pps.subscribe_jobs(EDGES)
    assert next(found).ref.id == one
    two = edges.put("images", a="2")
    assert next(found).ref.id == two
    waiting = Background(lambda: next(found).ref.id)
    three = edges.put("images", a="3")
    assert waiting.end() == three
    with pytest.raises(NotFound):
        edges.pps.subscribe_jobs(PipelineRef("nope"))
