"""What waits is delivered at least once, whatever the audit answers meanwhile."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.audit.batches import record
from tests.unit.audit.shipping import Audit, filled, refusing, shipper, until, well
from tests.unit.audit.spooling import append, ids, outbox
from webhook.audit.delivery import DeliveryError
from webhook.audit.losses import Loss
from webhook.audit.shipper import Pace, Sender, Shipper
from webhook.audit.spool import Waiting
from webhook.core.record import RecordKind


def test_what_waits_is_delivered_and_removed(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path)
    audit = Audit(well)
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: len(audit.kept) == 5)
    append(kept.spool, [record("later")], "later", time.time())
    until(lambda: "later" in audit.kept)
    ships.leave(2)
    assert audit.kept == ["d0", "d1", "d2", "d3", "d4", "later"]
    assert audit.senders == {("c", "r")}
    assert ids(kept.spool) == []
    assert counted.results == {"ok": 2}
    assert counted.waiting == (0, 0, 0.0)


def test_an_audit_that_is_away_is_waited_for(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path)
    away = threading.Event()
    audit = Audit(lambda _: None if away.is_set() else DeliveryError("down", again=True))
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: audit.calls >= 3)
    assert len(ids(kept.spool)) == 5
    assert counted.waiting is not None
    assert counted.waiting[0] == 10
    away.set()
    until(lambda: len(audit.kept) == 5)
    ships.leave(2)
    assert counted.results["failed"] >= 3
    assert counted.total_losses() == 0


def test_a_fault_of_ours_ends_no_thread(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path)

    def breaks(_batch: Sequence[Waiting]) -> None:
        if audit.calls < 3:
            raise RuntimeError

    audit = Audit(breaks)
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: len(audit.kept) == 5)
    ships.leave(2)
    assert ids(kept.spool) == []


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_what_is_refused_is_found_and_left_out_alone(tmp_path: Path, size: int) -> None:
    kept, counted = filled(tmp_path, size)
    for number in range(4):  # repeats: among them one that is refused
        append(kept.spool, [record("same")], f"same{number}", time.time())

    audit = Audit(refusing("d0", "same2"))
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: not ids(kept.spool))
    ships.leave(2)
    told = {f"d{number}" for number in range(1, size)} | {"same0", "same1", "same3"}
    assert sorted(audit.kept) == sorted(told)
    assert counted.losses == {Loss.REFUSED: 2}


def test_one_of_several_delivers_and_another_goes_on(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path)
    audits = [Audit(well), Audit(well)]
    first, second = (shipper(kept, audit, counted) for audit in audits)
    first.start()
    until(lambda: len(audits[0].kept) == 5)
    second.start()
    append(kept.spool, [record("more")], "more", time.time())
    until(lambda: "more" in audits[0].kept)
    first.leave(2)
    append(kept.spool, [record("rest")], "rest", time.time())
    until(lambda: audits[1].kept == ["rest"])
    second.leave(2)
    assert "rest" not in audits[0].kept


def test_who_leaves_delivers_what_it_can(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path, 2500)
    audit = Audit(well)
    ships = shipper(kept, audit, counted)
    ships.start()
    ships.leave(30)
    assert not ships.is_alive()
    assert len(audit.kept) == 2500
    assert ids(kept.spool) == []


def test_who_leaves_does_not_wait_longer_than_it_may(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path)
    audit = Audit(lambda _: DeliveryError("down", again=True))
    ships = shipper(kept, audit, counted)
    ships.start()
    begun = time.monotonic()
    ships.leave(0.3)
    assert time.monotonic() - begun < 2
    assert not ships.is_alive()
    assert len(ids(kept.spool)) == 5


def test_pauses_grow_up_to_a_bound() -> None:
    pace = Pace()
    assert 0.25 <= pace.pause(1) <= 0.75
    assert 1.0 <= pace.pause(3) <= 3.0
    assert 15.0 <= pace.pause(10_000) <= 45.0


def test_what_is_kept_until_the_end_is_delivered(tmp_path: Path) -> None:
    """Journals are looked at twice a second, and once more when a process leaves."""
    kept, counted = filled(tmp_path)
    audit = Audit(well)
    ships = Shipper(kept, audit, Sender("c", "r"), counted, Pace(look_seconds=30))
    ships.start()
    until(lambda: len(audit.kept) == 5)
    kept.keep([record("late")], "late", time.time())
    ships.leave(5)
    assert audit.kept == ["d0", "d1", "d2", "d3", "d4", "late"]
    assert ids(kept.spool) == []


def test_what_cannot_be_delivered_from_a_journal_is_held_by_the_spool(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    away = threading.Event()
    audit = Audit(lambda _: None if away.is_set() else DeliveryError("down", again=True))
    for number in range(5):
        kept.keep([record(f"w{number}")], f"d{number}", time.time())
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: len(ids(kept.spool)) == 5)
    away.set()
    until(lambda: len(audit.kept) == 5)
    kept.keep([record("later")], "later", time.time())
    until(lambda: "later" in audit.kept)
    ships.leave(2)
    assert audit.kept == ["d0", "d1", "d2", "d3", "d4", "later"]
    assert counted.kinds[RecordKind.DENIAL] == 6
    assert counted.total_losses() == 0


def test_what_is_refused_from_a_journal_is_left_out_alone(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    for number in range(7):
        kept.keep([record(f"w{number}")], f"d{number}", time.time())

    audit = Audit(refusing("d3"))
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: len(audit.kept) == 6)
    ships.leave(2)
    assert sorted(audit.kept) == ["d0", "d1", "d2", "d4", "d5", "d6"]
    assert counted.losses == {Loss.REFUSED: 1}
    assert list(tmp_path.glob("*.journal")) == [], "who leaves writes no more"


def test_journals_are_emptied_while_the_audit_is_away(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path, 1)
    audit = Audit(lambda _: DeliveryError("down", again=True))
    ships = Shipper(kept, audit, Sender("c", "r"), counted, Pace(0.01, 60, 60))
    ships.start()
    until(lambda: audit.calls == 1)
    for number in range(3):
        kept.keep([record("later")], f"later{number}", time.time())
        until(lambda number=number: f"later{number}" in ids(kept.spool))  # type: ignore[misc]
    until(lambda: counted.waiting is not None and counted.waiting[0] == 6)
    assert audit.calls == 1, "it is in its pause"
    ships.leave(0)


def test_what_is_refused_holds_nothing_up_without_a_spool(tmp_path: Path) -> None:
    (tmp_path / "spool-1.db").mkdir()  # it cannot be opened
    kept, counted = outbox(tmp_path)

    audit = Audit(refusing("d1"))
    for number in range(3):
        kept.keep([record(f"w{number}")], f"d{number}", time.time())
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: len(audit.kept) == 2)
    kept.keep([record("later")], "later", time.time())
    until(lambda: "later" in audit.kept)
    ships.leave(2)
    assert audit.kept == ["d0", "d2", "later"]
    assert counted.losses == {Loss.REFUSED: 1}


def test_who_takes_over_delivers_nothing_again(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    first = Audit(well)
    ships = shipper(kept, first, counted)
    kept.keep([record("a")], "d1", time.time())
    ships.start()
    until(lambda: first.kept == ["d1"])
    ships.leave(2)
    kept.keep([record("b")], "d2", time.time())
    other, second = outbox(tmp_path)[0], Audit(well)
    ships = shipper(other, second, counted)
    ships.start()
    until(lambda: bool(second.kept))
    ships.leave(2)
    assert second.kept == ["d2"]


def test_whatever_goes_wrong_in_leaving_another_may_deliver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, counted = filled(tmp_path)
    audit = Audit(well)
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: len(audit.kept) == 5)

    def breaks() -> None:
        raise RuntimeError

    monkeypatch.setattr(kept, "have_done", breaks)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    ships.leave(2)
    other, second = outbox(tmp_path)[0], Audit(well)
    append(kept.spool, [record("rest")], "rest", time.time())
    ships = shipper(other, second, counted)
    ships.start()
    until(lambda: second.kept == ["rest"])
    ships.leave(2)
