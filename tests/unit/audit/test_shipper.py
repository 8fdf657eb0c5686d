"""What waits is delivered at least once, whatever the audit answers meanwhile."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.unit.audit.batches import record
from tests.unit.audit.spooling import Counted, ids, spool
from webhook.audit.delivery import DeliveryError
from webhook.audit.losses import Loss
from webhook.audit.shipper import Pace, Sender, Shipper
from webhook.audit.spool import Spool, Waiting
from webhook.core.record import RecordKind

QUICK = Pace(0.01, 0.01, 0.05)


class Audit:
    """Keeps what is delivered, and answers as a test says."""

    def __init__(self, answer: Callable[[Sequence[Waiting]], DeliveryError | None]) -> None:
        self.answer = answer
        self.kept: list[str] = []
        self.calls = 0
        self.senders: set[tuple[str, str]] = set()

    def deliver(self, cluster: str, replica: str, batch: Sequence[Waiting]) -> None:
        self.calls += 1
        error = self.answer(batch)
        if error is not None:
            raise error
        self.senders.add((cluster, replica))
        self.kept += [decision for one in batch for decision, _ in one.decisions]

    def close(self) -> None:
        pass


def well(_batch: Sequence[Waiting]) -> None:
    return None


def shipper(kept: Spool, audit: Audit, counted: Counted) -> Shipper:
    return Shipper(kept, audit, Sender("c", "r"), counted, QUICK)


def filled(folder: Path, count: int = 5) -> tuple[Spool, Counted]:
    kept, counted = spool(folder)
    for number in range(count):
        kept.append([record(f"w{number}")], f"d{number}", time.time())
    return kept, counted


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_waits_is_delivered_and_removed(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path)
    audit = Audit(well)
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: len(audit.kept) == 5)
    kept.append([record("later")], "later", time.time())
    until(lambda: "later" in audit.kept)
    ships.leave(2)
    assert audit.kept == ["d0", "d1", "d2", "d3", "d4", "later"]
    assert audit.senders == {("c", "r")}
    assert ids(kept) == []
    assert counted.results == {"ok": 2}
    assert counted.waiting == (0, 0, 0.0)


def test_an_audit_that_is_away_is_waited_for(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path)
    away = threading.Event()
    audit = Audit(lambda _: None if away.is_set() else DeliveryError("down", again=True))
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: audit.calls >= 3)
    assert len(ids(kept)) == 5
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
    assert ids(kept) == []


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_what_is_refused_is_found_and_left_out_alone(tmp_path: Path, size: int) -> None:
    kept, counted = filled(tmp_path, size)
    for number in range(4):  # repeats: among them one that is refused
        kept.append([record("same")], f"same{number}", time.time())

    def refuses(batch: Sequence[Waiting]) -> DeliveryError | None:
        made = {decision for one in batch for decision, _ in one.decisions}
        return DeliveryError("wrong", again=False) if made & {"d0", "same2"} else None

    audit = Audit(refuses)
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: not ids(kept))
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
    kept.append([record("more")], "more", time.time())
    until(lambda: "more" in audits[0].kept)
    first.leave(2)
    kept.append([record("rest")], "rest", time.time())
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
    assert ids(kept) == []


def test_who_leaves_does_not_wait_longer_than_it_may(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path)
    audit = Audit(lambda _: DeliveryError("down", again=True))
    ships = shipper(kept, audit, counted)
    ships.start()
    begun = time.monotonic()
    ships.leave(0.3)
    assert time.monotonic() - begun < 2
    assert not ships.is_alive()
    assert len(ids(kept)) == 5


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
    assert ids(kept) == []


def test_what_cannot_be_delivered_from_a_journal_is_held_by_the_spool(tmp_path: Path) -> None:
    kept, counted = spool(tmp_path)
    away = threading.Event()
    audit = Audit(lambda _: None if away.is_set() else DeliveryError("down", again=True))
    for number in range(5):
        kept.keep([record(f"w{number}")], f"d{number}", time.time())
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: len(ids(kept)) == 5)
    away.set()
    until(lambda: len(audit.kept) == 5)
    kept.keep([record("later")], "later", time.time())
    until(lambda: "later" in audit.kept)
    ships.leave(2)
    assert audit.kept == ["d0", "d1", "d2", "d3", "d4", "later"]
    assert counted.kept[RecordKind.DENIAL] == 6
    assert counted.total_losses() == 0


def test_what_is_refused_from_a_journal_is_left_out_alone(tmp_path: Path) -> None:
    kept, counted = spool(tmp_path)
    for number in range(7):
        kept.keep([record(f"w{number}")], f"d{number}", time.time())

    def refuses(batch: Sequence[Waiting]) -> DeliveryError | None:
        made = {decision for one in batch for decision, _ in one.decisions}
        return DeliveryError("wrong", again=False) if "d3" in made else None

    audit = Audit(refuses)
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: len(audit.kept) == 6)
    ships.leave(2)
    assert sorted(audit.kept) == ["d0", "d1", "d2", "d4", "d5", "d6"]
    assert counted.losses == {Loss.REFUSED: 1}
    assert list(tmp_path.glob("*.journal")) != [], "this process may write on"
