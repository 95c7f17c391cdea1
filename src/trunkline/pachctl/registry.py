"""Every command of both grammars: its name, the module that holds it, one line of help; and the topics.

`pachctl --help` is printed from this table alone, so that it loads no command and no protobuf. A test keeps
the lines equal to the first lines of the commands' own help.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from trunkline.pachctl.names_hyphenated import HYPHENATED
from trunkline.pachctl.names_spaced import SPACED


class Entry(NamedTuple):
    """One command, found as the attribute `name` (with underscores) of `trunkline.pachctl.commands.<module>`."""

    name: str
    module: str
    help: str

    @property
    def attribute(self) -> str:
        """The name of the command in its module."""
        return self.name.replace(" ", "_").replace("-", "_")


class Topic(NamedTuple):
    """A group of commands; `pachctl <noun>` prints what the noun means and the commands of the group."""

    noun: str
    title: str
    text: str
    spaced: tuple[Entry, ...]
    hyphenated: tuple[Entry, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The commands of both grammars."""
        return self.spaced + self.hyphenated


_NOUNS = (
    ("project", "Projects", "A project is a namespace of repos and pipelines; there is always the project default."),
    ("repo", "Repos", "A repo is a named collection of branches and commits: versioned files."),
    ("branch", "Branches", "A branch is a name that points to a commit; the newest state of its data is its head."),
    ("commit", "Commits", "A commit is an unchangeable state of a repo; what one change caused shares its id."),
    ("file", "Files", "Files live in commits, at absolute paths; directories are implied by the paths of files."),
    (
        "transaction",
        "Transactions",
        "A transaction is a list of changes that happen together or not at all; the context keeps the active one.",
    ),
    (
        "pipeline",
        "Pipelines",
        "A pipeline runs a program whenever the data it reads changes, and keeps what the program writes.",
    ),
    ("job", "Jobs", "A job is one run of a pipeline over one state of its inputs."),
    ("datum", "Datums and logs", "A datum is the unit of work of a job: a piece of its inputs."),
    ("secret", "Secrets", "A secret is a set of values that only the user code of pipelines that name it can see."),
    ("config", "Configuration", "A context is a named server, with the project and the transaction that are current."),
    (
        "environment",
        "Environments",
        "An environment is what an image name means on this machine: a folder, variables, a search path.",
    ),
    (
        "server",
        "Server",
        "pachd is the server; when no address is configured, pachctl starts one for this user.",
    ),
)


def _entries(rows: Sequence[tuple[str, str, str]]) -> tuple[Entry, ...]:
    return tuple(Entry(*row) for row in rows)


TOPICS = tuple(
    Topic(noun, title, text, _entries(SPACED.get(noun, ())), _entries(HYPHENATED.get(noun, ())))
    for noun, title, text in _NOUNS
)

ENTRIES = {entry.name: entry for topic in TOPICS for entry in topic.entries}
"""Every command by its name."""

_OWN = ("environment", "server")
SUPERSEDED = frozenset(
    entry.name
    for topic in TOPICS
    for entry in topic.hyphenated
    if topic.noun not in _OWN or ("-" in entry.name and entry.name.replace("-", " ", 1) in ENTRIES)
)
"""The hyphenated commands that have a spaced successor; the help lists them in one paragraph."""

PREFIXES = frozenset(name[:place] for name in ENTRIES for place, letter in enumerate(name) if letter == " ")
"""The beginnings of spaced commands: `create`, `config`, `config get`."""


class Found(NamedTuple):
    """What the beginning of a command line means.

    Attributes:
        name: a command, or the beginning of several.
        taken: how many words it took.
        whole: whether it is a command.
    """

    name: str
    taken: int
    whole: bool


def find(words: Sequence[str]) -> Found | None:
    """The longest name that the words begin with; the last word of a spaced one may be a plural."""
    most = next((place for place, word in enumerate(words[:3]) if word.startswith("-")), min(3, len(words)))
    for count in range(most, 0, -1):
        name = _singular(words[:count])
        if name is not None:
            return Found(name, count, True)
    prefix = next((count for count in range(most, 0, -1) if " ".join(words[:count]) in PREFIXES), 0)
    return Found(" ".join(words[:prefix]), prefix, False) if prefix else None


def below(prefix: str) -> list[Entry]:
    """The commands that begin with the words of a prefix."""
    return [entry for name, entry in ENTRIES.items() if name.startswith(f"{prefix} ")]


def _singular(words: Sequence[str]) -> str | None:
    name = " ".join(words)
    forms = (name, name.removesuffix("s"), name.removesuffix("es")) if len(words) > 1 else (name,)
    return next((form for form in forms if form in ENTRIES), None)
