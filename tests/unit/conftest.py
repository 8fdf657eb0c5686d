"""What all unit tests need."""

import threading
import time
from collections.abc import Iterator

import pytest

_ENDS_WITHIN_SECONDS = 5.0


@pytest.fixture(autouse=True)
def threads_end_with_their_test() -> Iterator[None]:
    """Wait for those that log: it would be told in the midst of another test.

    Made before all other fixtures, this one ends after them, with the servers closed that threads
    ask. Those that nobody stopped are given up.
    """
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _ENDS_WITHIN_SECONDS
    for thread in set(threading.enumerate()) - before:
        if thread.name == "events" or thread.name.startswith("watch "):
            thread.join(max(0.0, deadline - time.monotonic()))
