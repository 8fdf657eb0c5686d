"""What watches the targets notices what it is there for."""

import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import msgspec
import pytest

from tests.fuzz import watched as module
from tests.fuzz.__main__ import grew, shares
from tests.fuzz.mutation import MOST_BYTES, by_pieces, by_structure
from tests.fuzz.registry import NAMES
from tests.fuzz.target import Target, encoded
from tests.fuzz.watched import Watched

SEEDS = [encoded({"a": [1, {"b": "c"}], "d": None}), encoded([{"kind": "Pod"}])]


def sometimes(data: bytes) -> None:
    if data == b"raises":
        raise KeyError("here")
    while data == b"hangs":
        pass


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watched:
    monkeypatch.setattr(module, "FOUND", tmp_path)
    target = Target(run=sometimes, seeds=lambda: SEEDS, mutate=by_structure, share=1)
    return Watched("mine", target)


def test_a_fault_is_kept_once_with_its_input(watching: Watched, tmp_path: Path) -> None:
    with watching:
        for data in (b"raises", b"fine", b"raises"):
            watching.execute(data)
    assert watching.count == 3
    (where,) = watching.found
    assert where.startswith("KeyError in ")
    kept = sorted((tmp_path / "mine").iterdir())
    assert [path.suffix for path in kept] == ["", ".traceback"]
    assert kept[0].read_bytes() == b"raises"
    assert "KeyError: 'here'" in kept[1].read_text("utf-8")


@pytest.mark.slow
def test_what_does_not_end_is_ended_and_the_next_one_follows(watching: Watched) -> None:
    with watching:
        for data in (b"hangs", b"fine"):
            watching.execute(data)
    assert watching.count == 2
    assert next(iter(watching.found)).startswith("TooSlow in ")


def test_what_is_made_once_makes_no_input_slow(watching: Watched) -> None:
    def busy() -> None:
        begun = time.thread_time()
        while time.thread_time() < begun + 0.2:
            pass

    once = cache(busy)
    target = replace(watching.target, run=lambda _: once(), made_once=once)
    with replace(watching, target=target) as ready:
        ready.execute(b"first")
    assert ready.slowest < 0.1


def test_what_is_kept_of_each_execution_shows_as_a_slope(watching: Watched) -> None:
    watching.memory = [(count, 50_000 + min(count, 5_000)) for count in range(0, 20_000, 100)]
    assert watching.slope() == 0
    watching.memory = [(count, 50_000 + count // 10) for count in range(0, 20_000, 100)]
    assert round(watching.slope()) == 100
    assert grew({"slope": watching.slope(), "executions": 1_000_000})
    assert not grew({"slope": watching.slope(), "executions": 1_000})
    assert not grew({"slope": 1.0, "executions": 1_000_000})


def test_documents_stay_documents_and_the_same_seed_makes_the_same() -> None:
    mutate = by_structure(SEEDS)
    made = [mutate(SEEDS[0], Random(number)) for number in range(2000)]  # noqa: S311 - it is repeated, not secret
    assert made == [mutate(SEEDS[0], Random(number)) for number in range(2000)]  # noqa: S311 - it is repeated, not secret
    assert len(set(made)) > 1000
    for one in made:
        msgspec.json.decode(one)


def test_texts_are_put_together_from_pieces() -> None:
    mutate = by_pieces(["needle"])(SEEDS)
    made = [mutate(SEEDS[0], Random(number)) for number in range(2000)]  # noqa: S311 - it is repeated, not secret
    assert sum(b"needle" in one for one in made) > 500
    assert max(map(len, made)) <= MOST_BYTES


def test_executions_are_shared_out() -> None:
    planned = shares(NAMES, 10_000_000)
    assert 0.99 * 10_000_000 < sum(planned.values()) <= 10_000_000
    assert min(planned.values()) >= 10_000
