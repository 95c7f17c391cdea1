"""What names may look like, in the words of release 2.11 (spec 00, section 4)."""

from __future__ import annotations

import pytest

from trunkline.kernel import names
from trunkline.kernel.errors import Refused
from trunkline.kernel.ids import is_id, new_id

RULE = "invalid: only alphanumeric characters, underscores, and dashes are allowed"


@pytest.mark.parametrize("name", ["a", "A-1_b", "-", "_", "0", "a" * 200, "__filesets__"])
def test_names_of_the_base_rule_pass(name: str) -> None:
    names.check_name(name)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a/b", "ä", "a\n", "../x", "a@b", "a:b", "*", "\u0660"])
def test_other_names_are_refused_with_the_name(name: str) -> None:
    with pytest.raises(Refused) as refused:
        names.check_name(name)
    assert str(refused.value) == f"name ({name}) {RULE}"


def test_a_repo_cannot_have_the_reserved_name() -> None:
    with pytest.raises(Refused, match="^__filesets__ is a reserved name$"):
        names.check_repo_name("__filesets__")


def test_a_branch_cannot_look_like_a_commit() -> None:
    with pytest.raises(Refused, match="^branch name cannot be a UUID V4$"):
        names.check_branch_name(new_id())
    names.check_branch_name("f" * 32)  # hex, but not of version 4


def test_ids_have_the_form_that_clients_match() -> None:
    made = {new_id() for _ in range(100)}
    assert len(made) == 100
    assert all(is_id(one) for one in made)
    for other in ("", "master", "A" * 12 + "4" + "0" * 19, "0" * 32, "0" * 12 + "4" + "0" * 20):
        assert not is_id(other)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("p" * 52, f'project name "{"p" * 52}" is 1 characters longer than the 51 max'),
        ("-p", "project names must start with an alphanumeric character"),
        ("_p", "project names must start with an alphanumeric character"),
        ("p q", f"name (p q) {RULE}"),
        ("", f"name () {RULE}"),
    ],
)
def test_project_names(name: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        names.check_project_name(name)
    assert str(refused.value) == words


def test_the_longest_project_and_the_default_pass() -> None:
    names.check_project_name("p" * 51)
    names.check_project_name("default")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("p" * 52, f'pipeline name "{"p" * 52}" is 1 characters longer than the 51 max'),
        ("-p", "pipeline names must start with an alphanumeric character"),
        ("p.q", f"invalid pipeline name: name (p.q) {RULE}"),
    ],
)
def test_pipeline_names(name: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        names.check_pipeline_name("default", name)
    assert str(refused.value) == words


def test_a_pipeline_name_leaves_room_for_its_kubernetes_name() -> None:
    # default-<50>-v99 has 8 + 50 + 4 = 62 characters, and 63 may be.
    names.check_pipeline_name("default", "p" * 51)
    with pytest.raises(Refused, match="2 characters longer than the 63 max"):
        names.check_pipeline_name("a-project", "p" * 51)
