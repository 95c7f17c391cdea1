"""What a benchmark found: figures beside their bars, printed as a table and kept as a small file.

Invariant: a file of results says on which machine, with which Python and at which commit it was made.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent.parent / "results"


class Figure(NamedTuple):
    """One line of a table.

    Attributes:
        what: was measured.
        value: as text, with its unit.
        bar: what it is held against; empty where it only stands beside a figure that has one.
        good: whether the bar is reached; None without a bar.
        note: anything that a reader must know.
    """

    what: str
    value: str
    bar: str = ""
    good: bool | None = None
    note: str = ""


def at_least(what: str, value: float, least: float, unit: str = "", note: str = "") -> Figure:
    """A figure that should be large."""
    return Figure(what, number(value) + unit, f"≥ {number(least)}{unit}", value >= least, note)


def at_most(what: str, value: float, most: float, unit: str = "", note: str = "") -> Figure:
    """A figure that should be small."""
    return Figure(what, number(value) + unit, f"≤ {number(most)}{unit}", value <= most, note)


def beside(what: str, value: float, unit: str = "", note: str = "") -> Figure:
    """A figure without a bar."""
    return Figure(what, number(value) + unit, note=note)


def number(value: float) -> str:
    """Three digits that say something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def publish(name: str, sizes: dict[str, Any], figures: list[Figure], folder: Path | None) -> bool:
    """Prints the table and writes it to `folder` as NAME.json; whether no bar was missed."""
    print(f"\n{name}  {' '.join(f'{key}={value}' for key, value in sizes.items())}")
    width = max(len(figure.what) for figure in figures)
    for figure in figures:
        mark = {True: "yes", False: "NO", None: ""}[figure.good]
        line = f"  {figure.what:<{width}} {figure.value:>14} {figure.bar:>14} {mark:<4}{figure.note}"
        print(line.rstrip(), flush=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        content = {"name": name, "sizes": sizes, "made": _made(), "figures": [figure._asdict() for figure in figures]}
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return all(figure.good is not False for figure in figures)


def _made() -> dict[str, Any]:
    words = ("git", "describe", "--always")
    commit = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
