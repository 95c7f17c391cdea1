"""What the file system says of repos, branches and commits that are a pipeline's, by the official SDK."""

from __future__ import annotations

import pytest
from pachyderm_sdk.api import pfs, pps
from tests.compat.place import Place, refused


@pytest.fixture
def copied(data: Place) -> Place:
    """A pipeline `copy` of `data`, with one job done."""
    data.put(f=b"1")
    data.client.pps.create_pipeline(
        pipeline=pipeline(data),
        transform=pps.Transform(cmd=["sh"], stdin=["cp /pfs/data/* /pfs/out/"]),
        input=pps.Input(pfs=pps.PfsInput(project=data.project.name, repo="data", glob="/*")),
    )
    data.pfs.wait_commit(data.commit("copy@master"))
    yield data
    data.client.pps.delete_pipeline(pipeline=pipeline(data))


def pipeline(place: Place) -> pps.Pipeline:
    return pps.Pipeline(name="copy", project=place.project)


def test_the_parts_of_a_pipeline(copied: Place) -> None:
    stub = copied.pfs
    types = [(one.repo.name, one.repo.type) for one in stub.list_repo(type="", projects=[copied.project])]
    assert ("copy", "spec") in types
    info = stub.inspect_branch(branch=copied.branch("copy@master"))
    assert {(one.repo.name, one.repo.type) for one in info.direct_provenance} == {("data", "user"), ("copy", "spec")}
    assert copied.read("copy@master:/f") == b"1"
    head = stub.inspect_commit(commit=copied.commit("copy@master"))
    assert head.origin.kind == pfs.OriginKind.AUTO
    made = stub.inspect_file(file=copied.file("copy@master:/f"))
    assert len(made.file.datum) == 64  # the datum that wrote it


def test_one_change_and_what_it_causes(copied: Place) -> None:
    made = copied.put(g=b"2")
    infos = copied.pfs.wait_commit_set(pfs.CommitSet(id=made))
    assert {(one.commit.repo.name, one.commit.repo.type) for one in infos} >= {("data", "user"), ("copy", "user")}
    assert all(one.finished for one in infos)
    assert copied.walk(f"copy@{made}:/") == ["/", "/f", "/g"]


def test_what_a_pipeline_owns_is_left_to_it(copied: Place) -> None:
    stub, out = copied.pfs, copied.branch("copy@master")
    with refused("UNKNOWN", "cannot delete a repo associated with a pipeline - delete the pipeline instead"):
        stub.delete_repo(repo=copied.repo("copy"))
    with refused("UNKNOWN", "cannot start a commit on an output branch"):
        stub.start_commit(branch=out)
    with refused("UNKNOWN", "cannot start a commit on an output branch"):
        stub.put_file_from_bytes(commit=copied.commit("copy@master"), path="/x", data=b"1")
    with refused("UNKNOWN", "commit .* has already finished"):
        stub.finish_commit(commit=copied.commit("copy@master"))
    spec = pfs.Commit.from_uri(f"{copied.project.name}/copy@master")
    spec.repo = spec.branch.repo = pfs.Repo(name="copy", type="spec", project=copied.project)
    updated = stub.inspect_commit(commit=spec).commit
    with refused("UNKNOWN", "cannot squash commit .*copy.spec@.* because it updated a pipeline"):
        stub.squash_commit(commit=updated, recursive=True)
    with refused("UNKNOWN", "cannot be deleted because it's in the direct provenance of"):
        stub.delete_branch(branch=copied.branch())
    with refused("FAILED_PRECONDITION", "repo .*copy.* still exists"):
        stub.delete_project(project=copied.project)


def test_the_output_of_a_job_under_way_cannot_be_finished(copied: Place) -> None:
    commit = copied.pfs.start_commit(branch=copied.branch())
    with refused("UNKNOWN", "cannot finish a pipeline output or meta commit, use 'stop job' instead"):
        copied.pfs.finish_commit(commit=copied.commit(f"copy@{commit.id}"))
    copied.pfs.finish_commit(commit=commit)
    copied.pfs.wait_commit_set(pfs.CommitSet(id=commit.id))


def test_an_output_is_forgotten_and_its_history_squashed(copied: Place) -> None:
    first = copied.pfs.inspect_branch(branch=copied.branch("copy@master")).head.id
    second = copied.put(f=b"2")
    copied.pfs.wait_commit_set(pfs.CommitSet(id=second))
    copied.pfs.forget_commit(commit=copied.commit(f"copy@{first}").as_picker())
    with refused("UNKNOWN", "the commit is forgotten"):
        copied.read(f"copy@{first}:/f")
    third = copied.put(f=b"3")
    copied.pfs.wait_commit_set(pfs.CommitSet(id=third))
    copied.pfs.squash_commit_set(commit_set=pfs.CommitSet(id=second))
    assert not copied.pfs.commit_exists(copied.commit(f"copy@{second}"))
    assert copied.read("copy@master:/f") == b"3"
