"""Templates over what the groups of a glob hold, as spec 01, section 10, has them."""

from __future__ import annotations

import pytest

from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs.captures import Keys, Template
from trunkline.pfs.globs import Glob


@pytest.mark.parametrize(
    ("glob", "path", "template", "found"),
    [
        ("/(*)-(*).csv", "/a-b.csv", "$1", "a"),
        ("/(*)-(*).csv", "/a-b.csv", "$2", "b"),
        ("/(*)-(*).csv", "/a-b-c.csv", "$1,$2", "a-b,c"),
        ("/(*)-(*).csv", "/a-b.csv", "$1$2", "ab"),
        ("/(*)-(*).csv", "/a-b.csv", "${1}", "a"),
        ("/(*)-(*).csv", "/a-b.csv", "${1}0", "a0"),
        ("/(*)-(*).csv", "/a-b.csv", "$10", ""),
        ("/(*)-(*).csv", "/a-b.csv", "$3", ""),
        ("/(*)-(*).csv", "/a-b.csv", "$99999999999999999999", ""),
        ("/(*)-(*).csv", "/a-b.csv", "$0", "/a-b.csv"),
        ("/(*)-(*).csv", "/a-b.csv", "$$1", "$1"),
        ("/(*)-(*).csv", "/a-b.csv", "$$$1", "$a"),
        ("/(*)-(*).csv", "/a-b.csv", "$", "$"),
        ("/(*)-(*).csv", "/a-b.csv", "$x${x}${1", "$x${x}${1"),
        ("/(*)-(*).csv", "/a-b.csv", "constant", "constant"),
        ("/+(a|b)/(*).go", "/ab/x.go", "$1 $2", "ab x"),
        ("/name=(*)/year=(*)/(*).dat", "/name=adele/year=2016/photos.dat", "$3 of $1", "photos of adele"),
        ("/{a,(b)}", "/a", "$1.", "."),
        ("/(a|b)?(c)", "/a", "$1-$2", "a-"),
        ("/((*)-(*))", "/x-y", "$1 $2 $3", "x-y x y"),
        ("/(*)", "/dir/", "$1", "dir"),
        ("/(*)", "/dir/", "$0", "/dir"),
        ("/", "/", "$0$1", "/"),
        ("/(*)", "/photo (1).jpg", "$1", "photo (1).jpg"),
        ("/(*)", "/é", "$1", "é"),
    ],
)
def test_templates(glob: str, path: str, template: str, found: str) -> None:
    assert Keys(Glob(glob), template, "").of(path) == (found, "")
    assert Keys(Glob(glob), "", template).of(path) == ("", found)


def test_inputs_without_templates_have_no_keys() -> None:
    assert Keys(Glob("/(*)"), "", "").of("/a") == ()


@pytest.mark.parametrize("text", ["$01", "${00}", "a$1b$007", "\0", "\ud800"])
def test_what_is_no_template(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Template(text)
