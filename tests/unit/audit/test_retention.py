"""What is old is forgotten, and nothing else."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.unit.audit.batches import DAY, delivery, record
from webhook.audit.findings import Filters
from webhook.audit.store import retention
from webhook.audit.store.opened import Store
from webhook.audit.store.query import decision, findings
from webhook.audit.store.retention import Forgotten, Retention, decisions, forget
from webhook.audit.store.taking import take_in

NOW = 100 * DAY


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_ROWS_AT_ONCE", 7)


def names(store: Store) -> set[str]:
    return {one.record["object"]["name"] for one in findings(store, Filters(), 1000).findings}


def test_by_age(store: Store) -> None:
    old = [(record(f"old{n}"), [(f"o{n}", NOW - 31 * DAY)]) for n in range(20)]
    both = (record("both"), [("early", NOW - 40 * DAY), ("late", NOW - DAY)])
    just = (record("just"), [("just", NOW - 30 * DAY)])
    take_in(store, delivery(*old, both, just))
    assert forget(store, Retention(seconds=30 * DAY), NOW) == Forgotten(21, 0, 20)
    assert names(store) == {"both", "just"}
    assert decision(store, "early") == ()
    (found,) = decision(store, "late")
    assert (found.count, found.first_seen) == (2, NOW - 40 * DAY)
    assert forget(store, Retention(seconds=30 * DAY), NOW) == Forgotten()


def test_by_rows(store: Store) -> None:
    take_in(store, delivery(*((record(f"w{n}"), [(f"d{n}", float(n))]) for n in range(50))))
    assert forget(store, Retention(rows=30), NOW) == Forgotten(0, 20, 20)
    assert decisions(store) == 30
    assert names(store) == {f"w{n}" for n in range(20, 50)}
    assert forget(store, Retention(rows=30), NOW) == Forgotten()


def test_nothing_is_forgotten_where_nothing_is_asked(store: Store) -> None:
    take_in(store, delivery((record(), [("a", 1.0)])))
    assert forget(store, Retention(), NOW) == Forgotten()
    assert names(store) == {"web"}


def test_it_ends_between_two_batches(store: Store) -> None:
    take_in(store, delivery(*((record(f"w{n}"), [(f"d{n}", 1.0)]) for n in range(50))))
    turns = iter([True, True])
    done = forget(store, Retention(seconds=DAY), NOW, lambda: next(turns, False))
    assert done == Forgotten(14, 0, 0)
    assert decisions(store) == 36
    assert forget(store, Retention(seconds=DAY), NOW) == Forgotten(36, 0, 50)


@pytest.mark.slow
def test_while_others_deliver(store: Store) -> None:
    """Repeats of findings that are just being forgotten: none is lost, none is left without one."""
    over = threading.Event()

    def clear() -> None:
        while not over.is_set():
            forget(store, Retention(seconds=10 * DAY), NOW)

    def deliver(round_: int) -> None:
        for turn in range(12):
            name = f"{round_}-{turn}"
            old = [(record(f"w{n}"), [(f"old-{name}-{n}", NOW - 20 * DAY)]) for n in range(5)]
            new = [(record(f"w{n}"), [(f"new-{name}-{n}", NOW)]) for n in range(turn % 6)]
            take_in(store, delivery(*old))
            take_in(store, delivery(*new))

    with ThreadPoolExecutor(6) as pool:
        clearing = [pool.submit(clear) for _ in range(2)]
        delivering = [pool.submit(deliver, round_) for round_ in range(4)]
        try:
            for one in delivering:
                one.result()
        finally:
            over.set()
        for one in clearing:
            one.result()
    forget(store, Retention(seconds=10 * DAY), NOW)
    wanted = {
        f"new-{r}-{turn}-{n}" for r in range(4) for turn in range(12) for n in range(turn % 6)
    }
    assert decisions(store) == len(wanted)
    assert all(decision(store, one) for one in wanted)
    assert names(store) == {f"w{n}" for n in range(5)}
