"""How much memory processes take, and how that changes."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_FEWEST_SAMPLES = 4


class Sample(NamedTuple):
    """What a process and its children held at a moment."""

    at_seconds: float
    mebibytes: float


class Life(NamedTuple):
    """The memory of one process, from its start to its end."""

    name: str
    pid: int
    samples: list[Sample]

    @property
    def seconds(self) -> float:
        return self.samples[-1].at_seconds - self.samples[0].at_seconds

    def slope(self) -> float | None:
        """MiB a minute, by least squares over the second half; None where it lived too shortly.

        What it takes in the first half fills what is bounded: pools, caches, what is followed.
        """
        middle = self.samples[0].at_seconds + self.seconds / 2
        warm = [each for each in self.samples if each.at_seconds >= middle]
        if len(warm) < _FEWEST_SAMPLES:
            return None
        times = [each.at_seconds / 60 for each in warm]
        return statistics.linear_regression(times, [each.mebibytes for each in warm]).slope


class Memory:
    """The memory of processes that come and go; `sample` is called now and then."""

    def __init__(self, processes: Callable[[], Mapping[str, int]]) -> None:
        """`processes` names those that run now."""
        self._processes = processes
        self._begun = time.monotonic()
        self._lives: dict[tuple[str, int], Life] = {}
        self._before: frozenset[int] = frozenset()

    def sample(self) -> None:
        """What began since the last time does not count: some only try a configuration out."""
        at = time.monotonic() - self._begun
        trees = {(name, pid): set(tree(pid)) for name, pid in self._processes().items()}
        before, self._before = self._before, frozenset().union(*trees.values())
        for (name, pid), processes in trees.items():
            if held := sum(map(_proportional, processes & before)):
                life = self._lives.setdefault((name, pid), Life(name, pid, []))
                life.samples.append(Sample(at, held / 2**20))

    def longest(self) -> list[Life]:
        """Of each name the process that lived longest."""
        found: dict[str, Life] = {}
        for life in self._lives.values():
            if life.name not in found or life.seconds > found[life.name].seconds:
                found[life.name] = life
        return sorted(found.values())


def tree(pid: int) -> Iterable[int]:
    """A process and all that it has started, and that they have."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="utf-8").split():
                found += tree(int(child))
    return found


def _proportional(pid: int) -> int:
    """Bytes of a process, of what it shares its part; 0 where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
