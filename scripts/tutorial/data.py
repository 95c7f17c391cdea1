"""The copies of the diabetes data set that are at hand, and the figures that each must lead to.

scikit-learn's copy is always there. The one that the tutorial of 2018 was written with may lie beside the
checkout, in `../shared/data/tutorial`. Both give files of (nearly all) the same sizes; the numbers in them differ.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = CHECKOUT / "examples" / "diabetes"
SHARED_DATA = CHECKOUT.parent / "shared" / "data" / "tutorial"
SHARED_PAGE = CHECKOUT.parent / "shared" / "tutorial.md"
TOLERANCE = 1e-9  # relative, of every figure


@dataclass(frozen=True)
class Copy:
    """One copy of the data set.

    Attributes:
        name: for messages and test ids.
        source: its CSV file; None is scikit-learn's copy.
        model: intercept and coefficients of the production model.
        rmse: of that model over the held-out patients.
        predictions: the expected progression by file of attributes.
        other_cells: cells of our page's tables that are others with this copy; the page shows scikit-learn's.
    """

    name: str
    source: Path | None
    model: dict[str, float]
    rmse: float
    predictions: dict[str, float]
    other_cells: dict[str, str] = field(default_factory=dict)


SCIKIT_LEARN = Copy(
    name="scikit-learn",
    source=None,
    model={"intercept": 152.38005235584004, "bmi": 670.4048271313201, "ltg": 593.7138311026354},
    rmse=46.44461108579096,
    predictions={"1.json": 205.56083690357764, "2.json": 183.87915924897536, "3.json": 158.07672664403654},
)
SHARED = Copy(
    name="shared",
    source=SHARED_DATA / "diabetes.csv",
    model={"intercept": 152.38005026421627, "bmi": 670.4022409970744, "ltg": 593.7168799545466},
    rmse=46.44507083538092,
    predictions={"1.json": 205.56129090286984, "2.json": 183.8805121975217, "3.json": 158.0793633936948},
    other_cells={"27.98KiB": "27.99KiB"},
)


def copies() -> list[Copy]:
    """The copies at hand."""
    return [SCIKIT_LEARN, SHARED] if SHARED_DATA.is_dir() else [SCIKIT_LEARN]


def preferred() -> Copy:
    """The copy to play with: the tutorial's own where it is there."""
    return copies()[-1]


def described() -> str:
    """One line for people: which copies are at hand."""
    if SHARED_DATA.is_dir():
        return f"data copies: scikit-learn's, and the tutorial's own in {SHARED_DATA}"
    return f"data copies: scikit-learn's only ({SHARED_DATA} is not there)"


def lay_out(folder: Path, copy: Copy) -> None:
    """Makes `folder` look like the top of a checkout to the commands of a page, with the data in place.

    The example is copied, so that what is written below it stays in `folder`. The names that the page of
    2018 uses (`data/`, `exercise3/`) lead to the same files.
    """
    example = folder / "examples" / "diabetes"
    shutil.copytree(EXAMPLE, example, ignore=shutil.ignore_patterns("build", "__pycache__"), symlinks=True)
    prepare = [sys.executable, str(example / "prepare.py")]
    subprocess.run(prepare + source_option(copy), check=True, stdout=subprocess.DEVNULL, timeout=120)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "data").symlink_to(example / "build")
    (folder / "exercise3").symlink_to(example)


def source_option(copy: Copy) -> list[str]:
    """What tells `prepare.py` to read this copy."""
    return ["--csv", str(copy.source)] if copy.source else []


def model_figures(text: str) -> dict[str, float]:
    """Intercept and coefficients by name, and `rmse` if it is there, of a model file."""
    model: dict[str, Any] = json.loads(text)
    figures = {term["name"]: term["coefficient"] for term in model["coefficients"]}
    return figures | {name: model[name] for name in ("intercept", "rmse") if name in model}
