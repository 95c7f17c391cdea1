"""Joins and groups by example: which datums there are, in which order their elements come."""

from __future__ import annotations

import pytest
from tests.pps.plan import naive
from tests.pps.plan.checks import fresh

from trunkline.maps import EMPTY
from trunkline.pps import inputs
from trunkline.pps.plan import tree
from trunkline.pps.plan.operators.base import Side
from trunkline.pps.spec import Input, PfsInput, PipelineName

REPOS = {
    "a": {"/1.txt": "x", "/2.txt": "x"},
    "b": {"/1.csv": "x", "/3.csv": "x"},
    "c": {"/z": "x"},
    "d": {"/1-y.csv": "x", "/1-x.csv": "x", "/4-x.csv": "x"},
    "empty": {},
}


def leaf(repo: str, glob: str, key: str = "$1", *, outer: bool = False, name: str = "") -> Input:
    made = PfsInput(repo=repo, name=name or repo, glob=glob, join_on=key, group_by=key, outer_join=outer)
    return Input(pfs=made)


A, B = leaf("a", "/(*).txt"), leaf("b", "/(*).csv")
OUTER_A, OUTER_B = leaf("a", "/(*).txt", outer=True), leaf("b", "/(*).csv", outer=True)
C, D = leaf("c", "/", ""), leaf("d", "/(*)-(*).csv")
NONE = leaf("empty", "/(*)")


def datums(given: Input) -> list[str]:
    """Each datum as its elements, `repo:path`."""
    given = inputs.complete(given, PipelineName(name="p"))
    maps = fresh()
    leaves = list(inputs.leaves(given))
    operator = tree.build(maps, given, [EMPTY] * len(leaves), naive.roots(maps, given, REPOS)).operator
    return sorted(" ".join(f"{leaves[one.leaf].repo}:{one.path}" for one in datum) for datum in operator.all(Side.NEW))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (Input(join=(A, B)), ["a:/1.txt b:/1.csv"]),
        (Input(join=(OUTER_A, B)), ["a:/1.txt b:/1.csv", "a:/2.txt"]),
        (Input(join=(OUTER_A, OUTER_B)), ["a:/1.txt b:/1.csv", "a:/2.txt", "b:/3.csv"]),
        (Input(join=(B, A)), ["a:/1.txt b:/1.csv"]),
        (Input(join=(A, D)), ["a:/1.txt d:/1-x.csv", "a:/1.txt d:/1-y.csv"]),
        (Input(join=(A, NONE)), []),
        (Input(join=(OUTER_A, NONE)), ["a:/1.txt", "a:/2.txt"]),
        (Input(join=(A, OUTER_B, NONE)), ["b:/1.csv", "b:/3.csv"]),
        (Input(join=(OUTER_A, OUTER_B, NONE)), ["a:/1.txt b:/1.csv", "a:/2.txt", "b:/3.csv"]),
        (Input(join=(A,)), ["a:/1.txt", "a:/2.txt"]),
        (Input(join=(leaf("a", "/*", ""), leaf("c", "/*", ""))), ["a:/1.txt c:/z", "a:/2.txt c:/z"]),
        (Input(group=(A, B)), ["a:/1.txt b:/1.csv", "a:/2.txt", "b:/3.csv"]),
        (Input(group=(D,)), ["d:/1-x.csv d:/1-y.csv", "d:/4-x.csv"]),
        (Input(group=(leaf("d", "/(*)-(*).csv", "$2"),)), ["d:/1-x.csv d:/4-x.csv", "d:/1-y.csv"]),
        (Input(group=(leaf("a", "/*", "all"), C)), ["a:/1.txt a:/2.txt", "c:/"]),
        (Input(cross=(Input(join=(A, B)), C)), ["a:/1.txt b:/1.csv c:/"]),
        (Input(cross=(Input(group=(D,)), C)), ["c:/ d:/1-x.csv d:/1-y.csv", "c:/ d:/4-x.csv"]),
        (Input(union=(Input(join=(A, B)), A)), ["a:/1.txt", "a:/1.txt b:/1.csv", "a:/2.txt"]),
        # What is not a file input itself is taken apart, and its elements are keyed one by one.
        (Input(join=(Input(cross=(A, C)), B)), ["a:/1.txt b:/1.csv"]),
        (Input(join=(Input(union=(A, D)), B)), ["a:/1.txt b:/1.csv", "b:/1.csv d:/1-x.csv", "b:/1.csv d:/1-y.csv"]),
        (Input(group=(Input(join=(A, B)), D)), ["a:/1.txt b:/1.csv d:/1-x.csv d:/1-y.csv", "d:/4-x.csv"]),
    ],
)  # fmt: skip
def test_datums(given: Input, found: list[str]) -> None:
    assert [" ".join(sorted(one.split(), key=lambda e: e.split(":")[0])) for one in datums(given)] == found


def test_elements_come_in_the_order_of_names_and_of_paths() -> None:
    assert datums(Input(group=(leaf("d", "/(*)-(*).csv", "", name="z"), leaf("a", "/*", "", name="y")))) == [
        "a:/1.txt a:/2.txt d:/1-x.csv d:/1-y.csv d:/4-x.csv"
    ]


def test_one_file_under_two_keys() -> None:
    """Alternatives of a union may key one file twice; what is the same datum is one."""
    either = Input(union=(leaf("d", "/(*)-(*).csv", "$1"), leaf("d", "/(*)-(*).csv", "$2")))
    assert datums(Input(group=(either,))) == [
        "d:/1-x.csv d:/1-y.csv",  # 1
        "d:/1-x.csv d:/4-x.csv",  # x
        "d:/1-y.csv",  # y
        "d:/4-x.csv",  # 4
    ]
    outer = Input(union=(leaf("d", "/*(?)-?.csv", "$1", outer=True), leaf("d", "/(*)-(*).csv", "k", outer=True)))
    assert datums(Input(join=(outer, NONE))) == ["d:/1-x.csv", "d:/1-y.csv", "d:/4-x.csv"]
