"""What all unit tests need."""

import threading
from collections.abc import Iterator

import pytest

_ENDS_WITHIN_SECONDS = 5.0


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    """Wait for them: what they log would be told in the midst of another test.

    Made before all other fixtures, this one ends after them, with the servers closed that threads
    ask. Those that nobody stopped are given up, since servers of other scopes have some.
    """
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name == "events" or thread.name.startswith("watch "):
            thread.join(_ENDS_WITHIN_SECONDS)
