"""All targets by their names."""

import importlib
from pathlib import Path

from tests.fuzz.seeds import corpus
from tests.fuzz.target import Target

NAMES = sorted(path.stem for path in (Path(__file__).parent / "targets").glob("*.py"))


def load(name: str) -> Target:
    """Import a target; each imports no more than what it is about."""
    target: Target = importlib.import_module(f"tests.fuzz.targets.{name}").TARGET
    return target


def inputs(name: str, target: Target, most_seeds: int | None = None) -> list[bytes]:
    """What fuzzing of a target begins with: all that was kept, and seeds or some of each sort."""
    seeds = target.seeds()
    step = max(len(seeds) // most_seeds, 1) if most_seeds else 1
    return [*corpus(name), *seeds[::step]]
