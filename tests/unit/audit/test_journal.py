"""What is in a journal gets into the spool: once, and whatever becomes of who wrote it."""

import errno
import fcntl
import json
import os
import resource
import shutil
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.audit.batches import record
from tests.unit.audit.spooling import Writers, append, ids, outbox, taken
from webhook.audit import journal
from webhook.audit import outbox as outboxes
from webhook.audit.losses import Loss
from webhook.core.record import RecordKind

ROOT = Path(__file__).resolve().parents[3]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


def test_what_is_kept_is_there_when_it_is_gathered(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path / "not" / "there")
    assert kept.keep([record("a"), record("b", kind=RecordKind.WARNING)], "d1", 1.5)
    assert kept.keep([], "d2", 2.0)
    assert kept.keep([record("a", message="newer")], "d3", 2.5)
    assert taken(kept.spool, 9) == []
    kept.gather()
    first, second = taken(kept.spool, 9)
    assert first.decisions == (("d1", 1.5), ("d3", 2.5))
    assert "newer" in first.body
    assert second.decisions == (("d1", 1.5),)
    assert counted.kinds == {RecordKind.DENIAL: 2, RecordKind.WARNING: 1}
    assert counted.repeats == 1
    kept.gather()
    assert sorted(ids(kept.spool)) == ["d1", "d1", "d3"]


def test_files_go_when_their_process_has_done_with_them(tmp_path: Path) -> None:
    kept, _ = outbox(tmp_path)
    other, _ = outbox(tmp_path)
    kept.keep([record("a")], "d1", 1.0)
    other.gather()
    assert len(files(tmp_path)) == 1, "it is written to"
    kept.keep([record("b")], "d2", 2.0)
    kept.close()
    other.gather()
    assert files(tmp_path) == []
    assert ids(other.spool) == ["d1", "d2"]


def test_a_file_that_is_large_is_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_FILE_BYTES", 5000)
    kept, counted = outbox(tmp_path)
    for number in range(200):
        assert kept.keep([record(f"w{number}")], f"d{number}", 1.0)
        if number % 7 == 0:
            kept.gather()
            assert len(files(tmp_path)) == 1
    kept.gather()
    assert ids(kept.spool) == [f"d{number}" for number in range(200)]
    assert counted.total_losses() == 0


def test_where_nobody_gathers_the_spool_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_FILE_BYTES", 2000)
    kept, counted = outbox(tmp_path)
    for number in range(50):
        assert kept.keep([record(f"w{number}")], f"d{number}", 1.0)
    assert len(files(tmp_path)) == journal._MOST_FILES
    assert 0 < len(ids(kept.spool)) < 50
    kept.gather()
    assert sorted(ids(kept.spool)) == sorted(f"d{number}" for number in range(50))
    assert kept.keep([record("again")], "again", 1.0)
    assert "again" not in ids(kept.spool), "it is a journal's once more"
    assert counted.total_losses() == 0


def test_lines_longer_than_a_chunk_are_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outboxes, "_CHUNK_BYTES", 100)
    kept, _ = outbox(tmp_path)
    for number in range(5):
        kept.keep([record(f"w{number}")], f"d{number}", 1.0)
    kept.gather()
    assert ids(kept.spool) == [f"d{number}" for number in range(5)]


def test_a_line_that_nobody_ended_was_never_kept(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    kept.keep([record("a")], "d1", 1.0)
    kept.close()
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes() + b'[["half')
    kept.gather()
    assert ids(kept.spool) == ["d1"]
    assert files(tmp_path) == []
    assert counted.total_losses() == 0


def test_a_damaged_line_is_left_out_and_counted(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    kept.keep([record("a")], "d1", 1.0)
    kept.close()
    (path,) = files(tmp_path)
    path.write_bytes(b"\xff no line\n" + path.read_bytes() + b'[["a"]]\n')
    kept.gather()
    assert ids(kept.spool) == ["d1"]
    assert counted.losses == {Loss.CORRUPT: 2}


def test_a_spool_that_cannot_be_written_is_told_again(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    append(kept.spool, [record()], "d1", 1.0)
    kept.keep([record()], "d2", 2.0)
    with closing(sqlite3.connect(tmp_path / "spool-1.db", isolation_level=None)) as hangs:
        hangs.execute("BEGIN IMMEDIATE")
        kept.gather()
        assert ids(kept.spool) == ["d1"]
        hangs.execute("ROLLBACK")
    kept.gather()
    assert ids(kept.spool) == ["d1", "d2"]
    assert counted.total_losses() == 0


def test_who_is_next_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    kept, _ = outbox(tmp_path)
    kept.keep([record("a")], "d1", 1.0)
    delivered = kept.fresh()
    assert delivered is not None
    kept.passed(delivered)
    kept.keep([record("b")], "d2", 2.0)
    after, _ = outbox(tmp_path)  # the other one was ended by a SIGKILL
    after.begin()
    fresh = after.fresh()
    assert fresh is not None
    assert [one.decisions for one in fresh.batch] == [(("d2", 2.0),)]
    assert not after.has_much()
    after.gather()
    assert ids(after.spool) == ["d2"]
    offsets = json.loads((tmp_path / "offsets").read_bytes())
    kept.close()
    after.gather()
    assert list(offsets) == [path.name for path in tmp_path.glob("*.journal")] or not files(
        tmp_path
    )
    kept.keep([record("c")], "d3", 3.0)
    after.gather()
    assert set(json.loads((tmp_path / "offsets").read_bytes())).isdisjoint(offsets)


@pytest.mark.parametrize("offset", [None, -1, 10**9, "x", {}])
def test_an_offset_that_cannot_be_right_is_not_believed(tmp_path: Path, offset: object) -> None:
    kept, _ = outbox(tmp_path)
    kept.keep([record("a")], "d1", 1.0)
    (path,) = files(tmp_path)
    (tmp_path / "offsets").write_text(json.dumps({path.name: offset}))
    after, _ = outbox(tmp_path)
    after.begin()
    after.gather()
    assert ids(after.spool) == ["d1"]


def test_what_is_met_again_is_known(tmp_path: Path) -> None:
    kept, _ = outbox(tmp_path)
    kept.keep([record()], "d1", 1.0)
    kept.gather()
    (tmp_path / "offsets").unlink()  # as after a SIGKILL between the spool and this
    again, counted = outbox(tmp_path)
    again.begin()
    again.gather()
    assert ids(again.spool) == ["d1"]
    assert counted.repeats == 0


def test_where_offsets_cannot_be_written_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "offsets").mkdir()
    kept, counted = outbox(tmp_path)
    for number in range(3):
        kept.keep([record()], f"d{number}", 1.0)
        fresh = kept.fresh()
        assert fresh is not None
        assert [one.decisions for one in fresh.batch] == [((f"d{number}", 1.0),)]
        kept.passed(fresh)
    assert counted.total_losses() == 0


def test_offsets_are_written_once_there_is_room(tmp_path: Path) -> None:
    (tmp_path / "offsets").mkdir()
    kept, _ = outbox(tmp_path)
    kept.keep([record()], "d1", 1.0)
    kept.gather()
    (tmp_path / "offsets").rmdir()
    kept.gather()
    assert (tmp_path / "offsets").is_file()


def test_what_got_no_name_is_removed_by_whoever_delivers_next(tmp_path: Path) -> None:
    left, fresh = tmp_path / "1-1.new", tmp_path / "2-2.new"
    for path in (left, fresh):
        path.touch()
    os.utime(left, (1.0, 1.0))
    outbox(tmp_path)[0].begin()
    assert (left.exists(), fresh.exists()) == (False, True)


def test_processes_that_ended_leave_no_more_than_so_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_MOST_FILES_OF_ALL", 3)
    for number in range(3):
        (tmp_path / f"{number}-{number}.journal").touch()
    kept, _ = outbox(tmp_path)
    assert kept.keep([record()], "d1", 1.0)
    assert ids(kept.spool) == ["d1"]
    kept.gather()
    assert files(tmp_path) == []


def test_a_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    kept, counted = outbox(folder)
    append(kept.spool, [record("s")], "s1", 1.0)
    kept.keep([record("a")], "d1", 1.0)
    assert ids(kept.spool) == ["s1"]
    shutil.rmtree(folder)
    assert kept.keep([record("b")], "d2", 2.0)
    other, _ = outbox(folder)
    other.gather()
    assert append(kept.spool, [record("s")], "s2", 2.0)
    assert ids(kept.spool) == ids(other.spool) == ["d2", "s2"]
    assert counted.total_losses() == 0


def test_half_a_line_that_cannot_be_cut_off_has_nothing_written_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, counted = outbox(tmp_path)
    kept.keep([record("a")], "d1", 1.0)
    append(kept.spool, [record("there")], "there", 1.0)  # the spool is made while there is room

    def refuses(_file: int, _size: int) -> None:
        raise OSError(errno.EIO, "no")

    (path,) = files(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 400, hard))
    try:
        with monkeypatch.context() as broken:
            broken.setattr(os, "ftruncate", refuses)
            kept.keep([record("b")], "d2", 2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept.keep([record("c")], "d3", 3.0)
    assert len(files(tmp_path)) == 2
    kept.gather()
    assert ids(kept.spool) == ["there", "d1", "d3"]
    assert counted.losses == {Loss.UNWRITABLE: 1}, "the second, which nobody was told is there"


def test_a_file_that_gets_no_name_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuses)
    kept, _ = outbox(tmp_path)
    assert kept.keep([record("a")], "d1", 1.0), "the spool takes it"
    assert list(tmp_path.glob("*.new")) == files(tmp_path) == []


def test_a_full_disk_leaves_no_half_lines(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    assert kept.keep([record("first")], "first", 1.0)
    append(kept.spool, [record("there")], "there", 1.0)  # the spool is made while there is room
    (path,) = files(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow beyond this: the journal has room for half a line.
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 400, hard))
    try:
        assert not kept.keep([record("second")], "second", 2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert counted.losses == {Loss.UNWRITABLE: 1}
    assert kept.keep([record("third")], "third", 3.0)
    kept.gather()
    assert sorted(ids(kept.spool)) == ["first", "there", "third"]
    assert counted.total_losses() == 1


def test_a_folder_that_cannot_be_made_delays_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    kept, counted = outbox(tmp_path / "file")
    begun = time.perf_counter()
    for number in range(200):
        assert not kept.keep([record()], f"d{number}", 1.0)
    kept.gather()
    assert time.perf_counter() - begun < 1
    assert counted.losses == {Loss.UNWRITABLE: 200}


def test_threads_take_turns_while_another_process_gathers(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    gathering, _ = outbox(tmp_path)

    def keep(name: int) -> None:
        for number in range(200):
            assert kept.keep([record(f"w{number}")], f"{name}-{number}", 1.0)

    threads = [threading.Thread(target=keep, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        gathering.gather()
    for thread in threads:
        thread.join()
    gathering.gather()
    assert len(set(ids(kept.spool))) == len(ids(kept.spool)) == 1600
    assert counted.total_losses() == 0


def test_what_was_acknowledged_outlives_a_sigkill(tmp_path: Path) -> None:
    with Writers(tmp_path, "keep") as writers:
        kept, counted = outbox(tmp_path)
        deadline = time.monotonic() + 60
        while (filled := kept.spool.filled()) is None or filled.rows < 300:
            assert time.monotonic() < deadline
            time.sleep(0.02)
            kept.gather()
        acknowledged = writers.acknowledged()
    deadline = time.monotonic() + 60
    while files(tmp_path):
        assert time.monotonic() < deadline
        kept.gather()
    there = ids(kept.spool)
    assert acknowledged <= set(there)
    # One that is written and not yet told of may be there too: each writer has at most one.
    assert len(set(there) - acknowledged) <= 3
    assert max(Counter(there).values()) == 1
    assert files(tmp_path) == []
    assert counted.total_losses() == 0


def test_two_that_gather_take_nothing_twice(tmp_path: Path) -> None:
    kept, _ = outbox(tmp_path)
    for number in range(300):
        kept.keep([record(f"w{number % 9}")], f"d{number}", 1.0)
    kept.close()
    gathering = [outbox(tmp_path)[0] for _ in range(2)]
    threads = [threading.Thread(target=one.gather) for one in gathering]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(kept.spool)) == sorted(f"d{number}" for number in range(300))
    assert files(tmp_path) == []


def test_what_is_fresh_is_delivered_before_the_spool_has_it(tmp_path: Path) -> None:
    kept, counted = outbox(tmp_path)
    for decision, seen, said in (("d1", 1.0, "one"), ("d2", 3.0, "three"), ("d3", 2.0, "two")):
        kept.keep([record("a", message=said), record("b")], decision, seen)
    kept.keep([record("b")], "d3", 2.0)  # the same review, asked again
    fresh = kept.fresh()
    assert fresh is not None
    first, second = fresh.batch
    assert first.decisions == second.decisions == (("d1", 1.0), ("d2", 3.0), ("d3", 2.0))
    assert "three" in first.body
    again = kept.fresh()
    assert again is not None
    assert again.batch == fresh.batch, "nobody has said that it was delivered"
    kept.keep([record("c")], "d4", 4.0)
    kept.passed(fresh)
    assert counted.repeats == 4
    (left,) = (kept.fresh() or fresh).batch
    assert left.decisions == (("d4", 4.0),)
    assert ids(kept.spool) == []


def test_what_is_older_goes_first(tmp_path: Path) -> None:
    kept, _ = outbox(tmp_path)
    append(kept.spool, [record("old")], "old", 1.0)
    kept.keep([record("new")], "new", 2.0)
    kept.gather()
    assert ids(kept.spool) == ["old", "new"]


def test_a_spool_that_cannot_be_opened_keeps_nothing_back(tmp_path: Path) -> None:
    (tmp_path / "spool-1.db").mkdir()
    kept, counted = outbox(tmp_path)
    assert kept.keep([record()], "d1", 1.0)
    kept.gather()
    assert kept.spool.filled() is None
    fresh = kept.fresh()
    assert fresh is not None
    kept.passed(fresh)
    assert kept.fresh() is None
    assert counted.kinds == {RecordKind.DENIAL: 1}
    assert counted.total_losses() == 0
