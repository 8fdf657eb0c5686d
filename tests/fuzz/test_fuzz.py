"""What `make fuzz` does for longer: each target for two seconds, always with the same inputs."""

import sys

import pytest

from tests.fuzz.plain import fuzz
from tests.fuzz.registry import NAMES, load
from tests.fuzz.seeds import corpus

SECONDS = 2.0


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_comes_by_chance_breaks_a_law(name: str) -> None:
    watched = fuzz(name, SECONDS)
    assert not watched.found, "\n".join(watched.found.values())
    assert watched.count > 100


@pytest.mark.parametrize("name", NAMES)
def test_targets_say_what_is_held(name: str) -> None:
    target = load(name)
    assert sys.modules[f"tests.fuzz.targets.{name}"].__doc__
    assert target.share > 0
    assert all(corpus(name))
