"""The spool keeps what it acknowledged, within its bounds, and is in nobody's way."""

import json
import sqlite3
import statistics
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.audit.batches import owned, record
from tests.unit.audit.spooling import Counted, Writers, append, ids, spool, taken
from webhook.audit.delivered import read_delivery
from webhook.audit.entry import entries_of
from webhook.audit.losses import Loss
from webhook.audit.spool import Bounds, Spool, Waiting
from webhook.audit.spool_file import BUSY_SECONDS, DamageError
from webhook.core.record import RecordKind

ROOT = Path(__file__).resolve().parents[3]


def test_what_is_appended_waits_until_it_is_done(tmp_path: Path) -> None:
    kept, counted = spool(tmp_path / "not" / "there")
    assert append(kept, [record("a"), record("b")], "d1", 1.5)
    assert append(kept, [record("c", kind=RecordKind.WARNING)], "d2", 2.5)
    first, second, third = taken(kept, 9)
    assert json.loads(first.body) == record("a").as_json()
    assert (first.decisions, second.decisions) == ((("d1", 1.5),), (("d1", 1.5),))
    assert taken(kept, 9) == [first, second, third]
    assert taken(kept, 1) == [first]
    assert taken(kept, 9, most_bytes=1) == [first]
    listed = [
        {"record": json.loads(one.body), "decisions": list(map(list, one.decisions))}
        for one in (first,)
    ]
    assert read_delivery({"records": listed}).records[0].record == record("a")
    kept.done([first, third])
    assert taken(kept, 9) == [second]
    kept.done([second])
    filled = kept.filled()
    assert filled is not None
    assert filled == (0, 0, None)
    assert counted.total_losses() == 0


def test_repeats_are_one_record_with_the_newest_message(tmp_path: Path) -> None:
    kept, counted = spool(tmp_path)
    for number, seen in enumerate((5.0, 9.0, 7.0)):
        assert append(kept, [record(message=f"at {seen}")], f"d{number}", seen)
    assert append(kept, [record(message="again")], "d1", 9.0)  # the same review, asked again
    (one,) = taken(kept, 9)
    assert one.decisions == (("d0", 5.0), ("d1", 9.0), ("d2", 7.0))
    assert json.loads(one.body)["message"] == "at 9.0"
    assert counted.repeats == 2


def test_five_thousand_pods_of_a_deployment_are_one_record(tmp_path: Path) -> None:
    kept, _ = spool(tmp_path)
    for number in range(5000):
        append(kept, [owned(f"web-{number}", "web")], f"d{number}", float(number))
    (one,) = taken(kept, 10_000)
    assert len(one.decisions) == 5000


def test_what_comes_while_a_batch_is_delivered_is_not_done_with_it(tmp_path: Path) -> None:
    kept, _ = spool(tmp_path)
    append(kept, [record()], "d1", 1.0)
    first = taken(kept, 9)
    append(kept, [record()], "d2", 2.0)
    kept.done(first)
    assert ids(kept) == ["d2"]
    kept.done(first)  # numbers are never given twice
    assert ids(kept) == ["d2"]


@pytest.mark.parametrize("bounds", [Bounds(rows=40), Bounds(bytes=20_000)])
def test_who_makes_noise_never_pushes_out_who_is_quiet(tmp_path: Path, bounds: Bounds) -> None:
    kept, counted = spool(tmp_path, bounds)
    for number in range(3):
        assert append(kept, [record(f"q{number}", user="quiet")], f"q{number}", 1.0)
    for number in range(200):
        append(kept, [record(f"n{number}", user="noisy")], f"n{number}", 2.0)
    assert append(kept, [record("late", user="quiet")], "late", 3.0)
    there = ids(kept)
    assert {"q0", "q1", "q2", "late"} <= set(there)
    noisy = [one for one in there if one.startswith("n")]
    assert noisy == [f"n{number}" for number in range(len(noisy))]  # the newest gave way
    assert noisy
    assert counted.losses == {Loss.FULL: 200 - len(noisy)}
    assert append(kept, [record("n-more", user="noisy")], "n-more", 4.0) is False
    filled = kept.filled()
    assert filled is not None
    assert filled.rows <= bounds.rows
    assert filled.bytes <= bounds.bytes


def test_namespaces_of_one_user_have_shares_of_their_own(tmp_path: Path) -> None:
    kept, _ = spool(tmp_path, Bounds(rows=20))
    append(kept, [record("one", namespace="quiet", user="argocd")], "quiet", 1.0)
    for number in range(50):
        append(kept, [record(f"n{number}", namespace="busy", user="argocd")], f"n{number}", 2.0)
    assert "quiet" in ids(kept)


def test_the_weights_are_right_after_everything(tmp_path: Path) -> None:
    kept, _ = spool(tmp_path, Bounds(rows=60))
    for number in range(300):
        text = "x" * (number % 90)
        who = f"u{number % 5}"
        append(kept, [record(f"w{number % 11}", user=who, message=text)], f"d{number}", number % 17)
        if number % 40 == 0:
            kept.done(taken(kept, 7))
    with closing(sqlite3.connect(tmp_path / "spool-1.db")) as database:
        rows = database.execute("SELECT rows, bytes FROM shares WHERE share = ''").fetchone()
        real = database.execute(
            "SELECT (SELECT count(*) FROM decisions) + (SELECT count(*) FROM records),"
            " 160 * (SELECT count(*) FROM decisions) + (SELECT sum(bytes) FROM records)"
        ).fetchone()
        shares = database.execute(
            "SELECT sum(rows), sum(bytes) FROM shares WHERE share != ''"
        ).fetchone()
        orphans = database.execute(
            "SELECT count(*) FROM records WHERE fingerprint NOT IN"
            " (SELECT fingerprint FROM decisions)"
        ).fetchone()
    assert rows == real == shares
    assert orphans == (0,)


def test_who_delivers_reads_while_another_process_writes(tmp_path: Path) -> None:
    """It has to be in nobody's way, and nobody in its."""
    kept, _ = spool(tmp_path)
    append(kept, [record("a")], "d1", 1.0)
    with closing(sqlite3.connect(tmp_path / "spool-1.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert ids(kept) == ["d1"]
        filled = kept.filled()
        assert filled is not None
        assert (filled.rows, filled.oldest) == (2, 1.0)


def test_what_was_written_is_moved_into_the_file_behind_the_scenes(tmp_path: Path) -> None:
    kept, _ = spool(tmp_path)
    for number in range(50):
        append(kept, [record(f"w{number}")], f"d{number}", 1.0)
    before = (tmp_path / "spool-1.db").stat().st_size
    kept.tidy()
    assert (tmp_path / "spool-1.db").stat().st_size > before + 50_000


def test_bytes_are_those_of_the_text_as_it_is_written(tmp_path: Path) -> None:
    plain, wide = record("a", message="x" * 900), record("b", message="\N{SNOWMAN}" * 900)
    held = []
    for number, one in enumerate((plain, wide)):
        kept, _ = spool(tmp_path / str(number))
        append(kept, [one], "d", 1.0)
        filled = kept.filled()
        assert filled is not None
        held.append(filled.bytes)
    assert held[1] == held[0] + 2 * 900  # three bytes each


def test_threads_take_turns(tmp_path: Path) -> None:
    kept, counted = spool(tmp_path)

    def write(name: int) -> None:
        for number in range(100):
            append(kept, [record(f"w{number}")], f"{name}-{number}", 1.0)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids(kept))) == len(ids(kept)) == 800
    assert counted.total_losses() == 0


def test_what_was_acknowledged_outlives_a_sigkill(tmp_path: Path) -> None:
    with Writers(tmp_path, "append") as writers:
        kept, counted = spool(tmp_path)
        deadline = time.monotonic() + 60
        while (filled := kept.filled()) is None or filled.rows < 300:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        first = taken(kept, 50)
        kept.done(first)
        writers.kill(0)
        time.sleep(0.3)
        acknowledged = writers.acknowledged()
    there = [decision for one in first for decision, _ in one.decisions] + ids(kept)
    assert acknowledged <= set(there)
    # One that is written and not yet told of may be there too: each writer has at most one.
    assert len(set(there) - acknowledged) <= 3
    assert max(Counter(there).values()) == 1
    assert counted.total_losses() == 0


def test_a_damaged_file_is_set_aside_and_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "spool-1.db").write_bytes(b"this is no database at all" * 1000)
    kept, counted = spool(tmp_path)
    other, _ = spool(tmp_path)
    assert append(kept, [record()], "d1", 1.0)
    assert append(other, [record()], "d2", 2.0)
    assert sorted(ids(other)) == ["d1", "d2"]
    assert counted.losses == {Loss.CORRUPT: 1}
    assert (tmp_path / "spool-1.db").read_bytes().startswith(b"this is no")


def test_damage_while_it_is_open_is_met_by_all_processes(tmp_path: Path) -> None:
    kept, counted = spool(tmp_path)
    other, _ = spool(tmp_path)
    for number in range(200):
        append(kept, [record(f"w{number}")], f"old{number}", 1.0)
    append(other, [record()], "other", 1.0)
    kept.close()
    other.close()
    path = tmp_path / "spool-1.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    assert append(kept, [record()], "new1", 2.0)
    assert append(other, [record()], "new2", 3.0)
    assert sorted(ids(kept)) == sorted(ids(other)) == ["new1", "new2"]
    assert counted.losses == {Loss.CORRUPT: 1}


def test_a_full_disk_loses_what_does_not_fit_and_nothing_else(tmp_path: Path) -> None:
    kept, counted = spool(tmp_path)
    assert append(kept, [record("first")], "first", 1.0)
    database = kept._file._database
    assert database is not None
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    lost = [
        number
        for number in range(100)
        if not append(kept, [record(f"w{number}")], f"d{number}", 2.0)
    ]
    assert lost
    assert counted.losses == {Loss.UNWRITABLE: len(lost)}
    assert "first" in ids(kept)
    database.execute(f"PRAGMA max_page_count = {pages * 10}")
    assert append(kept, [record("later")], "later", 3.0)


def test_a_folder_that_cannot_be_made_delays_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    kept, counted = spool(tmp_path / "file")
    begun = time.perf_counter()
    for number in range(200):
        assert not append(kept, [record()], f"d{number}", 1.0)
    assert time.perf_counter() - begun < 1
    assert counted.losses == {Loss.UNWRITABLE: 200}
    assert kept.take(9) is None
    assert kept.filled() is None
    kept.done([Waiting("{}", (), (1,))])


def test_a_writer_that_hangs_is_waited_for_shortly(tmp_path: Path) -> None:
    kept, counted = spool(tmp_path)
    append(kept, [record()], "d1", 1.0)
    with closing(sqlite3.connect(tmp_path / "spool-1.db", isolation_level=None)) as hangs:
        hangs.execute("BEGIN IMMEDIATE")
        begun = time.perf_counter()
        assert not append(kept, [record()], "d2", 2.0)
        assert time.perf_counter() - begun < 2
        hangs.execute("ROLLBACK")
    assert counted.losses == {Loss.BUSY: 1}
    assert append(kept, [record()], "d3", 3.0)


def test_threads_wait_for_their_turn_together(tmp_path: Path) -> None:
    """One after the other they would wait longer than an API server does."""
    kept, counted = spool(tmp_path)
    append(kept, [record()], "d1", 1.0)
    waited: list[float] = []

    def write(number: int) -> None:
        begun = time.perf_counter()
        append(kept, [record()], f"t{number}", 2.0)
        waited.append(time.perf_counter() - begun)

    with closing(sqlite3.connect(tmp_path / "spool-1.db", isolation_level=None)) as hangs:
        hangs.execute("BEGIN IMMEDIATE")
        threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        hangs.execute("ROLLBACK")
    assert max(waited) < 16 * BUSY_SECONDS / 2
    assert counted.losses == {Loss.BUSY: 16}
    assert append(kept, [record()], "d2", 3.0)


def test_to_make_room_all_shares_are_looked_through_once(tmp_path: Path) -> None:
    kept, counted = spool(tmp_path, Bounds(rows=400))
    for number in range(200):
        append(kept, [record("web", user=f"u{number}")], f"d{number}", 1.0)
    entries = [
        one
        for number in range(50)
        for one in entries_of([record("web", user=f"n{number}")], f"n{number}", 2.0)
    ]
    database = kept._file._database
    assert database is not None
    said: list[str] = []
    database.set_trace_callback(said.append)
    assert kept.take_in(entries)
    database.set_trace_callback(None)
    assert sum("ORDER BY rows DESC" in one for one in said) == 1
    filled = kept.filled()
    assert filled is not None
    assert filled.rows == 400
    assert counted.losses == {Loss.FULL: 50}


def test_numbers_of_a_file_that_was_set_aside_are_nobodys(tmp_path: Path) -> None:
    kept, _ = spool(tmp_path)
    other, _ = spool(tmp_path)
    append(kept, [record("old")], "old", 1.0)
    delivered = taken(kept, 9)
    other.take(9)
    assert other._file.replace(sqlite3.DatabaseError("damaged")) is False
    assert other._file.replace(DamageError("by hand"))
    assert append(other, [record("new")], "new", 2.0)
    kept.done(delivered)
    assert ids(kept) == ids(other) == ["new"]


def append_seconds(folder: Path, count: int = 3000) -> list[float]:
    """How long appending takes: repeats among ten thousand that wait."""
    kept = Spool(folder, Counted())
    taken = []
    for number in range(count):
        one = [record(f"w{number % 500}")]
        begun = time.perf_counter()
        append(kept, one, f"d{number}", float(number))
        taken.append(time.perf_counter() - begun)
    return taken


if __name__ == "__main__":
    measured = append_seconds(Path(sys.argv[1]))
    median, p99 = statistics.median(measured), statistics.quantiles(measured, n=100)[98]
    print(f"append: median {median * 1e6:.0f} µs, p99 {p99 * 1e6:.0f} µs")
