"""Reads the diabetes data set and writes the files that the pipelines start from.

`explore.ipynb` shows the same step by step; this module holds what it shares with `make tutorial`, and is a
program for those who only want the files: `python prepare.py [--csv FILE] [--out DIR]`.

Order and digits are part of the result: rows stay in file order, tables have six decimals, attributes have
twelve significant digits. Equal rows give equal bytes.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

COLUMNS = ("age", "sex", "bmi", "map", "tc", "ldl", "hdl", "tch", "ltg", "glu", "y")
TRAIN, TEST, HOLDOUT = 354, 44, 44
PRODUCTION = TRAIN + TEST  # once the model is chosen, the test rows train it too
EXAMPLES = {"1.json": 0, "2.json": 2, "3.json": 3}  # file of attributes: row it is taken from
ATTRIBUTES = ("bmi", "ltg")

Row = tuple[float, ...]


def load(source: Path | None = None) -> list[Row]:
    """The 442 patients, in file order, columns as in `COLUMNS`.

    Args:
        source: a CSV file with the header `COLUMNS`; without one, scikit-learn's copy of the data set.

    Raises:
        ValueError: the file has another header or another number of rows.
    """
    rows = _from_scikit_learn() if source is None else _from_csv(source)
    if len(rows) != TRAIN + TEST + HOLDOUT:
        raise ValueError(f"{source or 'the data set'} has {len(rows)} rows, not {TRAIN + TEST + HOLDOUT}")
    return rows


def write(rows: Sequence[Row], folder: Path) -> None:
    """Writes `training_prod.csv`, `holdout.csv` and `test/{1,2,3}.json` below `folder`."""
    (folder / "test").mkdir(parents=True, exist_ok=True)
    (folder / "training_prod.csv").write_text(table(rows[:PRODUCTION]))
    (folder / "holdout.csv").write_text(table(rows[PRODUCTION:]))
    for name, number in EXAMPLES.items():
        (folder / "test" / name).write_text(attributes(rows[number]))


def table(rows: Iterable[Row]) -> str:
    """Rows as CSV text: the header, six decimals, a newline after each line."""
    lines = [",".join(f"{value:.6f}" for value in row) for row in rows]
    return "\n".join([",".join(COLUMNS), *lines]) + "\n"


def attributes(row: Row) -> str:
    """What `infer` needs to know of one patient, as JSON text."""
    variables = [{"name": name, "value": float(f"{row[COLUMNS.index(name)]:.12g}")} for name in ATTRIBUTES]
    return json.dumps({"independent_variables": variables}, indent=2) + "\n"


def _from_csv(source: Path) -> list[Row]:
    with source.open(newline="") as file:
        header, *lines = csv.reader(file)
    if tuple(header) != COLUMNS:
        raise ValueError(f"{source} has the columns {','.join(header)}, not {','.join(COLUMNS)}")
    return [tuple(float(cell) for cell in line) for line in lines]


def _from_scikit_learn() -> list[Row]:
    from sklearn.datasets import load_diabetes  # takes a second to import: only who needs it waits

    data, target = load_diabetes(return_X_y=True, scaled=True)
    return [(*map(float, features), float(y)) for features, y in zip(data, target, strict=True)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the files that the diabetes pipelines start from.")
    parser.add_argument("--csv", type=Path, help="the data set; default: scikit-learn's copy")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "build", help="default: build/")
    given = parser.parse_args()
    write(load(given.csv), given.out)
    print(f"wrote training_prod.csv, holdout.csv and test/*.json to {given.out}")


if __name__ == "__main__":
    main()
