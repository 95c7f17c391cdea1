"""A trace as a tree of lines: files, the datums between them, the code that ran.

Invariant: what is told once is drawn once; where it is met again, its line says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from trunkline.kernel.units import size
from trunkline.pachctl.app import App
from trunkline.pachctl.views.spaced import cells
from trunkline.wire import lineage_pb2 as wire
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

Told = wire.TraceFileResponse
_Part = tuple[str, list[Callable[[], "_Part"]]]
"""A line, and what makes the ones that hang below it; made when they are reached, so that `as above` is true."""


def tree(app: App, messages: Iterable[Told], *, downstream: bool) -> Iterator[str]:
    """The lines of a trace."""
    drawing = _Drawing(app, downstream)
    for message in messages:
        drawing.take(message)
    for root in drawing.roots():
        yield from _lines(root)
    if drawing.end.passed:
        yield f"{drawing.end.passed} commits downstream have no output: their jobs did not succeed, or run"
    if drawing.end.cut:
        yield "there is more: raise --width, --most or --depth"


def _lines(root: Callable[[], _Part]) -> Iterator[str]:
    """A tree line by line, without recursion: it may be deeper than Python's stack."""
    ahead = [(root, "", "")]
    while ahead:
        make, branch, margin = ahead.pop()
        text, below = make()
        yield f"{branch}{text}"
        for at, one in enumerate(reversed(below)):
            ahead.append((one, margin + ("├─ " if at else "└─ "), margin + ("│  " if at else "   ")))


class _Drawing:
    def __init__(self, app: App, downstream: bool) -> None:
        self._app, self._downstream = app, downstream
        self._files: dict[int, wire.TracedFile] = {}
        self._datums: dict[int, wire.TracedDatum] = {}
        self._used: dict[int, list[int]] = {}
        """For each file the datums that read it."""
        self._made: dict[int, list[int]] = {}
        """For each datum the files that it made."""
        self._drawn: set[tuple[str, int]] = set()
        self.end = wire.TraceEnd()

    def take(self, message: Told) -> None:
        """Keeps one message."""
        if message.HasField("file"):
            self._files[message.file.number] = message.file
            if message.file.datum:
                self._made.setdefault(message.file.datum, []).append(message.file.number)
        elif message.HasField("datum"):
            self._datums[message.datum.number] = message.datum
            for number in (number for one in message.datum.inputs for number in one.files):
                self._used.setdefault(number, []).append(message.datum.number)
        else:
            self.end = message.end

    def roots(self) -> Iterator[Callable[[], _Part]]:
        """The files that were asked about."""
        known = self._made if self._downstream else self._used
        inner = {file for files in self._made.values() for file in files} if self._downstream else set(known)
        yield from (partial(self._file, number) for number in self._files if number not in inner)

    def _file(self, number: int, before: str = "") -> _Part:
        one = self._files.get(number)
        if one is None:  # the stream ended early
            return f"{before}file {number}", []
        text = f"{before}{place(one.file)} ({size(one.size_bytes)}){f': {one.note}' if one.note else ''}"
        datums = self._used.get(number, []) if self._downstream else [one.datum] if one.datum else []
        if datums and ("file", number) in self._drawn:
            return f"{text}, as above", []
        self._drawn.add(("file", number))
        return text, [partial(self._datum, datum) for datum in datums if datum in self._datums]

    def _datum(self, number: int) -> _Part:
        one = self._datums[number]
        if ("datum", number) in self._drawn:
            return f"datum {one.datum.id} of {_job(one.datum.job)}, as above", []
        self._drawn.add(("datum", number))
        text = self._headline(one)
        if not self._downstream:
            return text, [partial(self._input, given) for given in one.inputs]
        made = [partial(self._file, file) for file in self._made.get(number, [])]
        return text, [*made, *_more(one.outputs - len(made))]

    def _input(self, one: wire.TracedInput) -> _Part:
        before = f"/pfs/{one.name}: "
        if not one.file.path.endswith("/") and one.files:
            return self._file(one.files[0], before)
        below = [partial(self._file, number) for number in one.files]
        return f"{before}{place(one.file)} ({size(one.size_bytes)})", [*below, *_more(one.more)]

    def _headline(self, one: wire.TracedDatum) -> str:
        state = pps.DatumState.Name(one.state).lower()
        text = f"datum {one.datum.id} of {_job(one.datum.job)}, {state}"
        if not one.HasField("run"):
            return f"{text}, version {one.pipeline_version}"
        run = one.run
        where = ""
        if one.state == pps.SKIPPED:
            where = f"; ran in {_job(run.job) if run.HasField('job') else 'a job that was deleted'}"
        code = " ".join(part for part in (run.image, run.image_digest) if part)
        when = cells.at(self._app, run, "recorded")
        return f"{text}{where}, version {run.pipeline_version}, code {code or 'unknown'}, {when}"


def _more(count: int) -> list[Callable[[], _Part]]:
    return [lambda: (f"and {count} files more", [])] if count else []


def place(file: pfs.File) -> str:
    """`repo@commit:/path`."""
    return f"{file.commit.repo.name}@{file.commit.id or '(deleted)'}:{file.path}"


def _job(job: pps.Job) -> str:
    return f"{job.pipeline.name}@{job.id}"
