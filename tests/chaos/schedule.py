"""What is disturbed when: drawn from a seed, so that a run can be had again."""

import random
from collections.abc import Iterator
from typing import NamedTuple

KILL_EVERY_SECONDS = 20.0

_CYCLE_SECONDS = 120.0
_FAULTS = (
    "API server",
    "etcd",
    "PostgreSQL",
    "OPA",
    "leaf",
    "authority",
    "configuration",
    "rules",
    "broken configuration",
    "broken rules",
)

# A minute has no room for chance: in this order each is over when the next one begins.
_BRIEFLY = (
    (0.02, "leaf"),
    (0.05, "a webhook"),
    (0.15, "API server"),
    (0.42, "engine opa"),
    (0.50, "PostgreSQL"),
    (0.55, "OPA"),
    (0.70, "etcd"),
    (0.71, "broken configuration"),
    (0.94, "both webhooks"),
)


class Due(NamedTuple):
    """A fault and when it begins."""

    at_seconds: float
    fault: str


def schedule(seconds: float, seed: int) -> list[Due]:
    """Draw the faults of a run.

    One webhook is killed again and again, whatever else happens; the other one only with it, at the
    begin of each half, so that its memory is that of a long life. In the second half the rules are
    those of OPA. All else comes once in each cycle, in any order.
    """
    if seconds < _CYCLE_SECONDS:
        return [Due(part * seconds, fault) for part, fault in _BRIEFLY]
    chance = random.Random(seed)  # noqa: S311 - to be had again
    return sorted([*_fixed(seconds), *_drawn(seconds, chance)])


def _fixed(seconds: float) -> Iterator[Due]:
    yield Due(0.02 * seconds, "both webhooks")
    yield Due(0.5 * seconds, "engine opa")
    yield Due(0.54 * seconds, "both webhooks")
    at = KILL_EVERY_SECONDS
    while at < seconds - 5:
        yield Due(at, "a webhook")
        at += KILL_EVERY_SECONDS


def _drawn(seconds: float, chance: random.Random) -> Iterator[Due]:
    cycles = max(1, round(seconds / _CYCLE_SECONDS))
    length = 0.9 * seconds / cycles
    step = length / len(_FAULTS)
    for cycle in range(cycles):
        first = 0.06 * seconds + cycle * length
        for number, fault in enumerate(chance.sample(_FAULTS, len(_FAULTS))):
            yield Due(first + (number + chance.random() / 2) * step, fault)
