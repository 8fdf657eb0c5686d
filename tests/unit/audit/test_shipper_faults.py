"""What waits is delivered, whatever becomes of the spool, the lock and the processes."""

import random
import resource
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.audit.batches import record
from tests.unit.audit.shipping import Audit, filled, shipper, until, well
from tests.unit.audit.spooling import Writers, ids, outbox
from webhook.audit.delivery import DeliveryError
from webhook.audit.losses import Loss
from webhook.audit.shipper import Pace, Sender, Shipper
from webhook.audit.spool import Waiting


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_spool_holds_nothing_up(tmp_path: Path, seed: int) -> None:
    kept, counted = filled(tmp_path, 300)
    kept.spool.tidy()
    kept.close()
    path = tmp_path / "spool-1.db"
    content, chance = bytearray(path.read_bytes()), random.Random(seed)  # noqa: S311 - again
    for _ in range(200):
        content[chance.randrange(4096, len(content))] = chance.randrange(256)
    path.write_bytes(content)
    audit = Audit(well)
    ships = shipper(kept, audit, counted)
    ships.start()
    for number in range(3):
        kept.keep([record("new")], f"new{number}", time.time())
        until(lambda number=number: f"new{number}" in audit.kept)  # type: ignore[misc]
    looking, _ = outbox(tmp_path)
    until(lambda: looking.spool.take(1) == [])
    ships.leave(2)


@pytest.mark.parametrize("how", ["full", "held"])
def test_where_nothing_can_be_forgotten_all_is_told_once(tmp_path: Path, how: str) -> None:
    kept, counted = filled(tmp_path, 2500)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    audit = Audit(well)
    ships = shipper(kept, audit, counted)
    told = [*(f"d{number}" for number in range(2500)), "new"]
    with closing(sqlite3.connect(tmp_path / "spool-1.db", isolation_level=None)) as other:
        if how == "held":
            other.execute("BEGIN IMMEDIATE")
        else:
            other.close()
            # Files that are longer, as that of the spool is, cannot be written.
            resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
        try:
            kept.keep([record("new")], "new", time.time())
            ships.start()
            until(lambda: len(audit.kept) >= 2501)
            time.sleep(0.2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    ships.leave(2)
    assert sorted(audit.kept) == sorted(told)
    assert ids(kept.spool) == []
    assert counted.total_losses() == 0
    # What is full was left for a new file, what was held was emptied.
    assert (tmp_path / "spool-1.db").exists() is (how == "held")


def test_a_lock_that_was_removed_is_nobodys(tmp_path: Path) -> None:
    kept, counted = filled(tmp_path)
    audits = [Audit(well), Audit(well)]
    first, second = (shipper(kept, audit, counted) for audit in audits)
    first.start()
    until(lambda: len(audits[0].kept) == 5)
    (tmp_path / "shipper.lock").unlink()
    second.start()
    until(lambda: (first._lock is None) != (second._lock is None))
    for number in range(20):
        kept.keep([record(f"n{number}")], f"n{number}", time.time())
        time.sleep(0.01)
    first.leave(2)
    second.leave(2)
    assert sorted(audits[0].kept + audits[1].kept) == sorted(
        [*(f"d{number}" for number in range(5)), *(f"n{number}" for number in range(20))]
    )


def test_a_fault_in_a_pause_keeps_no_delivery_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, counted = filled(tmp_path)
    audit = Audit(lambda _: DeliveryError("down", again=True) if audit.calls == 1 else None)

    def breaks() -> None:
        raise RuntimeError

    monkeypatch.setattr(kept, "gather", breaks)
    ships = Shipper(kept, audit, Sender("c", "r"), counted, Pace(0.01, 0.3, 0.3))
    ships.start()
    until(lambda: len(audit.kept) == 5)
    monkeypatch.undo()
    ships.leave(2)


def test_what_is_refused_is_counted_once(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    for number in range(4):
        kept.keep([record(f"w{number}")], f"d{number}", time.time())

    def refuses(batch: Sequence[Waiting]) -> DeliveryError | None:
        made = {decision for one in batch for decision, _ in one.decisions}
        if made == {"d3"} and audit.calls < 20:
            return DeliveryError("down", again=True)
        return DeliveryError("wrong", again=False) if "d0" in made else None

    audit = Audit(refuses)
    ships = shipper(kept, audit, counted)
    ships.start()
    until(lambda: "d3" in audit.kept)
    ships.leave(2)
    assert set(audit.kept) == {"d1", "d2", "d3"}
    assert counted.losses == {Loss.REFUSED: 1}


def test_whoever_is_killed_and_whenever_nothing_is_lost(tmp_path: Path) -> None:
    folder, chance = tmp_path / "spool", random.Random()  # noqa: S311 - any

    def told() -> set[str]:
        files = tmp_path.glob("*.told")
        return {line for path in files for line in path.read_text("ascii").split("\n") if line}

    with Writers(folder, "deliver") as writers:
        for _ in range(25):
            time.sleep(chance.random() * 0.4)
            writers.replace(chance.randrange(3))
        # On a busy machine they were killed before they had begun: those who are there now begin.
        until(lambda: len(told()) > 100)
        acknowledged = writers.acknowledged()
    left, counted = outbox(folder)
    left.begin()
    left.gather()
    assert acknowledged <= told() | set(ids(left.spool))
    assert counted.total_losses() == 0
