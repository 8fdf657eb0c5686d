"""Fuzz without a fuzzer: inputs by chance, the same ones with the same seed."""

import time
from random import Random

from tests.fuzz.registry import inputs, load
from tests.fuzz.watched import Watched

# Of what came of an input, another may come; the first ones are never forgotten.
_MOST_KEPT = 500
_MOST_SEEDS = 100


def fuzz(name: str, seconds: float, seed: int = 0) -> Watched:
    """Run inputs that a target begins with, then what is made of them, for some seconds."""
    target, random = load(name), Random(seed)  # noqa: S311 - it is repeated, not secret
    given = inputs(name, target, most_seeds=_MOST_SEEDS)
    mutate, kept = target.mutate(given), list(given)
    with Watched(name, target) as watched:
        for one in given:
            watched.execute(one)
        watched.begun = time.monotonic()
        while watched.seconds < seconds:
            made = mutate(random.choice(kept), random)
            watched.execute(made)
            watched.look()
            if len(kept) < len(given) + _MOST_KEPT:
                kept.append(made)
            else:
                kept[random.randrange(len(given), len(kept))] = made
    return watched
