"""The next day: what the user of the page does with the same repos and pipelines, in seven steps.

Each step uses `pachctl` alone, checks what it shows, and leaves all pipelines in order for the next one. They
must be played in this order, after the page.
"""

from __future__ import annotations

from collections.abc import Callable

from scripts.tutorial.data import Copy
from scripts.tutorial.player import Player, need
from scripts.tutorial.tables import Row, table
from scripts.tutorial.walk import check_prediction

INPUTS = ("training_data", "qc_data", "attributes")
STAGES = ("model", "qc_pre_process", "qcontrol", "infer")
FOLLOWERS = ("model", "qcontrol", "infer")  # the stages that depend on the training data
EXAMPLE = "examples/diabetes"


class Sequel:
    """The user's memory: where the branches pointed before the training data got better.

    Attributes:
        before: the commit id of each repo's master branch.
        model_before: the bytes of the model of that time.
        roots_before: what identifies the content of each follower's output.
    """

    def __init__(self, player: Player, copy: Copy) -> None:
        self.player = player
        self.copy = copy
        self.before: dict[str, str] = {}
        self.model_before = ""
        self.roots_before: dict[str, str] = {}

    def head(self, repo: str) -> str:
        """The id of the commit that the master branch of a repo points to."""
        rows = table(self.player.look(f"pachctl list-branch {repo}").out)
        heads = [row["HEAD"] for row in rows if row["BRANCH"] == "master"]
        need(len(heads) == 1, f"{repo} has one branch master")
        return heads[0]

    def newest_job(self, pipeline: str) -> Row:
        """The row of a pipeline's newest job."""
        jobs = table(self.player.look(f"pachctl list-job -p {pipeline}").out)
        need(jobs != [], f"{pipeline} has a job")
        return jobs[0]

    def job_ended(self, pipeline: str, progress: str, state: str = "success") -> Row:
        """Checks how the newest job of a pipeline ended."""
        job = self.newest_job(pipeline)
        shown = (job["PROGRESS"], job["STATE"].split(":")[0])
        need(shown == (progress, state), f"{pipeline}'s job ends as {progress}, {state} (it shows {shown})")
        return job

    def root(self, repo: str, commit: str = "master") -> str:
        """What identifies all files of a commit: equal if and only if the content is."""
        (info,) = self.player.raw(f"pachctl inspect-file {repo} {commit} /")
        return str(info["hash"])

    def files(self, repo: str) -> dict[str, str]:
        """The files at the top of a repo's master branch, with their sizes."""
        rows = self.player.table(f"pachctl list-file {repo} master")
        return {row["NAME"].lstrip("/"): row["SIZE"] for row in rows}

    def user_lines(self, pipeline: str, job: str) -> list[str]:
        """What user code wrote during a job."""
        return self.player.run(f"pachctl get-logs -p {pipeline} --job {job}").out.splitlines()


def more_patients(day: Sequel) -> None:
    """A third file of attributes: one datum is processed, the two known ones are skipped."""
    day.player.run("pachctl put-file attributes master 3.json -f data/test/3.json")
    day.player.run("pachctl flush-commit attributes/master")
    day.player.run("pachctl list-job -p infer")
    day.job_ended("infer", "1 + 2 / 3")
    need(day.files("infer") == {"1.json": "221B", "2.json": "222B", "3.json": "222B"}, "3 predictions")
    check_prediction(day.player, day.copy, "3.json")


def better_data(day: Sequel) -> None:
    """Rows leave the training set: model, qcontrol and infer have new jobs, of one id; nothing else has."""
    player = day.player
    day.before = {repo: day.head(repo) for repo in (*INPUTS, *STAGES)}
    day.model_before = player.look("pachctl get-file model master model.json").out
    day.roots_before = {stage: day.root(stage) for stage in STAGES}
    player.run("sed '2,9d' data/training_prod.csv > better.csv")
    player.run("pachctl put-file training_data master training_prod.csv -o -f better.csv")
    player.run("pachctl flush-commit training_data/master")
    jobs = player.table("pachctl list-job")
    new = {row["OUTPUT COMMIT"].split("/")[0] for row in jobs if row["ID"] == jobs[0]["ID"]}
    need(new == set(FOLLOWERS), f"the change caused jobs of {FOLLOWERS} under one id (it caused {new})")
    need(day.head("training_data") == jobs[0]["ID"], "the jobs have the id of the commit that caused them")
    need(day.newest_job("qc_pre_process")["ID"] != jobs[0]["ID"], "qc_pre_process has no new job")
    for stage, progress in zip(FOLLOWERS, ("1 + 0 / 1", "1 + 0 / 1", "3 + 0 / 3"), strict=True):
        day.job_ended(stage, progress)
        need(day.root(stage) != day.roots_before[stage], f"{stage}'s output is another one than before")


def provenance(day: Sequel) -> None:
    """A prediction names every commit it came from, specs included; what was there before still is."""
    player = day.player
    player.run("pachctl list-commit infer")
    told = player.run(f"pachctl inspect-commit infer {day.head('infer')}").out
    named = told.partition("Provenance")[2]
    for repo in (*INPUTS, *FOLLOWERS[:2], "qc_pre_process"):
        need(f"{repo}/" in named, f"the provenance names the commit of {repo}")
    for stage in STAGES:
        need(f"{stage}.spec/" in named, f"the provenance names the spec of {stage}")
    old = player.run(f"pachctl get-file model {day.before['model']} model.json").out
    need(old == day.model_before, "the old model is still there, byte for byte")
    now = player.look("pachctl get-file model master model.json").out
    need(now != old, "the new model is another one")


def revert(day: Sequel) -> None:
    """Back to the earlier training data: the results of that time return, and no user code runs."""
    player = day.player
    player.run("pachctl list-commit training_data")
    player.run(f"pachctl set-branch training_data {day.before['training_data']} master")
    player.run("pachctl flush-commit model/master")
    player.run("pachctl list-job")
    for stage, datums in zip(FOLLOWERS, (1, 1, 3), strict=True):
        job = day.job_ended(stage, f"0 + {datums} / {datums}")
        states = [row["STATUS"] for row in player.table(f"pachctl list-datum {stage}@{job['ID']}")]
        need(states == ["skipped"] * datums, f"all datums of {stage} are skipped (they are {states})")
        need(day.user_lines(stage, job["ID"]) == [], f"no user code of {stage} ran")
        need(day.root(stage) == day.roots_before[stage], f"{stage}'s output is what it was")
    old = player.run("pachctl get-file model master model.json").out
    need(old == day.model_before, "the model is the old one, byte for byte")


def the_gate(day: Sequel) -> None:
    """A threshold that the model does not reach: it is held back, and there is nothing to predict with."""
    player = day.player
    player.run(f"sed 's/-threshold=100/-threshold=40/' {EXAMPLE}/qcontrol.json > strict.json")
    player.run("pachctl update-pipeline -f strict.json --reprocess")
    player.run("pachctl flush-commit qcontrol/master")
    player.run("pachctl list-job -p qcontrol")
    held = day.job_ended("qcontrol", "1 + 0 / 1")
    need(any("held back" in line for line in day.user_lines("qcontrol", held["ID"])), "its log says why")
    empty = day.job_ended("infer", "0 + 0 / 0")
    for stage in ("qcontrol", "infer"):
        need(day.files(stage) == {}, f"{stage}'s output is empty")
    told = player.run(f"pachctl inspect-job infer@{empty['ID']}").out
    reasons = [line for line in told.splitlines() if line.startswith("Reason")]
    need(any("datum" in line for line in reasons), "inspect-job says why infer had nothing to do")
    player.run(f"pachctl update-pipeline -f {EXAMPLE}/qcontrol.json --reprocess")
    player.run("pachctl flush-commit qcontrol/master")
    player.run("pachctl list-job -p infer")
    day.job_ended("qcontrol", "1 + 0 / 1")
    day.job_ended("infer", "0 + 3 / 3")
    need(day.root("infer") == day.roots_before["infer"], "the predictions are back")


def bad_code(day: Sequel) -> None:
    """A version of `infer` that fails on one patient: three tries, a reason, and the old results stay."""
    player = day.player
    player.run(f"pachctl create-pipeline -f {EXAMPLE}/sequel/report.json")
    player.run("pachctl flush-commit infer/master")
    good = day.head("infer")
    wanted = player.look(f"pachctl get-file infer {good} 3.json").out
    player.run(
        f"pachctl create-environment diabetes/infer:2 --root {EXAMPLE}/environments/infer-2"
        f" --env PYTHONPATH=$PWD/{EXAMPLE}/lib --path $PWD/.venv/bin"
    )
    player.run(f"sed 's/infer:1/infer:2/' {EXAMPLE}/infer.json > infer-2.json")
    player.run("pachctl update-pipeline -f infer-2.json --reprocess")
    player.run("pachctl flush-job infer/master")
    _failed_as_it_should(day)
    served = player.run(f"pachctl get-file infer {good} 3.json").out
    need(served == wanted, "the previous output is still served under its commit")
    player.run(f"pachctl update-pipeline -f {EXAMPLE}/infer.json --reprocess")
    player.run("pachctl flush-commit infer/master")
    player.run("pachctl list-job -p infer")
    day.job_ended("infer", "3 + 0 / 3")
    need(day.root("infer") == day.roots_before["infer"], "the good version gives the good predictions")
    day.job_ended("report", "0 + 1 / 1")


def _failed_as_it_should(day: Sequel) -> None:
    player = day.player
    job = day.newest_job("infer")
    need(job["STATE"].startswith("failure"), f"the job fails (it shows {job['STATE']})")
    told = player.run(f"pachctl inspect-job infer@{job['ID']}").out
    datums = player.table(f"pachctl list-datum infer@{job['ID']}")
    failed = [row["ID"] for row in datums if row["STATUS"] == "failed"]
    need(len(failed) == 1, f"one datum failed ({len(failed)} did)")
    need(f"datum {failed[0]} failed" in told, "the job's reason names the datum")
    lines = day.user_lines("infer", job["ID"])
    tries = sum(line.startswith("ValueError") for line in lines)
    need(tries == 3, f"the log shows three tries (it shows {tries})")
    stuck = day.newest_job("report")
    need(stuck["STATE"].startswith("unrunnable"), f"report could not run (it shows {stuck['STATE']})")
    told = player.run(f"pachctl inspect-job report@{stuck['ID']}").out
    need("upstream pipelines failed: infer" in told, "report's job says that it was because of infer")


def crash(day: Sequel) -> None:
    """pachd, then a worker, is killed in the middle of a job; nothing is lost or counted twice."""
    player = day.player
    player.run("pachctl create-repo visits")
    _visits(player, range(1, 9))
    player.run(f"pachctl create-pipeline -f {EXAMPLE}/sequel/slow.json")
    _half_way(player)
    player.run(f"kill -9 {player.pachd()}  # pachd")
    player.run("pachctl start-pachd")
    player.run("pachctl flush-commit visits/master")
    _all_visits_there(day, "8 + 0 / 8", 8)
    _visits(player, range(9, 17))
    _half_way(player)
    workers = player.workers()
    need(workers != [], "pachd has worker processes")
    player.run(f"kill -9 {workers[0]}  # one of its workers")
    player.run("pachctl flush-commit visits/master")
    _all_visits_there(day, "8 + 8 / 16", 16)


def _visits(player: Player, numbers: range) -> None:
    """Puts one small file for each number, in one commit."""
    words = " ".join(map(str, numbers))
    player.run(f"mkdir -p visits-{numbers[0]} && for n in {words}; do echo $n > visits-{numbers[0]}/$n; done")
    player.run(f"pachctl put-file visits master / -r -f visits-{numbers[0]}")


def _half_way(player: Player) -> None:
    """Waits until the newest job of `slow` has done some of the 8 datums it has to do, but not all."""

    def under_way(text: str) -> bool:
        jobs = table(text)
        return bool(jobs) and 0 < int(jobs[0]["PROGRESS"].split()[0]) < 8

    player.until("pachctl list-job -p slow", under_way, "a job of slow is half done")


def _all_visits_there(day: Sequel, progress: str, count: int) -> None:
    day.player.run("pachctl list-job -p slow")
    job = day.job_ended("slow", progress)
    wanted = {str(n): f"{len(str(n)) + 1}B" for n in range(1, count + 1)}
    need(day.files("slow") == wanted, f"all {count} visits came through")
    datums = day.player.look(f"pachctl list-datum slow@{job['ID']}").out.splitlines()[1:]
    need(len(datums) == count, f"{count} datums are listed ({len(datums)} are)")
    done = wanted if count == 8 else {n: size for n, size in wanted.items() if int(n) > 8}
    bytes_up = sum(int(size[:-1]) for size in done.values())
    need(job["UL"] == f"{bytes_up}B", f"{bytes_up} bytes were uploaded, none twice (it shows {job['UL']})")


STEPS: tuple[Callable[[Sequel], None], ...] = (
    more_patients,
    better_data,
    provenance,
    revert,
    the_gate,
    bad_code,
    crash,
)
