"""Finds out whether a name in back-ticks names something that exists.

`Resolver.resolve` answers True or False for the kinds of names that it knows, and None for anything else: words of
other programs, samples, formulas. Kinds: make targets, pachctl commands, Python modules and their attributes, paths,
environment variables, tables and columns of the catalog, classes, constants, and snake_case words.
"""

from __future__ import annotations

import builtins
import importlib
import re
import resource
import signal
import subprocess
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from tests.guards.repository import ROOT, SOURCE, files, texts

from trunkline.catalog import migrate
from trunkline.pachctl.registry import ENTRIES, TOPICS, find
from trunkline.pachctl.unbuilt import OLD_COMMANDS

CODE_ENDINGS = (".py", ".md", ".toml", ".sql", ".proto", ".ipynb")
DATA_ENDINGS = (".db", ".json", ".csv", ".lock", ".log")
SAMPLE = re.compile(r"[\s<>*…:{}~$@|()\[\]=,]|(^|/)[A-Z]+(/|$)")
"""What shows that a path is a pattern or a sample."""

PACKAGES = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
VERBS = {name.split("-")[0] for name in ENTRIES if "-" in name and " " not in name}


class Resolver:
    """Judges names of one document; paths may be relative to its folder."""

    def __init__(self, document: Path) -> None:
        self._folder = document.parent

    def resolve(self, text: str) -> bool | None:
        """Whether the name exists; None if it is of no kind that is known here."""
        kinds: tuple[Callable[[str], bool | None], ...] = (
            self._make,
            self._python,
            self._pachctl,
            self._module,
            self._path,
            self._variable,
            self._column,
            self._class,
            self._constant,
            self._word,
        )
        return next((found for kind in kinds if (found := kind(text)) is not None), None)

    # -- commands -------------------------------------------------------------------------------------------

    def _make(self, text: str) -> bool | None:
        found = re.fullmatch(r"make ([\w-]+)", text)
        return None if found is None else found.group(1) in _targets()

    def _python(self, text: str) -> bool | None:
        module = re.match(r"python3? -m ([\w.]+)", text)
        if module is not None and module.group(1).split(".")[0] in ("scripts", "trunkline", "tests"):
            path = module.group(1).replace(".", "/")
            return any((base / f"{path}{end}").exists() for base in (ROOT, ROOT / "src") for end in (".py", ""))
        script = re.match(r"python3? ([\w./-]+\.py)\b", text)
        return None if script is None else self._exists(script.group(1))

    def _pachctl(self, text: str) -> bool | None:
        words = text.split()
        if words[:1] == ["pachctl"] and len(words) > 1:
            return None if not words[1][0].islower() else _is_command(words[1:])
        if re.fullmatch(r"[a-z]+(-[a-z]+)+", words[0]) and words[0].split("-")[0] in VERBS:
            return _is_command(words[:1])
        return None

    # -- things of the source ---------------------------------------------------------------------------------

    def _module(self, text: str) -> bool | None:
        if not re.fullmatch(r"\w+(\.\w+)+", text) or text.endswith((*CODE_ENDINGS, *DATA_ENDINGS)):
            return None
        first, *rest = text.split(".")
        if first == "trunkline":
            return _importable(text) or _is_wire_package(text)
        if first in PACKAGES and f"{first}.{rest[0]}" not in _columns():
            return _importable(f"trunkline.{text}")
        return None

    def _path(self, text: str) -> bool | None:
        if SAMPLE.search(text) or text.startswith(("/", "-")) or text in (".", "..", "/"):
            return None
        first = text.split("/")[0]
        rooted = {path.name for base in (ROOT, self._folder, SOURCE) for path in base.iterdir()}
        if ("/" in text and first in rooted) or text.startswith(".") or text.endswith(CODE_ENDINGS):
            return self._exists(text)
        return None

    def _exists(self, text: str) -> bool:
        bare = text.rstrip("/")
        if any((base / bare).exists() for base in (ROOT, self._folder, SOURCE, ROOT / "tests")):
            return True
        if any(str(path).endswith("/" + bare) for path in files()):
            return True
        return any(_ignored(base / bare) for base in (ROOT, self._folder))

    def _column(self, text: str) -> bool | None:
        found = re.fullmatch(r"(\w+)\.(\w+)", text)
        tables = {column.split(".")[0] for column in _columns()}
        return None if found is None or found.group(1) not in tables else text in _columns()

    # -- words ------------------------------------------------------------------------------------------------

    def _variable(self, text: str) -> bool | None:
        found = re.fullmatch(r"((?:TRUNKLINE|PACHD?)_[A-Z_]+)(=.*)?", text)
        return None if found is None else _said_in_source(found.group(1))

    def _class(self, text: str) -> bool | None:
        found = re.fullmatch(r"((?:[A-Z][a-z0-9]+)+)(?:\.(\w+))?(?:\(.*\))?", text)
        if found is None:
            return None
        name, attribute = found.groups()
        if hasattr(builtins, name):
            return True
        defined = re.search(
            rf"^(class {name}\b|{name}\b.* = |(message|service|enum) {name}\b|\s+rpc {name}\b)", _source(), re.M
        )
        return defined is not None and (attribute is None or _said_in_source(attribute))

    def _constant(self, text: str) -> bool | None:
        if not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", text):
            return None
        return _said_in_source(text) or hasattr(resource, text) or hasattr(signal, text)

    def _word(self, text: str) -> bool | None:
        return _said_in_source(text) if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", text) else None


def _is_command(words: list[str]) -> bool:
    """A command of ours, or one of the original that `pachctl` knows to say no to."""
    first = words[0]
    topics = {topic.noun for topic in TOPICS}
    return find(words) is not None or first in OLD_COMMANDS | topics or first.startswith("-")


def _targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))


def _importable(name: str) -> bool:
    """Whether it is a module, or something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def _is_wire_package(name: str) -> bool:
    return any(f"package {name};" in text for path, text in texts().items() if path.suffix == ".proto")


def _columns() -> set[str]:
    found: set[str] = set()
    for _, sql in migrate.scripts():
        for table, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", sql, re.S):
            found |= {f"{table}.{column}" for column in re.findall(r"^    (\w+) ", body, re.M)}
    return found


def _ignored(path: Path) -> bool:
    """Whether it is something that is made, and not kept."""
    names = [str(path), f"{path}/"]  # rules for folders ask for the slash
    return subprocess.run(["git", "check-ignore", *names], cwd=ROOT, check=False, capture_output=True).returncode == 0


def _said_in_source(word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", _source()) is not None


class _Once:
    @cached_property
    def text(self) -> str:
        """Everything that is not prose."""
        folders = ("src", "proto", "examples", "scripts", "benchmarks")
        return "\n".join(
            text
            for path, text in texts().items()
            if path.suffix != ".md" and path.relative_to(ROOT).parts[0] in folders
        )


_once = _Once()


def _source() -> str:
    return _once.text
