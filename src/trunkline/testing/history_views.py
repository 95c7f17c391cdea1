"""What readers see of a commit, compared with a dictionary: lists, globs, single paths, diffs.

The globs are few, and each has its meaning here as a regular expression of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from trunkline.pfs.files import View
from trunkline.testing.model_files import Collision, Files, check, directories

GLOBS = {
    "/*": r"/[^/]+",
    "/**": r"/.+",
    "/d/*": r"/d/[^/]+",
    "/d/**": r"/d/.+",
    "/*.txt": r"/[^/]*\.txt",
    "/{x,d}": r"/(x|d)",
    "/[w-x]*": r"/[w-x][^/]*",
    "/*/e": r"/[^/]+/e",
    "/": r"/",
    "/nope/*": r"/nope/[^/]+",
}


def compare_views(view: View, files: Files, paths: Iterable[str]) -> list[str]:
    """What is wrong with one commit."""
    try:
        check(files)
    except Collision:
        return []
    every = sorted({*files, *directories(files)}, key=str.encode)
    wrong = []
    for folder in sorted(directories(files)):
        expected = [path for path in every if path != folder and _parent(path) == folder]
        for reverse in (False, True):
            order = expected[::-1] if reverse else expected
            listed = [node.path for node in view.children(folder, number=100 if reverse else 0, reverse=reverse)]
            if listed != order:
                wrong.append(f"{folder} lists {listed}, not {order}")
    for pattern, meaning in GLOBS.items():
        matched = [node.path for node in view.glob(pattern)]
        expected = [path for path in every if re.fullmatch(meaning, path.rstrip("/") or "/")]
        if matched != expected:
            wrong.append(f"{pattern} matches {matched}, not {expected}")
    for path in paths:
        node = view.find(path)
        there = path in files or path.rstrip("/") in files or path.rstrip("/") + "/" in every
        if (node is not None) != there:
            wrong.append(f"{path} is {node}")
    return wrong


def compare_diff(new_view: View, new: Files, old_view: View, old: Files) -> list[str]:
    """What is wrong with the difference between two commits."""
    try:
        check(new)
        check(old)
    except Collision:
        return []
    differing = {path for path in {*new, *old} if new.get(path) != old.get(path)}
    above = directories(differing)
    new_folders, old_folders = directories(new), directories(old)
    expected = Counter((_if(path in new, path), _if(path in old, path)) for path in differing)
    expected += Counter((_if(one in new_folders, one), _if(one in old_folders, one)) for one in above)
    pairs = new_view.diff("/", old_view, "/")
    found = Counter((None if a is None else a.path, None if b is None else b.path) for a, b in pairs)
    return [] if found == expected else [f"the difference is {found}, not {expected}"]


def _if(condition: bool, path: str) -> str | None:
    return path if condition else None


def _parent(path: str) -> str:
    return path.rstrip("/").rpartition("/")[0] + "/"
