"""So many a second and a few at once, for whoever asks."""

import pytest

from webhook.cluster.bucket import Bucket


class Slept:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def bucket(self, per_second: float, burst: int) -> Bucket:
        return Bucket(per_second, burst, lambda: self.now, self.sleep)


def test_a_few_at_once_and_then_one_by_one() -> None:
    time = Slept()
    bucket = time.bucket(10.0, 3)
    for _ in range(3):
        bucket.take()
    assert time.waits == []
    for _ in range(20):
        bucket.take()
    assert sum(time.waits) == pytest.approx(2.0)


def test_those_who_wait_at_once_wait_each_for_their_own_turn() -> None:
    waits: list[float] = []
    bucket = Bucket(2.0, 1, lambda: 100.0, waits.append)
    for _ in range(4):
        bucket.take()
    assert waits == [0.5, 1.0, 1.5]


def test_rest_fills_it_up_to_the_burst() -> None:
    time = Slept()
    bucket = time.bucket(10.0, 3)
    for _ in range(2):
        time.now += 1000
        for _ in range(3):
            bucket.take()
    assert time.waits == []
    bucket.take()
    assert time.waits == [pytest.approx(0.1)]
