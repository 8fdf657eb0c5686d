"""Which workload is looked at next: each once, by one worker, after its pause."""

import threading
import time

import pytest

from tests.unit.cluster.states import wait_until
from tests.unit.controller.leases import Time
from webhook.controller.queue import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    WorkQueue,
    pause_seconds,
)


@pytest.fixture(name="clock")
def a_clock() -> Time:
    return Time()


@pytest.fixture
def queue(clock: Time) -> WorkQueue[str]:
    return WorkQueue(clock, jitter=lambda: 0.0)


def due(queue: WorkQueue[str]) -> list[str]:
    """Everything that is due now, taken."""
    found = []
    while (wait := queue._until_next()) is not None and wait <= 0:
        key = queue.get()
        assert key is not None
        found.append(key)
    return found


def test_a_key_is_given_out_once(queue: WorkQueue[str]) -> None:
    queue.add(["a", "b", "a"])
    queue.add(["a"])
    assert len(queue) == 2
    assert due(queue) == ["a", "b"]
    assert len(queue) == 0


def test_what_is_due_first_comes_first(queue: WorkQueue[str], clock: Time) -> None:
    queue.add(["late"], 5.0)
    queue.add(["soon"], 1.0)
    queue.add(["now"])
    assert due(queue) == ["now"]
    clock.seconds = 1.0
    assert due(queue) == ["soon"]
    clock.seconds = 4.9
    assert due(queue) == []
    clock.seconds = 5.0
    assert due(queue) == ["late"]


def test_the_sooner_of_two_moments_holds(queue: WorkQueue[str], clock: Time) -> None:
    queue.add(["a"], 5.0)
    queue.add(["a"], 1.0)
    queue.add(["a"], 3.0)
    clock.seconds = 1.0
    assert due(queue) == ["a"]
    queue.done("a")
    clock.seconds = 10.0
    assert due(queue) == [], "the later ones were the same"


def test_a_key_that_is_worked_on_comes_again_once_that_is_done(queue: WorkQueue[str]) -> None:
    queue.add(["a", "b"])
    assert queue.get() == "a"
    queue.add(["a"])
    assert due(queue) == ["b"]
    assert len(queue) == 1
    queue.done("a")
    assert due(queue) == ["a"]


def test_a_failure_comes_again_after_a_growing_pause(queue: WorkQueue[str], clock: Time) -> None:
    queue.add(["a"])
    for pause in (0.5, 1, 2, 4, 8):
        assert due(queue) == ["a"]
        queue.done("a", failed=True)
        clock.seconds += pause - 0.01
        assert due(queue) == []
        clock.seconds += 0.01
    assert due(queue) == ["a"]
    queue.done("a")
    queue.add(["a"])
    assert due(queue) == ["a"]
    queue.done("a", failed=True)
    clock.seconds += 0.5
    assert due(queue) == ["a"], "after a success it begins anew"


def test_pauses_have_a_limit_and_are_spread() -> None:
    assert pause_seconds(1, lambda: 0.0) == FIRST_PAUSE_SECONDS
    assert pause_seconds(5000, lambda: 0.0) == LONGEST_PAUSE_SECONDS
    assert pause_seconds(5000, lambda: 1.0) == LONGEST_PAUSE_SECONDS / 2


@pytest.mark.parametrize(("asked", "pause"), [(30.0, 30.0), (0.1, 0.5), (86400.0, 300.0)])
def test_a_pause_that_the_server_asks_for_is_kept_within_reason(
    queue: WorkQueue[str], clock: Time, asked: float, pause: float
) -> None:
    queue.add(["a"])
    queue.get()
    queue.done("a", failed=True, after_seconds=asked)
    clock.seconds = pause - 0.01
    assert due(queue) == []
    clock.seconds = pause
    assert due(queue) == ["a"]


def test_what_happens_ends_a_pause(queue: WorkQueue[str], clock: Time) -> None:
    queue.add(["a"])
    queue.get()
    queue.done("a", failed=True, after_seconds=60.0)
    queue.add(["a"], 0.1)
    clock.seconds = 0.1
    assert due(queue) == ["a"]


def test_clear_forgets_what_waits_but_not_who_works(queue: WorkQueue[str]) -> None:
    queue.add(["a", "b"])
    assert queue.get() == "a"
    queue.clear()
    assert len(queue) == 0
    queue.add(["a"])
    assert due(queue) == [], "somebody still has it"
    queue.done("a")
    assert due(queue) == ["a"]


def test_close_lets_everybody_go() -> None:
    queue: WorkQueue[str] = WorkQueue()
    got: list[str | None] = []
    waiting = [threading.Thread(target=lambda: got.append(queue.get())) for _ in range(3)]
    for thread in waiting:
        thread.start()
    queue.add(["a"], 60.0)
    queue.close()
    for thread in waiting:
        thread.join(5)
    assert got == [None] * 3
    queue.add(["b"])
    assert queue.get() is None


class Changing:
    """Keys that change while six workers look at them; some looks fail."""

    def __init__(self) -> None:
        self.queue: WorkQueue[int] = WorkQueue(jitter=lambda: 1.0)
        self.lock = threading.Lock()
        self.busy: set[int] = set()
        self.both: set[int] = set()
        self.looks = 0
        self.failing = set(range(0, 50, 10))
        self.version = dict.fromkeys(range(50), 0)
        self.seen: dict[int, int] = {}

    def work(self) -> None:
        while (key := self.queue.get()) is not None:
            self.queue.done(key, failed=self._look(key))

    def _look(self, key: int) -> bool:
        with self.lock:
            self.both |= self.busy & {key}
            self.busy.add(key)
            self.looks += 1
            now, fails = self.version[key], key in self.failing
            self.failing.discard(key)
        time.sleep(0.0005)
        with self.lock:
            self.busy.discard(key)
            if not fails:
                self.seen[key] = now
        return fails

    def change(self, first: int) -> None:
        for turn in range(20):
            for key in range(first, 50, 2):
                with self.lock:
                    self.version[key] += 1
                self.queue.add([key], 0.001 * (turn % 2))


def test_many_threads_look_at_each_key_one_at_a_time_and_lose_none() -> None:
    changing = Changing()
    threads = [threading.Thread(target=changing.work) for _ in range(6)]
    threads += [threading.Thread(target=changing.change, args=(first,)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    threads[-1].join(20)
    threads[-2].join(20)
    wait_until(lambda: changing.seen == changing.version)
    changing.queue.close()
    for thread in threads:
        thread.join(5)
    assert not changing.both
    assert changing.looks <= 50 * 20 + 5


def test_who_waits_no_longer_gets_none() -> None:
    queue: WorkQueue[str] = WorkQueue()
    begun = time.monotonic()
    assert queue.get(0.05) is None
    queue.add(["later"], 0.2)
    assert queue.get(0.05) is None
    assert 0.1 <= time.monotonic() - begun < 5.0
    assert queue.get(5.0) == "later"
    assert queue.get(0.0) is None
