import gc
import threading
from collections.abc import Iterator

import pytest

from webhook.serving import settling
from webhook.serving.settling import settle


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


class Readiness:
    """Says that it is not ready until told otherwise."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.ready = threading.Event()

    def __call__(self) -> bool:
        self.asked.release()
        return self.ready.is_set()


def test_what_is_there_once_it_is_ready_is_not_gone_through_any_more() -> None:
    readiness, there = Readiness(), [[number] for number in range(10)]
    thread = settle(readiness)
    assert readiness.asked.acquire(timeout=10)
    assert gc.get_freeze_count() == 0
    readiness.ready.set()
    thread.join(10)
    # What is frozen is in no generation.
    followed = {id(one) for one in gc.get_objects()}
    assert not {id(one) for one in there} & followed
    assert gc.get_freeze_count() >= len(there)
    later = [0]
    assert any(one is later for one in gc.get_objects())


def test_nothing_is_collected_while_it_lists() -> None:
    readiness = Readiness()
    thread = settle(readiness)
    assert readiness.asked.acquire(timeout=10)
    assert not gc.isenabled()
    readiness.ready.set()
    thread.join(10)
    assert gc.isenabled()


def test_who_does_not_get_ready_collects_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_LISTING_SECONDS", 0.0)
    readiness = Readiness()
    thread = settle(readiness)
    assert all(readiness.asked.acquire(timeout=10) for _ in range(2))
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    readiness.ready.set()
    thread.join(10)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_fault_of_who_is_asked_leaves_collections_on() -> None:
    def fault() -> bool:
        raise ValueError("not to be asked")

    settle(fault).join(10)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
