"""Random histories of commits, expressions, failures and crashes: whatever happened before, a job that succeeds has
exactly its datums' outputs, and user code ran on exactly what was not known.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pps.plan.expressions import REPOS, Repos, expressions, histories
from tests.pps.run.factory import Factory, Failed, Files, Recovered

from trunkline.pfs import modify
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pps import spec
from trunkline.pps.runner import Standing
from trunkline.pps.spec import Input
from trunkline.pps.states import JobState
from trunkline.pps.tickets import WorkDatum

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""The catalog waits for its disk many times; nothing here is lost if that is memory."""

LINES = ("none", "none", "fail", "recover", "crash", "kill", "reprocess", "update", "every")


class Mill(Factory):
    """User code whose output's paths depend on the datum and on its content; it may fail on one text."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mood = "none"

    def execute(self, datum: WorkDatum, files: Files) -> Files:
        if "zzz" in files.values() and self.mood == "fail":
            raise Failed("no")
        if "yy" in files.values() and self.mood == "recover":
            raise Recovered("not now")
        text = "".join(files.values())
        return {f"/{datum.id}/{path[1:].replace('/', '-')}": text for path in files} | {f"/{text}-{datum.id[:9]}": ""}

    def write(self, repo: str, old: dict[str, str], new: dict[str, str]) -> None:
        """One commit that makes the content of a repo `new`."""
        operations: list[modify.Operation] = [modify.Delete(path, "default") for path in old]
        operations += [modify.Append(path, "default", text.encode()) for path, text in new.items()]
        modify.write(self.pfs, CommitRef(RepoRef(repo), branch="master"), operations)
        self.finish_commits()


def make(world: Mill, expression: Input, **fields: object) -> None:
    given_input = json.loads(msgspec.json.encode(expression))
    text = {"pipeline": {"name": "p"}, "transform": {"cmd": ["x"]}, "input": given_input, **fields}
    world.pps.create_pipeline(json.dumps(text))


def step(world: Mill, expression: Input, line: str) -> None:
    """What else happens before a job runs."""
    if line == "kill":
        job = world.job("p")
        world.run(job) if job.datums is None and job.finished is not None else None
        world.pps.stop_job(job.ref)
    if line == "crash" and world.job("p").finished is None:
        world.plan(world.job("p"))
        world.set_job(world.job("p"), state=JobState.FINISHING.value)
    if line in ("update", "reprocess", "every"):
        fields = {"reprocess": line == "reprocess", "reprocessSpec": "every_job" if line == "every" else None}
        make(world, expression, update=True, **fields)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(expressions(), min_size=2, max_size=2), histories(longest=5), st.data())
def test_any_history(inputs: list[Input], versions: list[Repos], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world = Mill(Path(folder))
        try:
            live(world, inputs, versions, data)
        finally:
            world.close()


def live(world: Mill, inputs: list[Input], versions: list[Repos], data: st.DataObject) -> None:
    world.repo(*REPOS)
    make(world, inputs[0])
    written: dict[str, dict[str, str]] = {name: {} for name in REPOS}
    for version in versions:
        expression = data.draw(st.sampled_from(inputs))
        line = data.draw(st.sampled_from(LINES))
        world.mood = line
        for name in REPOS:
            files = dict(version[name])
            if files != written[name]:
                world.write(name, written[name], files)
                written[name] = files
        step(world, expression, line)
        settle(world)
    world.mood = "none"
    make(world, inputs[1], update=True)
    settle(world)
    world.check(world.job("p"))


def settle(world: Mill) -> None:
    """Runs what is to be run, and looks at the newest job from every side."""
    newest = world.job("p")
    world.ran.clear()
    world.settle()
    job = world.pps.inspect_job(newest.ref)
    assert world.run(job).standing is Standing.ENDED
    counts, world.mood = job.counts, "none"
    if job.state is JobState.SUCCESS:
        world.check(job)
        assert spec.decode(world.pps.version_of(job).effective_spec) == world.pps.version_of(job).spec
    elif job.state is JobState.FAILURE:
        assert counts.failed > 0
        assert counts.total == counts.processed + counts.skipped + counts.failed + counts.recovered
    else:
        assert job.state is JobState.KILLED
    assert len(world.ran) <= sum(_worked(world))


def _worked(world: Mill) -> list[int]:
    jobs = world.pps.list_jobs(history=-1)
    return [job.counts.processed + job.counts.failed + job.counts.recovered for job in jobs]
