"""Inputs to begin with: the manifests of the cases, and what an API server really asked."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tests.cases.case import cases
from tests.cases.check import review_of
from tests.fuzz.mutation import MOST_BYTES
from tests.fuzz.target import encoded
from webhook.core.objects import POD, reference
from webhook.core.world import read_autoscaler

CORPUS = Path(__file__).parent / "corpus"
_SHORT_BYTES = 1200
_REVIEWS = Path(__file__).resolve().parents[2] / "webhook" / "demo" / "reviews"


def corpus(name: str) -> list[bytes]:
    """What was found before, and inputs that no manifest is: the files kept for a target."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]


def reviews() -> list[bytes]:
    """Reviews: recorded ones, and those of some cases."""
    recorded = [path.read_bytes() for path in sorted(_REVIEWS.glob("*.json"))]
    made = [encoded(review_of(raw)) for case in cases()[::10] for raw in case.objects]
    return _small([*recorded, *made])


def worlds(*, of_pods: bool) -> list[bytes]:
    """The objects of each case, once for each that is judged: that one first."""
    return _small(encoded(world) for world in _turned(of_pods))


def manifests() -> list[bytes]:
    """Case files as they stand, those that are read quickly."""
    written = (case.path.read_bytes() for case in cases())
    return [text for text in written if len(text) <= _SHORT_BYTES][::2]


@cache
def _turned(of_pods: bool) -> tuple[list[Any], ...]:  # noqa: FBT001 - named by who calls it
    return tuple(
        [raw, *(other for other in case.objects if other is not raw)]
        for case in cases()
        for raw in case.objects
        if (reference(raw).group_kind == POD if of_pods else read_autoscaler(raw) is not None)
    )


def _small(seeds: Iterable[bytes]) -> list[bytes]:
    return [seed for seed in seeds if len(seed) <= MOST_BYTES // 2]
