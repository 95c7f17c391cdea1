"""The reference page of the commands, made from the commands themselves.

`python -m trunkline.pachctl.reference > docs/reference/commands.md` writes it; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.pachctl.grammar import Verb, usage_line
from trunkline.pachctl.main import load
from trunkline.pachctl.registry import TOPICS

_HEAD = """\
# Commands

`pachctl COMMAND --help` prints what stands here. This page is made from the commands (`python -m
trunkline.pachctl.reference`), and a test keeps the two equal.

There are two grammars: the spaced commands of release 2.11 (`pachctl list repo`; the noun may be a plural, and
`pachctl list` shows what can be listed), and the hyphenated ones of 1.7 (`pachctl list-repo`).

## Words of the spaced commands

| word | meaning |
| --- | --- |
| REPO | the name of a repo; `NAME.spec` and `NAME.meta` are the system's own repos of a pipeline |
| BRANCH | `REPO@BRANCH` |
| COMMIT | `REPO@BRANCH`, `REPO@ID`, `REPO@BRANCH=ID`, or one of these with an ancestry: `data@master^2` |
| FILE | a commit, a colon, a path: `data@master:/train.csv` |
| ID | of a commit set, a job or a transaction: what one change caused shares it |
| PIPELINE@ID | the job of a pipeline |

The project is that of `--project`, else the active context's, else `default`. `--raw` prints whole messages with
the names of the API: JSON, one object directly after the other, or YAML documents with `-o yaml`.
`--full-timestamps` prints times instead of ages. `--no-color` (or `NO_COLOR`) leaves out colours, `--rpc-timeout 30s`
limits each call; both stand anywhere. What a transaction can hold is added to the context's active one: create,
update and delete repo; create and delete branch; start, finish and squash commit; create and update pipeline; stop
job.

## Words of the hyphenated commands

| word | meaning |
| --- | --- |
| REPO | the name of a repo; `NAME.spec` and `NAME.meta` are the system's own repos of a pipeline |
| BRANCH | the name of a branch |
| COMMIT | an id (32 hexadecimal digits), a branch, or either with an ancestry: `master^`, `master~2`, `master.1` |
| PATH | a path in a commit; `/` is the root, and a leading slash may be left out |
| ID, JOB | the ID of list-job, which all jobs that one change caused share; `PIPELINE@ID` is one of them |

`-v` (`--verbose`) says which server is used; `--no-metrics` is accepted, there are none. `--raw` prints JSON, one
object after the other.

## Which server

The first of these that is set: `PACHD_ADDRESS`; `ADDRESS`; the active context of the configuration file
(`PACH_CONFIG`, else `/pachctl/config.json` if it is there, else `~/.pachyderm/config.json`; `PACH_CONTEXT` names
another context); else the local pachd of `TRUNKLINE_HOME` (`~/.trunkline`), which is started in the background if none
runs. An address is `host`, `host:port`, `grpc://…`, `grpcs://…` or `unix:///path`; the port is 30650 unless given.
`PACH_CA_CERTS` is a file with certificates for `grpcs`.

## Exit codes

An error is one line on standard error. `TRUNKLINE_DEBUG=1` adds where it came from. A spaced command exits with 1
whatever the error is, as the original's; a hyphenated one says which kind.

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | the system's rules forbid it; any error of a spaced command |
| 2 | the command line, or what it names, is not well formed |
| 3 | `pachd-status`: no pachd runs |
| 4 | no such thing |
| 5 | it is there already |
| 6 | not built yet |
| 7 | not finished yet, or somebody else changed it at the same time |
| 8 | no server answers |
| 9 | cancelled |
| 10 | the store is full, or cannot be read or written |
| 11 | stored bytes are damaged |
| 12 | another pachd uses the home |
| 130 | interrupted (Ctrl-C) |
| 141 | nobody reads the output |
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for topic in TOPICS:
        yield f"## {topic.title}\n\n{topic.text}\n"
        for entry in topic.entries:
            yield _section(load(entry.name))


def _section(command: Verb) -> str:
    flags = "".join(f"| `{_cell(typed)}` | {_cell(text)} |\n" for typed, text in command.flags())
    return (
        f"### {command.name}\n\n    {usage_line(command)}\n\n{command.description()}\n\n"
        f"| flag | |\n| --- | --- |\n{flags}\n    $ {command.example}\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
