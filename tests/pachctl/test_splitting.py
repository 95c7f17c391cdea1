"""put-file --split: which pieces a file becomes, and where they go."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl.splitting import Split, pieces, values

from .spaced import Real

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


class Dribble(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 3))


@given(st.lists(JSON, max_size=8), st.sampled_from([" ", "\n", " \r\n\t"]))
def test_json_values_come_out_as_they_went_in(given_values: list, between: str) -> None:
    text = between.join(json.dumps(value, ensure_ascii=False) for value in given_values)
    stream = Dribble(text.encode("utf-8", "replace"))
    expected = [json.loads(json.dumps(value).encode("utf-8", "replace")) for value in given_values]
    assert [json.loads(record) for record in values(stream, "f")] == expected


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (Split("line"), [b"aa\n", b"b\n", b"cc\n", b"d"]),
        (Split("line", records=3), [b"aa\nb\ncc\n", b"d"]),
        (Split("line", size=5), [b"aa\nb\n", b"cc\nd"]),
        (Split("line", records=1, size=100), [b"aa\n", b"b\n", b"cc\n", b"d"]),
    ],
)
def test_pieces(split: Split, expected: list[bytes]) -> None:
    assert list(pieces(io.BytesIO(b"aa\nb\ncc\nd"), split)) == expected


@pytest.mark.parametrize("data", [b'{"a": 1', b"{} x", b'"\xff"', b"[1,]"])
def test_what_is_not_json(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="is not JSON"):
        list(values(io.BytesIO(data), "f"))


def old(real: Real, line: str, stdin: bytes = b"") -> str:
    result = real.run(line, stdin)
    assert result.code == 0, result
    return result.out


def test_a_file_becomes_a_directory(real: Real) -> None:
    old(real, "create-repo data")
    old(real, "put-file data master log --split line", stdin=b"a\nb\n")
    assert old(real, "get-file data master log/0000000000000001") == "b\n"
    old(real, "put-file data master log --split line --target-file-datums 2", stdin=b"c\nd\ne\n")
    listed = old(real, "list-file data master log").splitlines()[1:]
    assert [row.split()[0] for row in listed] == [f"log/{number:016x}" for number in range(4)]
    assert old(real, "get-file data master log/0000000000000002") == "c\nd\n"
    old(real, "put-file data master log --split json -o", stdin=b'{"x": 1} [2]')
    listed = old(real, "list-file data master log").splitlines()[1:]
    assert [row.split()[0] for row in listed] == [f"log/{number:016x}" for number in range(2)]
    assert old(real, "get-file data master log/0000000000000000") == '{"x": 1}\n'
    assert len(old(real, "list-commit data").splitlines()) == 4, "each put is one commit"


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        ("--split words", "unrecognized delimiter 'words'; only accepts 'json' or 'line'"),
        ("--target-file-datums 2", "--target-file-datums and --target-file-bytes need --split"),
        (
            "--split line --target-file-bytes -2",
            "--target-file-datums and --target-file-bytes must be zero or positive",
        ),
        ("--split json", "standard input is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("--split line -f http://127.0.0.1:1/x", None),
    ],
)
def test_what_is_refused(real: Real, flags: str, error: str | None) -> None:
    old(real, "create-repo data")
    result = real.run(f"put-file data master p {flags}", stdin=b"words")
    assert result.code in (2, 6)
    assert error is None or result.err == f"{error}\n"
    assert len(old(real, "list-commit data").splitlines()) == 1, "nothing was put"
