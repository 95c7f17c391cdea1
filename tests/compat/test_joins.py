"""Joins and groups by the official SDK, with real pipelines: which datums there are, what user code sees of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pachyderm_sdk.api import pfs, pps
from tests.compat.place import Place, refused

CODE = [
    'mkdir -p /pfs/out/$PACH_DATUM_ID; cd /pfs',
    'find readings params -type f 2>/dev/null | sort > /pfs/out/$PACH_DATUM_ID/files',
    'env | grep -E "^(PACH_DATUM_(readings|params)_|readings=|params=)" | sort > /pfs/out/$PACH_DATUM_ID/env',
]  # fmt: skip
"""Says what is below /pfs, and what the variables of the inputs are."""


def leaf(place: Place, repo: str, glob: str, **fields: object) -> pps.Input:
    return pps.Input(pfs=pps.PfsInput(project=place.project.name, repo=repo, glob=glob, **fields))


Make = Callable[[pps.Input], "Made"]


class Made:
    """A pipeline over the repos `readings` and `params`."""

    def __init__(self, place: Place, given: pps.Input) -> None:
        self.place, self.given = place, given
        self.pipeline = pps.Pipeline(name="joined", project=place.project)
        place.client.pps.create_pipeline(
            pipeline=self.pipeline, transform=pps.Transform(cmd=["sh"], stdin=CODE), input=given
        )
        place.pfs.wait_commit(place.commit("joined@master"))

    def change(self, branch: str, **files: bytes) -> pps.JobInfo:
        made = self.place.put(branch, **files)
        return self.job(made)

    def job(self, id: str) -> pps.JobInfo:
        self.place.pfs.wait_commit_set(pfs.CommitSet(id=id))
        info = self.place.client.pps.inspect_job(job=pps.Job(pipeline=self.pipeline, id=id), details=True)
        assert info.state == pps.JobState.JOB_SUCCESS, info.reason
        return info

    def datums(self) -> list[str]:
        """The datums of the newest job, as it lists them and as an input lists them."""
        stub = self.place.client.pps
        newest = next(stub.list_job(pipeline=self.pipeline))
        of_job, of_input = stub.list_datum(job=newest.job), stub.list_datum(input=self.given)
        found = [[" ".join(each.file.path for each in one.data) for one in listed] for listed in (of_job, of_input)]
        assert found[0] == found[1]
        return sorted(found[0])

    def said(self, what: str) -> list[list[str]]:
        """What each datum said, by line."""
        files = [path for path in self.place.walk("joined@master:/") if path.endswith("/" + what)]
        return sorted(self.place.read(f"joined@master:{path}").decode().split() for path in files)


@pytest.fixture
def two(here: Place) -> Place:
    here.make("readings", "params")
    here.put("readings@master", **{"1__a.txt": b"a1", "2__a.txt": b"a2", "1__b.txt": b"b1"})
    here.put("params@master", **{"1.csv": b"p1", "3.csv": b"p3"})
    return here


@pytest.fixture
def make(two: Place) -> Iterator[Make]:
    yield lambda given: Made(two, given)
    two.client.pps.delete_pipeline(pipeline=pps.Pipeline(name="joined", project=two.project))


def test_a_join(two: Place, make: Make) -> None:
    readings = leaf(two, "readings", "/(*)/(*).txt", join_on="$1")
    made = make(pps.Input(join=[leaf(two, "params", "/(*).csv", join_on="$1"), readings]))
    assert made.datums() == ["/1.csv /1/a.txt", "/1.csv /1/b.txt"]
    assert made.said("files") == [["params/1.csv", "readings/1/a.txt"], ["params/1.csv", "readings/1/b.txt"]]
    assert made.said("env")[0] == [
        "PACH_DATUM_params_JOIN_ON=1",
        "PACH_DATUM_readings_JOIN_ON=1",
        "params=/pfs/params/1.csv",
        "readings=/pfs/readings/1/a.txt",
    ]
    job = made.change("params@master", **{"2.csv": b"p2"})
    assert (job.data_processed, job.data_skipped, job.data_total) == (1, 2, 3)
    assert made.datums() == ["/1.csv /1/a.txt", "/1.csv /1/b.txt", "/2.csv /2/a.txt"]
    job = made.change("readings@master", **{"1__b.txt": b"new"})
    assert (job.data_processed, job.data_skipped, job.data_total) == (1, 2, 3)
    kept = job.details.input
    assert [(one.pfs.repo, one.pfs.join_on, one.pfs.outer_join) for one in kept.join] == [
        ("params", "$1", False),
        ("readings", "$1", False),
    ]


def test_an_outer_join(two: Place, make: Make) -> None:
    readings = leaf(two, "readings", "/(*)/a.txt", join_on="$1", outer_join=True)
    params = leaf(two, "params", "/(*).csv", join_on="$1", outer_join=True)
    made = make(pps.Input(join=[readings, params]))
    assert made.datums() == ["/1.csv /1/a.txt", "/2/a.txt", "/3.csv"]
    assert ["readings/2/a.txt"] in made.said("files")
    assert ["PACH_DATUM_readings_JOIN_ON=2", "readings=/pfs/readings/2/a.txt"] in made.said("env")
    with two.pfs.commit(branch=two.branch("params@master")) as commit:  # one finds its partner, one loses it
        commit.put_file_from_bytes("/2.csv", b"p2")
        commit.delete_file(path="/1.csv")
    job = made.job(commit.id)
    assert (job.data_processed, job.data_skipped, job.data_total) == (2, 1, 3)
    assert made.datums() == ["/1/a.txt", "/2.csv /2/a.txt", "/3.csv"]
    assert made.said("files") == [["params/2.csv", "readings/2/a.txt"], ["params/3.csv"], ["readings/1/a.txt"]]


def test_a_group(two: Place, make: Make) -> None:
    readings = leaf(two, "readings", "/(*)/(*).txt", group_by="$1")
    made = make(pps.Input(group=[leaf(two, "params", "/(*).csv", group_by="$1"), readings]))
    assert made.datums() == ["/1.csv /1/a.txt /1/b.txt", "/2/a.txt", "/3.csv"]
    assert made.said("files")[0] == ["params/1.csv", "readings/1/a.txt", "readings/1/b.txt"]
    assert made.said("env")[0] == [
        "PACH_DATUM_params_GROUP_BY=1",
        "PACH_DATUM_readings_GROUP_BY=1",
        "params=/pfs/params/1.csv",
        "readings=/pfs/readings/1/b.txt",  # of several matches, the last
    ]
    job = made.change("readings@master", **{"2__c.txt": b"c2"})
    assert (job.data_processed, job.data_skipped, job.data_total) == (1, 2, 3)
    assert made.datums() == ["/1.csv /1/a.txt /1/b.txt", "/2/a.txt /2/c.txt", "/3.csv"]


def test_a_group_of_overlapping_matches(two: Place, make: Make) -> None:
    """A directory and a file in it, both of one group: what is below /pfs is what they cover."""
    made = make(pps.Input(group=[leaf(two, "readings", "/**", group_by="all")]))
    assert made.datums() == ["/1/ /1/a.txt /1/b.txt /2/ /2/a.txt"]
    assert made.said("files") == [["readings/1/a.txt", "readings/1/b.txt", "readings/2/a.txt"]]


def test_joins_in_other_inputs(two: Place, make: Make) -> None:
    readings = leaf(two, "readings", "/(*)/(*).txt", join_on="$1", group_by="$2")
    joined = pps.Input(join=[readings, leaf(two, "params", "/(*).csv", join_on="$1", group_by="a")])
    everything = leaf(two, "params", "/", name="all")
    made = make(pps.Input(cross=[pps.Input(group=[joined]), everything]))
    assert made.datums() == ["/ /1.csv /1/a.txt", "/ /1/b.txt"]
    job = made.change("params@master", **{"2.csv": b"p2"})
    assert (job.data_processed, job.data_total) == (2, 2)  # each has all params
    assert made.datums() == ["/ /1.csv /2.csv /1/a.txt /2/a.txt", "/ /1/b.txt"]


def test_what_is_refused(two: Place) -> None:
    def create(given: pps.Input) -> None:
        two.client.pps.create_pipeline(
            pipeline=pps.Pipeline(name="joined", project=two.project),
            transform=pps.Transform(cmd=["true"]),
            input=given,
        )

    one = leaf(two, "params", "/*", join_on="$1")
    with refused("UNKNOWN", 'name "params" was used more than once'):
        create(pps.Input(join=[one, one]))
    with refused("INVALID_ARGUMENT", r'input.pfs.join_on of "params": \$01 has leading zeros'):
        create(pps.Input(join=[leaf(two, "params", "/(*)", join_on="$01")]))
    with refused("UNKNOWN", "S3 inputs in group expressions are not supported"):
        create(pps.Input(group=[leaf(two, "params", "/", group_by="$1", s3=True)]))
    with refused("UNKNOWN", "multiple input types set"):
        create(pps.Input(join=[one], group=[one]))
