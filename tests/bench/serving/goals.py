"""What issue 11 asks for, and what came of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]
"""Medians by what they are of: `gpu-pod/scaleguard/requests per second`."""

FLASK, WSGI = "Flask no-op", "bare WSGI no-op"


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and its bound."""

    what: str
    unit: str
    bound: float
    at_least: bool
    value: Callable[[Figures], float]

    def reached(self, value: float) -> bool:
        """Whether a value is within the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


def _ratio(row: str, figure: str, of: str, to: str) -> Callable[[Figures], float]:
    return lambda figures: figures[f"{row}/{of}/{figure}"] / figures[f"{row}/{to}/{figure}"]


def _figure(name: str) -> Callable[[Figures], float]:
    return lambda figures: figures[name]


def goals() -> Iterator[Goal]:
    """All of them; the value of one that was not measured is a `KeyError`."""
    ours, full, rate = "scaleguard", "scaleguard, 40,000 objects", "requests per second"
    throughputs = [
        ("/mutate, GPU pod", "gpu-pod", FLASK, 1.0),
        ("/mutate, GPU pod", "gpu-pod", WSGI, 0.75),
        ("/mutate, plain pod", "plain-pod", FLASK, 1.05),
        ("/validate, HPA with a conflicting VPA, cached", "hpa-conflict-0", FLASK, 0.85),
        ("/validate, HPA without a counterpart, cached", "hpa-alone-0", FLASK, 1.0),
    ]
    for what, row, floor, bound in throughputs:
        said = f"{what}: throughput / {floor}"
        yield Goal(said, "", bound, at_least=True, value=_ratio(row, rate, ours, floor))
    tails = ("gpu-pod", "plain-pod", "hpa-conflict-0", "hpa-alone-0")
    for row in tails:
        said = f"{row}: p99 at half of its maximum / {FLASK} at that rate"
        yield Goal(said, "", 1.25, at_least=False, value=_ratio(row, "p99", ours, FLASK))
    for row in ("hpa-conflict-0", "hpa-alone-0"):
        said = f"{row}: throughput with 40,000 objects / without"
        yield Goal(said, "", 0.97, at_least=True, value=_ratio(row, rate, full, ours))
    for what, unit, bound in (
        ("strict: API round trips more", "", 2),
        ("strict: API round trips more, 40,000 objects", "", 2),
        ("PSS of the worker, empty", "MB", 60),
        ("PSS of the worker, 40,000 objects", "MB", 140),
        ("start to ready, empty", "s", 1.5),
        ("start to ready, 40,000 objects", "s", 8),
        ("scaleguard --help", "s", 0.25),
    ):
        yield Goal(what, unit, bound, at_least=False, value=_figure(what))
