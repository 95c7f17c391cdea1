"""Templates: what they may reach and cost, and what they make."""

from __future__ import annotations

import pytest

from trunkline.kernel.errors import InvalidRequest
from trunkline.pps.templates import MIB, Limits, Renderer

CATALOGS = ("sqlite",)  # nothing here asks one

SMALL = Limits(seconds=1, memory=200 * MIB, most=MIB)
DOUBLING = "local d(s, n) = if n == 0 then s else d(s + s, n - 1) tailstrict; d('xxxxxxxx', %d)"


def render(template: str, **arguments: str) -> list[dict]:
    return Renderer(SMALL).render(template, arguments).specs


def test_a_function_of_the_arguments() -> None:
    template = "function(name, tries='3') {pipeline: {name: name}, datum_tries: tries, transform: {image: null}}"
    assert render(template, name="é") == [{"pipeline": {"name": "é"}, "datumTries": "3", "transform": {"image": None}}]
    assert render(template, name="p", tries="5")[0]["datumTries"] == "5"


def test_a_value_or_a_list() -> None:
    assert render("{description: 'd'}") == [{"description": "d"}]
    assert render("[{description: d} for d in ['a', 'b']]") == [{"description": "a"}, {"description": "b"}]
    assert render("[]") == []
    assert Renderer(SMALL).render("{ }", {}).text.split() == ["{", "}"]


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("[", "STATIC ERROR: template:1:2: unexpected end of file."),
        ("{a: error 'no'}", "RUNTIME ERROR: no (template:1:5-15)"),
        ("function(name) {}", "function parameter name not bound in call"),
        ("import 'other.libsonnet'", "a template is one text, imports are not allowed"),
        ("importstr '/etc/passwd'", "a template is one text, imports are not allowed"),
        ("std.extVar('HOME')", "undefined external variable: HOME"),
        ("local f(x) = f(x + 1) tailstrict; f(1)", "it takes more than 1 s"),
        ("local f(x) = 1 + f(x + 1); f(1)", "max stack frames exceeded"),
        ("std.length(std.range(1, 100000000))", "it "),
        (DOUBLING % 40, "it "),
        (
            "local d(s, n) = if n == 0 then s else d(s + s, n - 1) tailstrict; d('xxxxxxxx', 18)",
            "it makes more than 1 MiB",
        ),
        ("[" * 200_000, "Exceeded maximum parse depth limit"),
        ("\0", "template cannot be rendered"),
        ("1", "a pipeline spec is a JSON object, not a number"),
        ("[1]", "a pipeline spec is a JSON object, not a number"),
        ("{nonsense: 1}", 'template makes no spec of a pipeline: unknown field "nonsense"'),
    ],
)
def test_what_cannot_be_rendered_is_told_in_one_line(template: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        render(template)
    assert str(error.value).startswith("template ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
