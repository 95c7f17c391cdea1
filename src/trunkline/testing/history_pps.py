"""The steps of a random history with pipelines: made, changed, stopped, started, deleted, and their jobs run.

After each step jobs and their states are those of the model; after each run user code has run on exactly the datums
that the model says, and nothing else; and every output holds what working it out from nothing gives.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from trunkline.kernel.ids import SetId
from trunkline.pps import fsck
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.testing.history import BRANCHES, REPOS
from trunkline.testing.history_pfs import PfsHistory
from trunkline.testing.model import Commit
from trunkline.testing.model_pipelines import Job, Pipelines, Read, Recipe
from trunkline.testing.workshop import Workshop

PIPELINES = ("p", "q", "r")
GLOBS = ("/*", "/*", "/", "/*/*", "/d/*", "/x*")
COMMANDS = (("copy",), ("copy",), ("name",), ("name", "strict"), ("copy", "strict"), ("same",), ("deep",), ("nothing",))

JobShape = dict[tuple[str, str], tuple[int, str, tuple[int, int, int] | None]]
"""Pipeline and id of each job, to version, state, and its counts of datums where they are judged."""


class PpsHistory(PfsHistory):
    """A history of repos and pipelines."""

    NAMES = REPOS + PIPELINES
    WEIGHTS = PfsHistory.WEIGHTS | {
        "delete_repo": 0.2,
        "start": 4,
        "remove": 4,
        "create_branch": 2,
        "make_pipeline": 7,
        "stop_pipeline": 1.2,
        "start_pipeline": 1.5,
        "delete_pipeline": 0.6,
        "stop_job": 1,
        "delete_job": 0.6,
        "run_jobs": 14,
        "rewind_spec": 0.7,
    }

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed)
        self._folder = folder
        self.workshop = Workshop(self.real.pfs, folder)
        self.pipelines = Pipelines(self.world)

    def close(self) -> None:
        """Lets go of the folder."""
        self.workshop.close()
        super().close()

    def restart(self) -> None:
        """As for files alone; what ran stays noted."""
        ran = self.workshop.ran
        self.workshop.close()
        super().restart()
        self.workshop = Workshop(self.real.pfs, self._folder)
        self.workshop.ran = ran

    def begin(self) -> None:
        """As for files alone, then some files and some pipelines."""
        super().begin()
        for _ in range(3):
            self.write()
        for _ in range(self.chance.randint(1, 3)):
            self.make_pipeline()

    def step(self, name: str) -> None:
        """Takes one step, and compares jobs too."""
        super().step(name)
        found, expected = self.real_jobs(), self.model_jobs()
        if found != expected:
            names = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
            lines = [f"job {'@'.join(name)} is {found.get(name)}, not {expected.get(name)}" for name in names]
            raise self.mismatch("\n".join(lines))

    def conclude(self) -> None:
        """Runs what can run, then looks at everything."""
        self.step("run_jobs")
        super().conclude()
        problems = list(fsck.check(self.real.pfs))
        if problems:
            raise self.mismatch(f"fsck of jobs: {problems}")

    # -- what rooms above do --------------------------------------------------------------------------------

    def caused(self, made: Sequence[Commit]) -> None:
        """New output commits have jobs; those of removed ones are gone."""
        self.pipelines.create_jobs(made)
        self.pipelines.forget_jobs()

    def check_removal(self, doomed: Sequence[Commit]) -> None:
        """Versions stay."""
        self.pipelines.check_removal(doomed)

    # -- steps ----------------------------------------------------------------------------------------------

    def make_pipeline(self) -> None:
        """Creates or updates a pipeline."""
        name = self.chance.choice(PIPELINES)
        recipe = self.recipe(name)
        update = name in self.pipelines.alive and self.chance.random() < 0.85
        reprocess = update and self.chance.random() < 0.2
        text = spec_text(name, recipe)

        def real(set_id: str) -> str:
            self.workshop.pps.create_pipeline(text, update=update, reprocess=reprocess)
            return self.real.commit(f"{name}.spec", "master").id

        self.both(
            f"{'update' if update else 'create'} pipeline {name} {recipe}{' reprocessing' if reprocess else ''}",
            real,
            lambda s: self.change(self.pipelines.create(name, recipe, s, update=update, reprocess=reprocess), s),
        )

    def recipe(self, name: str) -> Recipe:
        """Something that a pipeline may do; mostly it reads repos that are there, and none that reads it."""
        kind = self.chance.choices(("pfs", "cross", "union"), (60, 20, 20))[0]
        earlier = [one for one in self.NAMES if one < name]
        candidates = [one for one in earlier if one in self.world.repos or self.chance.random() < 0.05] or earlier
        count = 1 if kind == "pfs" else 2
        if kind == "union":
            names = self.chance.choices(candidates, k=count)
        else:
            names = self.chance.sample(candidates, k=min(count, len(candidates)))
        branch = self.chance.choice(BRANCHES) if self.chance.random() < 0.3 else "master"
        reads = tuple(Read(one, branch, self.chance.choice(GLOBS)) for one in sorted(names))
        forgetful = self.chance.random() < 0.08
        return Recipe(kind if len(reads) > 1 else "pfs", reads, self.chance.choice(COMMANDS), forgetful)

    def start_pipeline(self) -> None:
        """Starts a pipeline, mostly a stopped one."""
        name = self.some_pipeline(stopped=True)

        def real(set_id: str) -> str:
            self.workshop.pps.start_pipeline(PipelineRef(name))
            return self.real.commit(name, "master").id

        self.both(f"start pipeline {name}", real, lambda s: self.change(self.pipelines.start(name, s), s))

    def stop_pipeline(self) -> None:
        """Stops a pipeline."""
        name = self.some_pipeline(stopped=False)
        self.both(
            f"stop pipeline {name}",
            lambda s: self.workshop.pps.stop_pipeline(PipelineRef(name)),
            lambda s: self.pipelines.stop(name),
        )

    def delete_pipeline(self) -> None:
        """Deletes a pipeline, sometimes by force."""
        name, force = self.chance.choice(PIPELINES), self.chance.random() < 0.3
        self.both(
            f"delete pipeline {name}{' by force' if force else ''}",
            lambda s: self.workshop.pps.delete_pipeline(PipelineRef(name), force=force) and None,
            lambda s: self.pipelines.delete(name, force=force),
        )

    def rewind_spec(self) -> None:
        """Points the branch of a pipeline's versions at one of them: the next jobs run that one."""
        name = self.some_pipeline(stopped=False)
        if name in self.pipelines.alive:
            version, _ = self.chance.choice(self.pipelines.alive[name].versions)
            self.put_branch(self.pipelines.alive[name].spec, version.id, [])

    def some_pipeline(self, *, stopped: bool) -> str:
        """A pipeline, mostly one that is stopped, or one that is not."""
        fitting = [name for name, one in self.pipelines.alive.items() if one.stopped is stopped]
        return self.chance.choice(fitting if fitting and self.chance.random() < 0.8 else PIPELINES)

    def stop_job(self) -> None:
        """Kills a job, mostly an unfinished one."""
        job = self.some_job()
        if job is not None:
            self.both(
                f"stop job {job.pipeline.name}@{job.commit.id}",
                lambda s: self.workshop.pps.stop_job(_ref(job)),
                lambda s: self.pipelines.end(job, "KILLED") if job in self.pipelines.unfinished() else None,
            )

    def delete_job(self) -> None:
        """Removes the record of a job."""
        job = self.some_job()
        if job is not None:

            def model(set_id: str) -> None:
                if job in self.pipelines.unfinished():
                    self.pipelines.end(job, "KILLED")
                self.pipelines.jobs.remove(job)

            self.both(
                f"delete job {job.pipeline.name}@{job.commit.id}",
                lambda s: self.workshop.pps.delete_job(_ref(job)),
                model,
            )

    def some_job(self) -> Job | None:
        """A job, mostly an unfinished one, if there is any."""
        jobs = self.pipelines.unfinished() if self.chance.random() < 0.7 else self.pipelines.jobs
        return self.chance.choice(jobs) if jobs else None

    def run_jobs(self) -> None:
        """Runs all jobs as far as they go."""
        self.both("run jobs", lambda s: self.workshop.run_jobs(), lambda s: self.pipelines.run())
        ran = Counter(self.workshop.ran)
        if ran != self.pipelines.ran:
            more, less = ran - self.pipelines.ran, self.pipelines.ran - ran
            raise self.mismatch(f"user code ran without need: {list(more)}; it should have run: {list(less)}")

    # -- looking --------------------------------------------------------------------------------------------

    def real_jobs(self) -> JobShape:
        """The jobs of the real thing."""
        query = (
            "SELECT repos.name, commits.set_id, jobs.* FROM jobs JOIN commits ON commits.id = jobs.output_commit "
            "JOIN repos ON repos.id = commits.repo"
        )
        found: JobShape = {}
        with self.real.catalog.read() as tx:
            for row in tx.rows(query):
                counts = (row["data_total"], row["data_processed"], row["data_failed"])
                judged = (row["name"], row["set_id"]) in self._judged()
                found[row["name"], row["set_id"]] = (row["version"], row["state"], counts if judged else None)
        return found

    def model_jobs(self) -> JobShape:
        """The jobs of the model."""
        return {(job.pipeline.name, job.commit.id): (job.version, job.state, job.counts) for job in self.pipelines.jobs}

    def _judged(self) -> set[tuple[str, str]]:
        return {(job.pipeline.name, job.commit.id) for job in self.pipelines.jobs if job.counts is not None}


def spec_text(name: str, recipe: Recipe) -> str:
    """A pipeline file."""
    reads = [{"pfs": {"repo": one.repo, "branch": one.branch, "glob": one.glob}} for one in recipe.reads]
    given = reads[0] if recipe.kind == "pfs" else {recipe.kind: reads}
    spec = {"pipeline": {"name": name}, "transform": {"cmd": list(recipe.command)}, "input": given}
    return json.dumps(spec | ({"reprocessSpec": "every_job"} if recipe.forgetful else {}))


def _ref(job: Job) -> JobRef:
    return JobRef(PipelineRef(job.pipeline.name), SetId(job.commit.id))
