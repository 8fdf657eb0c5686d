"""What is delivered is in the store once, whatever happened on the way."""

import multiprocessing
import sqlite3
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text, update

from tests.postgres import Postgres
from tests.unit.audit.batches import batches, deliver_all, delivery, expected, owned, record
from webhook.audit.findings import Filters
from webhook.audit.store import opened
from webhook.audit.store.errors import StoreUnavailableError, asked
from webhook.audit.store.opened import Store, open_store
from webhook.audit.store.query import decision, findings
from webhook.audit.store.schema import bring_up
from webhook.audit.store.tables import FINDINGS, METADATA
from webhook.audit.store.taking import Taken, take_in
from webhook.errors import ScaleguardError


def told(store: Store) -> dict[str, tuple[int, float, float, str]]:
    return {
        one.record["object"]["name"]: (
            *(one.count, one.first_seen, one.last_seen),
            one.record["message"],
        )
        for one in findings(store, Filters(), 1000).findings
    }


def test_tables_are_what_the_migrations_make(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_step_that_fails_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make = op.create_index

    def fail(name: str, *arguments: Any) -> None:
        if name == "decisions_of_finding":
            raise RuntimeError("the disk is full")
        make(name, *arguments)

    store = open_store(url)
    with monkeypatch.context() as patched:
        patched.setattr(op, "create_index", fail)
        with pytest.raises(RuntimeError, match="the disk is full"):
            bring_up(store)
    with store.reading() as connection:
        assert inspect(connection).get_table_names() == []
    bring_up(store)
    store.check()
    store.close()


def test_several_replicas_may_start_at_once(url: str) -> None:
    stores = [open_store(url) for _ in range(6)]
    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(bring_up, stores))
    take_in(stores[0], delivery((record(), [("a", 1.0)])))
    assert len(findings(stores[1], Filters()).findings) == 1
    for one in stores:
        one.close()


def test_a_store_of_a_newer_version_is_left_alone(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        ScaleguardError, match="a newer version of scaleguard has changed the store"
    ):
        bring_up(store)


def test_repeats_fold_and_every_decision_is_found(store: Store) -> None:
    pods = [(owned(f"llama-{n}", "llama"), [(f"id{n}", 10.0 + n)]) for n in range(1200)]
    assert take_in(store, delivery(*pods)) == Taken(1200, 0)
    (found,) = findings(store, Filters()).findings
    assert (found.count, found.first_seen, found.last_seen) == (1200, 10.0, 1209.0)
    assert found.record["object"]["name"] == "llama-1199"
    assert found.last_decision == "id1199"
    for name in ("id0", "id600", "id1199"):
        assert decision(store, name) == (found,)
    assert decision(store, "id1200") == ()
    assert take_in(store, delivery(*pods)) == Taken(0, 1200)
    assert findings(store, Filters()).findings == (found,)


def test_one_decision_may_have_several_findings(store: Store) -> None:
    both = record(), record(rule="duplicate-hpa")
    assert take_in(store, delivery(*((one, [("id", 5.0)]) for one in both))).new == 2
    assert {one.record["rule"] for one in decision(store, "id")} == {one.rule for one in both}


def test_a_delivery_may_be_empty(store: Store) -> None:
    assert take_in(store, delivery()) == Taken(0, 0)


def test_clusters_are_told_apart(store: Store) -> None:
    for cluster in ("a", "b"):
        take_in(store, delivery((record(), [("id", 5.0)]), cluster=cluster))
    assert [one.count for one in findings(store, Filters()).findings] == [1, 1]
    assert [one.cluster for one in findings(store, Filters(cluster="b")).findings] == ["b"]


def test_what_no_database_takes_is_replaced(store: Store) -> None:
    odd = record("we\0b", message="nul \0, half a pair \ud800, quote ' -- and \N{SNOWMAN}")
    take_in(store, delivery((odd, [("a\0", 1.0)])))
    (found,) = findings(store, Filters(workload="we\0b")).findings
    assert found.record["message"].endswith("quote ' -- and \N{SNOWMAN}")
    assert decision(store, "a\0") == (found,)


@pytest.mark.parametrize("seed", range(2))
def test_order_and_repetition_make_no_difference(store: Store, url: str, seed: int) -> None:
    """Eight threads deliver every batch three times; the sum is that of one delivery of each."""
    new = deliver_all(url, seed, times=3, threads=8)
    wanted = expected(batches(seed))
    assert told(store) == wanted
    assert new == sum(count for count, *_ in wanted.values())


@pytest.mark.slow
def test_several_processes_deliver_the_same_at_once(store: Store, url: str) -> None:
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=spawned) as pool:
        new = [pool.submit(deliver_all, url, 7, 2, 3) for _ in range(3)]
        counted = sum(one.result() for one in new)
    wanted = expected(batches(7))
    assert told(store) == wanted
    assert counted == sum(count for count, *_ in wanted.values())


def test_a_delivery_is_taken_whole_or_not_at_all(store: Store) -> None:
    """The second statement fails; nothing of the first one stays."""
    name = "refuse" if store.is_postgresql else "no_decisions"
    with store.writing() as connection:
        if store.is_postgresql:
            connection.execute(
                text(f"ALTER TABLE decisions ADD CONSTRAINT {name} CHECK (seen < 9)")
            )
        else:
            connection.execute(
                text(
                    f"CREATE TRIGGER {name} BEFORE INSERT ON decisions WHEN NEW.seen >= 9"
                    " BEGIN SELECT RAISE(ABORT, 'no'); END"
                )
            )
    with pytest.raises(Exception, match=r"refuse|no"):
        take_in(store, delivery((record(), [("a", 1.0)])))
    assert findings(store, Filters()).findings == ()


@pytest.mark.postgres
def test_who_lost_to_another_writer_begins_anew(postgres: Postgres) -> None:
    """Two transactions lock two rows in opposite orders: one of them is told to give way."""
    store = open_store(postgres.database())
    bring_up(store)
    take_in(store, delivery(*((record(name), [(name, 1.0)]) for name in ("a", "b"))))
    both_have_one = Barrier(2)
    begun: list[str] = []

    def lock(first: str, second: str) -> str:
        begun.append(first)
        with store.writing() as connection:
            for name in (first, second):
                mine = update(FINDINGS).where(FINDINGS.c.object_name == name)
                connection.execute(mine.values(count=FINDINGS.c.count + 1))
                if name == first and len(begun) <= 2:
                    both_have_one.wait(10)
        return first

    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda names: asked(lambda: lock(*names)), (("a", "b"), ("b", "a")))
        assert sorted(done) == ["a", "b"]
    assert len(begun) > 2
    assert [one.count for one in findings(store, Filters()).findings] == [3, 3]
    store.close()


def test_a_file_that_another_one_holds_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "_BUSY_SECONDS", 0.001)
    store = open_store(f"sqlite:///{tmp_path}/audit.db")
    bring_up(store)
    with closing(sqlite3.connect(tmp_path / "audit.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            take_in(store, delivery((record(), [("a", 1.0)])))
        monkeypatch.setattr("time.sleep", lambda _seconds: other.execute("ROLLBACK"))
        assert take_in(store, delivery((record(), [("a", 1.0)]))).new == 1
    store.close()


def test_a_database_that_is_away_says_so(tmp_path: Path) -> None:
    gone = open_store(f"postgresql://someone:secret@/x?host={tmp_path}")
    with pytest.raises(StoreUnavailableError) as said:
        take_in(gone, delivery((record(), [("a", 1.0)])))
    assert "secret" not in str(said.value)
    with pytest.raises(ScaleguardError, match="the store cannot be opened") as fault:
        bring_up(gone)
    assert "secret" not in str(fault.value)
    gone.close()


@pytest.mark.parametrize(
    "written",
    [
        "",
        "x",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://a:secret@b/c",
        "postgresql+asyncpg://b/c",
    ],
)
def test_what_is_no_store_is_refused(written: str) -> None:
    with pytest.raises(ScaleguardError, match="this is no store") as said:
        open_store(written)
    assert "secret" not in str(said.value)
