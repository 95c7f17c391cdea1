"""Pipelines on the model: when there is a job, what it must come to, and which datums may cost a run of user code.

Every job is worked out from nothing, over all files of its inputs. Only one thing is remembered, because it is the
promise that is judged: what user code made of a datum, for as long as its pipeline lives.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trunkline.kernel.errors import AlreadyExists, NotFound, Refused
from trunkline.testing import model_files, model_history
from trunkline.testing.model import BranchKey, Commit, Refusal, State, World
from trunkline.testing.model_files import Collision, Files
from trunkline.testing.workshop import Failed, Leaf, Ran, user_code

OUTPUT = "master"


@dataclass(frozen=True)
class Read:
    """A pfs input; its name is the repo's."""

    repo: str
    branch: str
    glob: str


@dataclass(frozen=True)
class Recipe:
    """What a version of a pipeline does. `kind` is `pfs`, `cross` or `union`; `forgetful`: nothing is ever skipped."""

    kind: str
    reads: tuple[Read, ...]
    command: tuple[str, ...]
    forgetful: bool = False

    def branches(self) -> list[BranchKey]:
        """What it reads, each branch once."""
        return list(dict.fromkeys((one.repo, one.branch) for one in self.reads))


@dataclass(eq=False)
class Job:
    """A job. `counts` are total, processed and failed datums, where it came that far."""

    pipeline: Pipeline
    version: int
    commit: Commit
    state: str = "CREATED"
    counts: tuple[int, int, int] | None = None


Key = tuple[int, str, tuple[Leaf, ...], tuple[tuple[str, bytes], ...]]
"""What an outcome is remembered under: the salt (of a forgetful pipeline: and the job), the inputs, their content."""


@dataclass(eq=False)
class Pipeline:
    """A pipeline; `versions` are found by their spec commits."""

    name: str
    versions: list[tuple[Commit, Recipe]] = field(default_factory=list)
    salts: list[int] = field(default_factory=list)
    stopped: bool = False
    outcomes: dict[Key, dict[str, bytes]] = field(default_factory=dict)

    @property
    def spec(self) -> BranchKey:
        """Where its versions are."""
        return f"{self.name}.spec", "master"

    @property
    def output(self) -> BranchKey:
        """What it writes."""
        return self.name, OUTPUT

    @property
    def recipe(self) -> Recipe:
        """What it does now."""
        return self.versions[-1][1]


class Pipelines:
    """All pipelines and jobs of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.alive: dict[str, Pipeline] = {}
        self.jobs: list[Job] = []
        self.ran: Counter[Ran] = Counter()
        self._salts = itertools.count()
        world.guards.append(self.guard)

    # -- pipelines ------------------------------------------------------------------------------------------

    def create(self, name: str, recipe: Recipe, set_id: str, *, update: bool, reprocess: bool) -> list[BranchKey]:
        """Makes a pipeline or gives it a new version; returns the branches that moved."""
        there = self.alive.get(name)
        if there is not None and not update:
            raise Refusal(AlreadyExists, f"pipeline {name}")
        self._need_inputs(recipe)
        if there is None:
            if name in self.world.repos:
                raise Refusal(Refused, f"repo {name} is in the way")
            return self._begin(Pipeline(name), recipe, set_id)
        self._check_tie(there, recipe)
        self.kill(there)
        moved = self._add_version(there, recipe, set_id, fresh=reprocess)
        return moved + ([] if there.stopped else self._tie(there, set_id))

    def _begin(self, made: Pipeline, recipe: Recipe, set_id: str) -> list[BranchKey]:
        self._check_tie(made, recipe)
        self.alive[made.name] = made
        self.world.create_repo(made.name)
        self.world.create_repo(made.spec[0])
        moved = self._add_version(made, recipe, set_id, fresh=True)
        return moved + self._tie(made, set_id)

    def _add_version(self, pipeline: Pipeline, recipe: Recipe, set_id: str, *, fresh: bool) -> list[BranchKey]:
        commit = model_history.start(self.world, pipeline.spec, set_id)
        self.world.close_empty(commit)
        pipeline.versions.append((commit, recipe))
        pipeline.salts.append(next(self._salts) if fresh else pipeline.salts[-1])
        return [pipeline.spec]

    def _tie(self, pipeline: Pipeline, set_id: str) -> list[BranchKey]:
        upstream = [*pipeline.recipe.branches(), pipeline.spec]
        return self.world.create_branch(pipeline.output, set_id, provenance=upstream)

    def _check_tie(self, pipeline: Pipeline, recipe: Recipe) -> None:
        """Refuses inputs that the rules of branches forbid, before anything is changed."""
        if not pipeline.stopped:
            wanted = [*recipe.branches(), pipeline.spec]
            self.world.check_named(pipeline.output, wanted)
            there = self.world.branches.get(pipeline.output)
            if there is None or set(there.provenance) != set(wanted):
                self.world.check_graph(pipeline.output, wanted)

    def _need_inputs(self, recipe: Recipe) -> None:
        for one in recipe.reads:
            if one.repo not in self.world.repos:
                raise Refusal(NotFound, f"repo {one.repo}")

    def start(self, name: str, set_id: str) -> list[BranchKey]:
        """Ties a stopped pipeline to its inputs again; returns the branches that moved."""
        pipeline = self.need(name)
        if not pipeline.stopped:
            return []
        self._need_inputs(pipeline.recipe)
        pipeline.stopped = False
        try:
            self._check_tie(pipeline, pipeline.recipe)
        except Refusal:
            pipeline.stopped = True
            raise
        return self._tie(pipeline, set_id)

    def stop(self, name: str) -> None:
        """Unties a pipeline from its inputs; nothing if there is none."""
        if name in self.alive:
            pipeline = self.alive[name]
            pipeline.stopped = True
            self.kill(pipeline)
            if pipeline.output in self.world.branches:
                self.world.branches[pipeline.output].provenance = []

    def delete(self, name: str, *, force: bool) -> None:
        """Removes a pipeline with its repos."""
        gone = self.alive.pop(name, None)
        if gone is None:
            return
        try:
            self.world.delete_repo(name, force=force)
        except Refusal:
            self.alive[name] = gone
            raise
        self.jobs = [job for job in self.jobs if job.pipeline is not gone]

    def need(self, name: str) -> Pipeline:
        """The pipeline, or a refusal."""
        if name not in self.alive:
            raise Refusal(NotFound, f"pipeline {name}")
        return self.alive[name]

    # -- what other rooms ask ---------------------------------------------------------------------------------

    def guard(self, keys: Sequence[BranchKey]) -> None:
        """Refuses the removal of branches that a pipeline writes."""
        for repo, name in keys:
            pipeline = self.alive.get(repo.removesuffix(".spec"))
            if pipeline is not None and (repo.endswith(".spec") or (repo, name) == pipeline.output):
                raise Refusal(Refused, f"{repo}@{name} is a pipeline's")

    def check_removal(self, doomed: Sequence[Commit]) -> None:
        """Refuses the removal of a version; forgets the jobs that wrote the other commits."""
        if any(spec in doomed for pipeline in self.alive.values() for spec, _ in pipeline.versions):
            raise Refusal(Refused, "a version of a pipeline")

    def forget_jobs(self) -> None:
        """Jobs go with their commits."""
        self.jobs = [job for job in self.jobs if job.commit in self.world.commits]

    def create_jobs(self, made: Sequence[Commit]) -> None:
        """Gives each new open commit on an output branch its job."""
        for commit in made:
            pipeline = self.alive.get(commit.repo)
            if pipeline is None or commit.branch != OUTPUT or commit.state is not State.OPEN:
                continue
            specs = [spec for spec, _ in pipeline.versions]
            for spec in commit.provenance:
                if spec in specs:
                    self.jobs.append(Job(pipeline, specs.index(spec) + 1, commit))

    def kill(self, pipeline: Pipeline) -> None:
        """Ends every unfinished job of a pipeline."""
        for job in self.unfinished():
            if job.pipeline is pipeline:
                self.end(job, "KILLED")

    # -- jobs -----------------------------------------------------------------------------------------------

    def unfinished(self) -> list[Job]:
        """Jobs that have not ended, oldest first."""
        return [job for job in self.jobs if job.state in ("CREATED", "STARTING")]

    def end(self, job: Job, state: str) -> None:
        """Ends a job without output: its commit holds what its parent did, and says that it failed."""
        job.state = state
        job.commit.failed = True
        self.world.close_empty(job.commit)

    def run(self) -> None:
        """Runs jobs until none can go on."""
        moved = True
        while moved:
            self.world.settle()
            moved = sum(self._attempt(job) for job in self.unfinished()) > 0

    def _attempt(self, job: Job) -> bool:
        recipe = job.pipeline.versions[job.version - 1][1]
        direct = {one.repo: one for one in job.commit.provenance}
        if any(one.repo not in direct for one in recipe.reads):
            self.end(job, "FAILURE")
            return True
        parent = [job.commit.parent] if job.commit.parent else []
        if any(one.state is not State.FINISHED for one in (*job.commit.provenance, *parent)):
            job.state = "STARTING"
            return False
        if any(direct[one.repo].failed for one in recipe.reads):
            self.end(job, "UNRUNNABLE")
        else:
            self._work(job, recipe, {name: commit.files or {} for name, commit in direct.items()})
        return True

    def _work(self, job: Job, recipe: Recipe, content: dict[str, Files]) -> None:
        made: list[dict[str, bytes]] = []
        processed = failed = 0
        wanted = datums(recipe, content)
        for leaves, staged in wanted:
            key = (job.pipeline.salts[job.version - 1], job.commit.id if recipe.forgetful else "", leaves, staged)
            if key not in job.pipeline.outcomes:
                self.ran[Ran(job.pipeline.name, leaves, staged)] += 1
                try:
                    job.pipeline.outcomes[key] = user_code(recipe.command, dict(staged))
                    processed += 1
                except Failed:
                    failed += 1
                    continue
            made.append(job.pipeline.outcomes[key])
        job.counts = len(wanted), processed, failed
        output: Files = {path: data for one in made for path, data in one.items()}
        try:
            model_files.check(output)
        except Collision:
            failed += 1
        if failed or len(output) < sum(map(len, made)):
            self.end(job, "FAILURE")
            return
        job.state = "SUCCESS"
        job.commit.files, job.commit.state = output, State.FINISHED


def datums(recipe: Recipe, content: dict[str, Files]) -> list[tuple[tuple[Leaf, ...], tuple[tuple[str, bytes], ...]]]:
    """Every datum of a recipe over some content, with the files that user code finds below /pfs."""
    elements = [[(read, path) for path in matches(content[read.repo], read.glob)] for read in recipe.reads]
    formed: Iterator[tuple[tuple[Read, str], ...]]
    formed = itertools.product(*elements) if recipe.kind == "cross" else ((one,) for part in elements for one in part)
    found: dict[tuple[Leaf, ...], tuple[tuple[str, bytes], ...]] = {}
    for datum in formed:
        leaves = tuple((read.repo, read.repo, read.branch, path) for read, path in datum)
        staged = {
            f"/{read.repo}{name}": data
            for read, path in datum
            for name, data in content[read.repo].items()
            if name == path or (path.endswith("/") and name.startswith(path))
        }
        found[leaves] = tuple(sorted(staged.items()))
    return list(found.items())


def matches(files: Files, glob: str) -> list[str]:
    """The files and directories that a glob of plain segments matches; `/` is the root, if there is a file."""
    if glob == "/":
        return ["/"] if files else []
    parts = glob.split("/")
    every = sorted({*files, *model_files.directories(files)})
    return [
        path
        for path in every
        if path != "/"
        and len(path.rstrip("/").split("/")) == len(parts)
        and all(map(fnmatch.fnmatchcase, path.rstrip("/").split("/"), parts))
    ]
