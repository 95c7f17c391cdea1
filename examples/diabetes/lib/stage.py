"""What the four stages of the diabetes example share: flags, tables, JSON as bytes, the linear model.

The stages are small programs that know nothing of Trunkline: they read files, write files and say what they
did. Equal input gives equal bytes on every machine, so nothing here depends on a linear algebra library, on
the order of a directory or on the locale.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

FEATURES = ("age", "sex", "bmi", "map", "tc", "ldl", "hdl", "tch", "ltg", "glu")
TARGET = "y"


def flags(*names: str) -> argparse.Namespace:
    """The command line as `-name=value`, every flag required; an unknown or missing one ends the program."""
    parser = argparse.ArgumentParser(prog=Path(sys.argv[0]).name, allow_abbrev=False)
    for name in names:
        parser.add_argument(f"-{name}", required=True)
    return parser.parse_args()


def fail(reason: str) -> SystemExit:
    """What to raise to end with exit code 1 and one line on stderr."""
    return SystemExit(f"{Path(sys.argv[0]).name}: {reason}")


def read_table(path: str) -> list[dict[str, float]]:
    """The rows of a CSV file with a header line; every cell is a number."""
    try:
        with Path(path).open(newline="") as file:
            rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    except OSError as error:
        raise fail(f"cannot read {path}: {error.strerror}") from None
    except (TypeError, ValueError) as error:
        raise fail(f"{path} is not a table of numbers: {error}") from None
    if not rows:
        raise fail(f"{path} has no rows")
    return rows


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object from a file."""
    try:
        value = json.loads(path.read_text())
    except OSError as error:
        raise fail(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise fail(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise fail(f"{path} is not a JSON object")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes `value` with two-space indents, keys in the order given, no newline at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_encode(value, ""))


def values(file: Path, attributes: Mapping[str, Any]) -> dict[str, float]:
    """The independent variables of one patient by name. `file` is named when they are not there."""
    try:
        return {each["name"]: float(each["value"]) for each in attributes["independent_variables"]}
    except (KeyError, TypeError, ValueError):
        raise fail(f"{file} has no list independent_variables of name and value") from None


def predict(model: Mapping[str, Any], patient: Mapping[str, float], file: Path) -> float:
    """The progression that the linear model expects. `file` is named when a variable is missing."""
    result = model["intercept"]
    for term in model["coefficients"]:
        if term["name"] not in patient:
            raise fail(f"{file} lacks {term['name']}, which the model needs")
        result += term["coefficient"] * patient[term["name"]]
    return result


def least_squares(columns: Sequence[Sequence[float]], target: Sequence[float]) -> list[float]:
    """The factors of `columns` whose sum comes closest to `target`: QR by modified Gram-Schmidt.

    Written out, with exact sums, so that the last digit does not depend on the machine's linear algebra.
    """
    basis: list[list[float]] = []
    upper: list[list[float]] = []  # upper[k][i]: how much of basis vector i is in column k
    shares: list[float] = []  # how much of each basis vector is in the target
    rest = list(target)
    for column in columns:
        vector, parts = list(column), []
        for unit in basis:
            vector, part = _without(vector, unit)
            parts.append(part)
        length = math.sqrt(_dot(vector, vector))
        if length == 0:
            raise fail("the columns depend on each other: there is no single best fit")
        basis.append([each / length for each in vector])
        upper.append([*parts, length])
        rest, share = _without(rest, basis[-1])
        shares.append(share)
    factors = [0.0] * len(columns)
    for i in reversed(range(len(columns))):
        known = math.fsum(upper[k][i] * factors[k] for k in range(i + 1, len(columns)))
        factors[i] = (shares[i] - known) / upper[i][i]
    return factors


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def _without(vector: list[float], unit: list[float]) -> tuple[list[float], float]:
    """`vector` less its part along `unit`, and the length of that part."""
    part = _dot(vector, unit)
    return [a - part * b for a, b in zip(vector, unit, strict=True)], part


def _encode(value: Any, indent: str) -> str:
    if isinstance(value, Mapping):
        inner = [f"{json.dumps(name)}: {_encode(each, indent + '  ')}" for name, each in value.items()]
        return _lines("{", inner, "}", indent)
    if isinstance(value, list):
        return _lines("[", [_encode(each, indent + "  ") for each in value], "]", indent)
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def _lines(opening: str, inner: list[str], closing: str, indent: str) -> str:
    if not inner:
        return opening + closing
    body = ",\n".join(f"{indent}  {each}" for each in inner)
    return f"{opening}\n{body}\n{indent}{closing}"


def _number(value: float) -> str:
    """The shortest digits that read back as `value`, without an exponent from 1e-6 to 1e21: 151, 0.000068."""
    if not math.isfinite(value):
        raise fail(f"{value} cannot be written as JSON")
    text = repr(value)
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")
