"""Jobs whose predecessor lost its output, or what it read, to a forgetting: they do without it, and are right."""

from __future__ import annotations

from tests.pps.run.factory import Factory, Failed, Files, copy

from trunkline.pfs import forget
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pps.states import JobState


def test_a_job_does_without_a_forgotten_base(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", **{"1_txt": "one", "2_txt": "two"})
    world.pipeline("p", "a")
    world.pipeline("q", "p")
    world.settle()
    good = world.job("p").ref.id

    def code(files: Files) -> Files:
        if "/a/bad.txt" in files:
            raise Failed("exit status 1")
        return copy(files)

    world.code = code
    world.put("a", bad_txt="x")
    world.settle()
    assert (world.job("p").state, world.job("q").state) == (JobState.FAILURE, JobState.UNRUNNABLE)
    world.pfs.change(lambda change: forget.forget(change, CommitRef(RepoRef("p"), good)))
    assert world.content("q") == {"/1.txt": "one", "/2.txt": "two"}

    # p would start from what job `good` made, q from what it read then.
    world.delete("a", "/bad.txt", "/1.txt")
    world.put("a", **{"3_txt": "three"})
    world.ran.clear()
    world.settle()
    for name in ("p", "q"):
        assert world.job(name).state is JobState.SUCCESS
        world.check(world.job(name))
        assert world.content(name) == {"/2.txt": "two", "/3.txt": "three"}
    assert sorted(world.ran) == [("/a/3.txt",), ("/p/3.txt",)]  # what was known is known still
