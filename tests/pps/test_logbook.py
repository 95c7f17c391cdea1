from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import Cancelled, StorageFailed
from trunkline.kernel.ids import SetId
from trunkline.pps import logbook
from trunkline.pps.logbook import Logbook, LogFilter, Record
from trunkline.pps.refs import JobRef, PipelineRef

JOB = JobRef(PipelineRef("edges"), SetId("0" * 32))


def line(number: int, **fields: object) -> Record:
    return Record(ts=Nanos(number), message=f"line {number}", **fields)  # type: ignore[arg-type]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Logbook]:
    made = Logbook(tmp_path / "jobs")
    yield made
    made.close()


def numbers(found: Iterator[Record]) -> list[int]:
    return [record.ts for record in found]


def file_of(tmp_path: Path) -> Path:
    return tmp_path / "jobs" / "default" / "edges" / f"{'0' * 32}.jsonl"


def test_records_come_back_in_order(book: Logbook, tmp_path: Path) -> None:
    records = [line(1), line(2, worker="w", datum="d", user=True), Record(Nanos(3), "a\nb ü \0", master=True)]
    book.append(JOB, records[:1])
    book.append(JOB, [])
    book.append(JOB, records[1:])
    assert list(book.read(JOB)) == records
    assert len(file_of(tmp_path).read_bytes().splitlines()) == 3


def test_a_log_is_bounded(tmp_path: Path) -> None:
    book = Logbook(tmp_path / "jobs", largest=1 << 20)
    for number in range(40):
        book.append(JOB, [Record(Nanos(number), "x" * 50_000, user=True), Record(Nanos(number), "note")])
    book.close()
    assert file_of(tmp_path).stat().st_size < 1.2 * (1 << 20)
    found = list(book.read(JOB))
    assert [each.message for each in found if each.master] == [
        "this job has written more than 1 MiB: what its user code adds is not kept"
    ]
    assert len([each for each in found if each.message == "note"]) == 40
    assert len([each for each in found if each.user]) == 21


def test_a_job_without_a_log(book: Logbook) -> None:
    assert list(book.read(JOB)) == []
    assert list(book.read(JOB, tail=3)) == []
    assert book.changed(JOB) == 0
    book.delete(JOB)
    book.delete_pipeline(JOB.pipeline)


def test_filters(book: Logbook) -> None:
    book.append(
        JOB,
        [line(1), line(2, datum="a", user=True), line(3, datum="b", user=True), line(4, master=True), line(5)],
    )
    assert numbers(book.read(JOB, LogFilter(datum="a"))) == [2]
    assert numbers(book.read(JOB, LogFilter(user=True))) == [2, 3]
    assert numbers(book.read(JOB, LogFilter(user=False, master=False))) == [1, 5]
    assert numbers(book.read(JOB, LogFilter(master=True))) == [4]
    assert numbers(book.read(JOB, LogFilter(since=Nanos(4)))) == [4, 5]
    assert numbers(book.read(JOB, LogFilter(keep=lambda record: record.ts % 2 == 1))) == [1, 3, 5]
    assert numbers(book.read(JOB, LogFilter(user=True), tail=1)) == [3]
    assert numbers(book.read(JOB, tail=2)) == [4, 5]
    assert numbers(book.read(JOB, tail=9)) == [1, 2, 3, 4, 5]


def test_a_torn_line_is_skipped_and_the_next_writer_begins_anew(book: Logbook, tmp_path: Path) -> None:
    book.append(JOB, [line(1)])
    book.close()
    path = file_of(tmp_path)
    path.write_bytes(path.read_bytes() + b'{"ts":2,"mess')
    again = Logbook(tmp_path / "jobs")
    assert numbers(again.read(JOB)) == [1]
    assert numbers(again.read(JOB, tail=5)) == [1]
    again.append(JOB, [line(3)])
    assert numbers(again.read(JOB)) == [1, 3]
    assert numbers(again.read(JOB, tail=5)) == [1, 3]
    again.close()


def test_more_logs_than_open_files(book: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logbook, "_OPEN_FILES", 2)
    jobs = [JobRef(PipelineRef("edges"), SetId(f"{number:032x}")) for number in range(5)]
    for turn in range(3):
        for job in jobs:
            book.append(job, [line(turn)])
    assert [numbers(book.read(job)) for job in jobs] == [[0, 1, 2]] * 5


def test_deleting(book: Logbook) -> None:
    other = JobRef(PipelineRef("montage"), JOB.id)
    book.append(JOB, [line(1)])
    book.append(other, [line(2)])
    book.delete(JOB)
    assert numbers(book.read(JOB)) == []
    book.append(JOB, [line(3)])
    assert numbers(book.read(JOB)) == [3]
    book.delete_pipeline(JOB.pipeline)
    assert numbers(book.read(JOB)) == []
    assert numbers(book.read(other)) == [2]


@settings(deadline=None, max_examples=60)
@given(
    texts=st.lists(st.text(max_size=30), max_size=20),
    tail=st.integers(min_value=1, max_value=25),
    block=st.integers(min_value=1, max_value=64),
    torn=st.booleans(),
)
def test_the_tail_is_the_end_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], tail: int, block: int, torn: bool
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    book = Logbook(folder)
    records = [Record(Nanos(number), text) for number, text in enumerate(texts)]
    book.append(JOB, records)
    if torn and records:
        path = folder / "default" / "edges" / f"{JOB.id}.jsonl"
        path.write_bytes(path.read_bytes() + b'{"ts": 99')
    whole_block, logbook._BLOCK = logbook._BLOCK, block
    try:
        assert list(book.read(JOB, tail=tail)) == records[-tail:]
        reader = book.reader(JOB)
        assert reader.tail(LogFilter(), tail) == records[-tail:]
        assert list(reader.more()) == []
    finally:
        logbook._BLOCK = whole_block
        book.close()


def test_following_until_the_job_has_ended(book: Logbook) -> None:
    ended = threading.Event()
    found = book.follow(JOB, ended.is_set)
    book.append(JOB, [line(1)])
    assert next(found).ts == 1
    result: list[int] = []
    thread = threading.Thread(target=lambda: result.extend(numbers(found)), daemon=True)
    thread.start()
    book.append(JOB, [line(2)])
    book.append(JOB, [line(3)])
    ended.set()
    book.wake()
    thread.join(20)
    assert not thread.is_alive()
    assert result == [2, 3]


def test_following_what_has_ended_is_reading(book: Logbook) -> None:
    book.append(JOB, [line(1), line(2, user=True)])
    assert numbers(book.follow(JOB, lambda: True)) == [1, 2]
    assert numbers(book.follow(JOB, lambda: True, LogFilter(user=True))) == [2]
    assert numbers(book.follow(JOB, lambda: True, tail=1)) == [2]


def test_following_from_the_tail(book: Logbook) -> None:
    book.append(JOB, [line(1), line(2)])
    found = book.follow(JOB, lambda: False, tail=1)
    assert next(found).ts == 2
    book.append(JOB, [line(3)])
    assert next(found).ts == 3


def test_a_follower_whose_caller_went_away(book: Logbook) -> None:
    book.append(JOB, [line(1)])
    found = book.follow(JOB, lambda: False, alive=lambda: False)
    assert next(found).ts == 1
    with pytest.raises(Cancelled):
        next(found)


def test_a_closed_book_ends_its_followers(book: Logbook) -> None:
    found = book.follow(JOB, lambda: False)
    result: list[object] = []

    def follow() -> None:
        try:
            result.extend(found)
        except Cancelled as error:
            result.append(error)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    book.close()
    thread.join(20)
    assert not thread.is_alive()
    assert isinstance(result[-1], Cancelled)


def test_writers_in_many_threads(book: Logbook) -> None:
    def write(writer: int) -> None:
        for number in range(50):
            book.append(JOB, [line(number, worker=str(writer)), line(number, worker=str(writer))])

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    found = list(book.read(JOB))
    assert len(found) == 400
    assert all(one == other for one, other in zip(found[::2], found[1::2], strict=True)), "batches stay together"
    for writer in range(4):
        assert [record.ts for record in found if record.worker == str(writer)][::2] == list(range(50))


def test_a_log_that_cannot_be_written(book: Logbook, tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file where the folder should be")
    with pytest.raises(StorageFailed, match="cannot be used"):
        book.append(JOB, [line(1)])
