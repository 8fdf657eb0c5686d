"""What is fuzzed: a function that takes an input, and what inputs look like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tests.fuzz.mutation import Prepare


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One property, held against inputs nobody thought of.

    `run` raises for whatever must not be: an exception that is not documented, an answer that
    breaks a law. That it ends in time and keeps nothing is watched from outside (`watched.py`).
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    """Inputs to begin with, the files in corpus/ beside them."""
    mutate: Prepare
    made_once: Callable[[], object] | None = None
    """Makes what the first execution would make for all others: that one is not slow for it."""
    share: int
    """How many of 10,000 executions are of this one: the dearer an execution, the fewer."""


def encoded(value: Any) -> bytes:
    return msgspec.json.encode(value)
