"""What only PostgreSQL does: lost connections and answers, several processes on one catalog, its schema, its errors."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from trunkline.catalog import Tx, open_catalog
from trunkline.catalog.postgres import PostgresCatalog, pool, writing
from trunkline.kernel.config import Settings
from trunkline.kernel.errors import (
    Cancelled,
    Conflict,
    FailedPrecondition,
    InvalidRequest,
    StorageFailed,
    TrunklineError,
)
from trunkline.testing.catalog import PUT, count, names, put
from trunkline.testing.catalogs import Databases
from trunkline.testing.postgres_proxy import Fate, Proxy, commits

CATALOGS = ("sqlite",)  # it says itself what it is about


@pytest.fixture
def dsn(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    yield databases.dsn(tmp_path)
    databases.clean(tmp_path)


@pytest.fixture
def proxy(databases: Databases) -> Iterator[Proxy]:
    """A way to the server that can be broken."""
    made = Proxy(databases.server.socket)
    yield made
    made.close()


@pytest.fixture
def catalog(dsn: str, proxy: Proxy) -> Iterator[PostgresCatalog]:
    """A catalog at the other end of the proxy."""
    made = PostgresCatalog(proxy.dsn(dsn))
    yield made
    made.close()


@pytest.fixture
def other(dsn: str, catalog: PostgresCatalog) -> Iterator[PostgresCatalog]:
    """The same catalog, as a second process has it; the first one leads."""
    made = PostgresCatalog(dsn)
    yield made
    made.close()


def ask(dsn: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(sql).fetchall() if sql.startswith("SELECT") else [(connection.execute(sql),)]


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def leads(catalog: PostgresCatalog) -> bool:
    with catalog.leading() as yes:
        return yes


# -- lost connections ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.SWALLOW, Fate.CUT_BEHIND])
def test_a_change_whose_answer_is_lost_happens_once(catalog: PostgresCatalog, proxy: Proxy, fate: Fate) -> None:
    put(catalog, "count", "0")

    def increase(tx: Tx) -> int:
        tx.run("UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'count'")
        return int(tx.row("SELECT value FROM settings WHERE name = 'count'")["value"])  # type: ignore[index]

    for expected in range(1, 8):
        proxy.rule = commits(fate, times=expected % 3)
        assert catalog.write(increase) == expected
    proxy.rule = commits(fate, times=0)
    assert catalog.write(increase) == 8


@pytest.mark.parametrize("said", ["committed", "aborted", None])
@pytest.mark.parametrize("fate", [Fate.CUT, Fate.SWALLOW])
def test_the_number_of_a_lost_change_that_is_another_ones_by_now_proves_nothing(
    catalog: PostgresCatalog, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, fate: Fate, said: str | None
) -> None:
    """A server that crashed gives the numbers of transactions that did not come to its disk once more."""
    monkeypatch.setattr(writing, "_status", lambda connection, begun: said)
    proxy.rule = commits(fate)
    catalog.write(lambda tx: tx.run("INSERT INTO settings (name, value) VALUES ('once', '')"))
    assert names(catalog) == ["once"]


def test_a_server_that_crashes_before_a_change_is_on_its_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Databases()
    dsn = made.dsn(tmp_path)
    catalog = PostgresCatalog(dsn)
    put(catalog, "before")
    finish, crashes = writing.Writer._finish, [signal.SIGQUIT]

    def crash(self: writing.Writer, begun: writing._Begun) -> None:
        if crashes:
            made.server.restart(crashes.pop())
            with psycopg.connect(dsn, autocommit=True) as other:
                for number in range(20):  # takes the numbers that the server gives once more
                    other.execute("INSERT INTO settings (name, value) VALUES (%s, '')", (f"other {number}",))
        finish(self, begun)

    monkeypatch.setattr(writing.Writer, "_finish", crash)
    try:
        put(catalog, "acknowledged")
        assert not crashes
        assert "acknowledged" in names(catalog)
        catalog.close()
    finally:
        made.close()


def test_a_connection_that_is_lost_at_any_message_of_a_change(catalog: PostgresCatalog, proxy: Proxy) -> None:
    """The change is run again, or its fate is asked for; each row is there once."""
    for number in range(12):
        left = [number]

        def rule(message: bytes, left: list[int] = left) -> Fate:
            left[0] -= 1
            return Fate.CUT if left[0] == -1 else Fate.PASS

        proxy.rule = rule
        catalog.write(lambda tx, n=number: [tx.run(PUT, (f"{n}-{part}", "x")) for part in "abc"])
    proxy.rule = lambda message: Fate.PASS
    assert names(catalog) == sorted(f"{number}-{part}" for number in range(12) for part in "abc")


def test_a_backend_that_is_terminated_under_a_change(catalog: PostgresCatalog, dsn: str) -> None:
    runs = []

    def change(tx: Tx) -> None:
        tx.run(PUT, ("a", "1"))
        runs.append(1)
        if len(runs) == 1:
            ask(
                dsn,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND datname = current_database() AND state LIKE 'idle in transaction%'",
            )

    catalog.write(change)
    assert (len(runs), names(catalog)) == (2, ["a"])


def test_everything_goes_on_after_every_connection_was_lost(catalog: PostgresCatalog, proxy: Proxy) -> None:
    for number in range(3):
        put(catalog, str(number))
        with catalog.read() as tx:
            assert count(tx) == number + 1
        proxy.break_all()
    eventually(lambda: leads(catalog))
    assert names(catalog) == ["0", "1", "2"]


def test_a_read_that_loses_its_connection_fails_whole(catalog: PostgresCatalog, proxy: Proxy) -> None:
    with pytest.raises(StorageFailed, match="repeat the call"), catalog.read() as tx:
        count(tx)
        proxy.break_all()
        list(tx.rows("SELECT name FROM settings"))
    assert names(catalog) == []


def test_a_server_that_restarts_is_waited_for(tmp_path: Path) -> None:
    made = Databases()
    try:
        catalog = made.open(tmp_path)
        put(catalog, "before")
        made.server.restart()
        put(catalog, "after")
        made.server.restart()
        assert names(catalog) == ["after", "before"]
        eventually(lambda: leads(catalog))
        catalog.close()
    finally:
        made.close()


def test_a_server_that_stays_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 0.2)
    made = Databases()
    catalog = made.open(tmp_path)
    put(catalog, "a")
    made.close()
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(StorageFailed, match="see that the server runs"):
            put(catalog, "b")
        with pytest.raises(StorageFailed, match="see that the server runs"):
            names(catalog)
    assert time.monotonic() - began < 5  # the outage is waited for once, not by each caller
    catalog.close()
    with pytest.raises(Cancelled):
        names(catalog)


def test_when_nobody_can_say_what_became_of_a_change(
    monkeypatch: pytest.MonkeyPatch, catalog: PostgresCatalog, proxy: Proxy
) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 0.2)
    gone = threading.Event()

    def rule(message: bytes) -> Fate:
        if b"COMMIT" in message:
            gone.set()
            return Fate.SWALLOW
        return Fate.CUT if gone.is_set() else Fate.PASS

    proxy.rule = rule
    seen = catalog.watch.version
    with pytest.raises(StorageFailed, match="not known whether it happened"):
        put(catalog, "a")
    assert catalog.watch.version > seen  # those who wait look again
    proxy.rule = lambda message: Fate.PASS
    assert names(catalog) == ["a"]


# -- several processes ---------------------------------------------------------------------------------------------


def test_a_change_of_one_process_wakes_the_others(catalog: PostgresCatalog, other: PostgresCatalog) -> None:
    seen = other.watch.version
    put(catalog, "a")
    assert other.watch.wait(seen, 10) > seen
    assert names(other) == ["a"]


def test_who_was_cut_off_is_woken_when_it_is_back(
    catalog: PostgresCatalog, other: PostgresCatalog, proxy: Proxy
) -> None:
    seen = catalog.watch.version
    proxy.break_all()
    put(other, "a")
    assert catalog.watch.wait(seen, 10) > seen
    assert catalog.watch.until(lambda: names(catalog) or None, timeout=10) == ["a"]


def test_keys_grow_in_the_order_in_which_changes_are_seen(catalog: PostgresCatalog, other: PostgresCatalog) -> None:
    """Whoever follows a list by its last key misses nothing."""
    insert = "INSERT INTO projects (name, created) VALUES (?, 0)"
    done = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        while not done.is_set() or len(seen) < 200:
            with catalog.read() as tx:
                last = seen[-1] if seen else 0
                seen.extend(row["id"] for row in tx.rows("SELECT id FROM projects WHERE id > ? ORDER BY id", (last,)))

    def work(which: PostgresCatalog, name: str) -> None:
        for number in range(50):
            which.write(lambda tx, n=number: tx.insert(insert, (f"{name}{n}",)))

    follower = threading.Thread(target=follow)
    follower.start()
    workers = [
        threading.Thread(target=work, args=(which, name))
        for which, name in ((catalog, "a"), (other, "b"), (catalog, "c"), (other, "d"))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done.set()
    follower.join(30)
    assert len(seen) == len(set(seen)) == 200


def test_one_leads_and_another_takes_over(catalog: PostgresCatalog, other: PostgresCatalog) -> None:
    assert (leads(catalog), leads(other)) == (True, False)
    seen = other.watch.version
    catalog.close()
    eventually(lambda: leads(other))
    assert other.watch.version > seen


def test_who_loses_its_connection_loses_the_lead_at_once(
    catalog: PostgresCatalog, other: PostgresCatalog, proxy: Proxy
) -> None:
    """A step that is under way cannot end beside that of the new leader."""
    with catalog.leading() as first:
        assert first
        put(catalog, "before")
        proxy.rule = lambda message: Fate.CUT if b"LISTEN" in message else Fate.PASS  # it does not come back so soon
        proxy.break_all()
        eventually(lambda: leads(other))
        with pytest.raises(Conflict, match="another pachd leads"):
            put(catalog, "step")
    put(catalog, "call")  # what is no step of a leader goes on
    assert names(other) == ["before", "call"]
    assert not leads(catalog)


def test_how_many_there_are(catalog: PostgresCatalog, other: PostgresCatalog, dsn: str) -> None:
    assert (catalog.others(), other.others()) == (1, 1)
    third = PostgresCatalog(dsn)
    assert (catalog.others(), third.others()) == (2, 2)
    third.close()
    other.close()
    assert catalog.others() == 0


def test_who_was_given_up_changes_nothing_any_more(catalog: PostgresCatalog, other: PostgresCatalog, dsn: str) -> None:
    put(other, "before")
    ask(dsn, f"UPDATE processes SET seen = seen - 61000000000 WHERE name = '{other._processes.own}'")
    assert catalog.others() == 0
    with pytest.raises(FailedPrecondition, match="restart it"):
        put(other, "after")
    assert names(other) == ["before"]


def left_behind(catalog: PostgresCatalog) -> None:
    """Its row stays, as after a kill."""
    catalog._presence.stop()
    catalog._presence.join()
    catalog._connections.close()


def test_who_comes_after_a_kill_in_the_same_home_begins_at_once(dsn: str, tmp_path: Path) -> None:
    """Also if the one that was killed was alone; and it is not counted as another one."""
    home, copied = tmp_path / "run", tmp_path / "copy"
    for folder in (home, copied):
        folder.mkdir()
        (folder / "pachd.lock").touch()
    killed = PostgresCatalog(dsn, home)
    copied.joinpath("catalog.json").write_bytes(home.joinpath("catalog.json").read_bytes())
    elsewhere = PostgresCatalog(dsn, copied)
    assert killed.others() == 1, "a copy of a home does not speak for the home"
    elsewhere.close()
    with pytest.raises(TrunklineError), killed.alone():
        left_behind(killed)
    again = PostgresCatalog(dsn, home)
    assert again.others() == 0
    left_behind(again)
    third = PostgresCatalog(dsn, home)
    with third.alone() as still:
        assert still()
    third.close()


def test_nobody_begins_while_one_is_alone(catalog: PostgresCatalog, dsn: str) -> None:
    begun = threading.Event()
    late: list[PostgresCatalog] = []

    def begin() -> None:
        late.append(PostgresCatalog(dsn))
        begun.set()

    with catalog.alone() as still:
        thread = threading.Thread(target=begin)
        thread.start()
        eventually(lambda: "presence" in str(ask(dsn, "SELECT 'presence'")))
        assert not begun.wait(0.3)
        assert still()
    thread.join(20)
    assert begun.is_set()
    with pytest.raises(FailedPrecondition, match="1 other pachd use this catalog"), catalog.alone():
        pass
    late[0].close()


def test_two_may_start_at_once_on_an_empty_database(databases: Databases) -> None:
    dsn = databases.server.new_database()
    made: list[PostgresCatalog] = []
    threads = [threading.Thread(target=lambda: made.append(PostgresCatalog(dsn))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(leads, made)) == 1
    for one in made:
        one.close()


def test_a_process_that_stops_in_the_middle_of_a_change_holds_nobody_up_for_ever(dsn: str) -> None:
    catalog = PostgresCatalog(dsn)
    catalog._writer._connection.execute("SET idle_in_transaction_session_timeout = '100ms'")  # type: ignore[union-attr]
    other = PostgresCatalog(dsn)
    runs = []

    def change(tx: Tx) -> None:
        runs.append(1)
        tx.run(PUT, ("slow", "1"))
        if len(runs) == 1:
            put(other, "quick")  # waits until the server has ended the other one

    catalog.write(change)
    assert names(catalog) == ["quick", "slow"]
    catalog.close()
    other.close()


# -- errors and settings -------------------------------------------------------------------------------------------


def settings(catalog: str) -> Settings:
    return Settings(home=Path("/nowhere"), catalog=catalog)


@pytest.mark.parametrize(
    ("dsn", "error", "says"),
    [
        ("mysql://host/db", InvalidRequest, "names no catalog"),
        ("postgresql://user:s3cr3t@[host/db", InvalidRequest, "cannot be read"),
        ("postgresql://user:s3cr3t@/db?nonsense=1", InvalidRequest, "cannot be read"),
        ("postgresql://user:s3cr3t@127.0.0.1:1/db", StorageFailed, "user@127.0.0.1/db.*see that the server runs"),
    ],
)
def test_addresses_that_lead_nowhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, dsn: str, error: type[Exception], says: str
) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 0.0)
    with pytest.raises(error, match=says) as caught:
        open_catalog(settings(dsn))
    assert "s3cr3t" not in str(caught.value) + repr(caught.value) + caplog.text
    assert "s3cr3t" not in str(caught.value.__cause__ or "")


def test_what_the_server_refuses(dsn: str) -> None:
    ask(dsn, "DROP ROLE IF EXISTS poor")
    ask(dsn, "CREATE ROLE poor LOGIN")
    with pytest.raises(StorageFailed, match="GRANT"):
        PostgresCatalog(dsn.replace("postgres@", "poor@"))
    with pytest.raises(StorageFailed, match="createdb"):
        PostgresCatalog(dsn.replace("@/t", "@/nothing_like_t"))
    with pytest.raises(StorageFailed, match="check user and password"):
        PostgresCatalog(dsn.replace("postgres@", "nobody_at_all@"))


def test_a_text_that_postgresql_cannot_keep(catalog: PostgresCatalog) -> None:
    with pytest.raises(InvalidRequest, match="cannot be kept"):
        put(catalog, "a\0b")
    assert names(catalog) == []


def test_a_server_without_connections_left_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, catalog: PostgresCatalog
) -> None:
    monkeypatch.setattr(pool, "MOST", 2)
    monkeypatch.setattr(pool, "PATIENCE", 0.1)
    together = threading.Barrier(3)

    def hold() -> None:
        with catalog.read() as tx:
            count(tx)
            together.wait(10)
            together.wait(10)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    together.wait(10)
    with pytest.raises(StorageFailed, match="all 2 connections"):
        names(catalog)
    together.wait(10)
    for thread in threads:
        thread.join()
    assert names(catalog) == []


def test_without_psycopg_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "trunkline.catalog.postgres", None)
    with pytest.raises(FailedPrecondition, match=r"pip install 'trunkline\[postgres\]'"):
        open_catalog(settings("postgresql:///x"))


def test_a_long_result_does_not_stand_in_memory(catalog: PostgresCatalog) -> None:
    """A hundred megabytes of rows, ten at the most at once."""
    import resource

    catalog.write(lambda tx: [tx.run(PUT, (str(n), "x" * 50_000)) for n in range(40)])
    wide = "SELECT a.name AS name, a.value AS value FROM settings AS a CROSS JOIN settings AS b ORDER BY a.name"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with catalog.read() as tx:
        assert sum(len(row["value"]) for row in tx.rows(wide)) == 40 * 40 * 50_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kilobytes


def test_closing_ends_calls_under_way_in_their_own_threads(catalog: PostgresCatalog, dsn: str) -> None:
    """Freeing a connection that another thread waits on would break the heap; it fails there, and is freed there."""
    seen: list[BaseException] = []

    def read() -> None:
        try:
            with catalog.read() as tx:
                tx.row("SELECT pg_sleep(60)")
        except BaseException as error:
            seen.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    with psycopg.connect(dsn, autocommit=True) as looking:
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        while (looking.execute(asleep).fetchone() or (0,))[0] < len(readers):
            pass
    catalog.close()
    for reader in readers:
        reader.join()
    assert [type(error) for error in seen] == [Cancelled] * len(readers)
