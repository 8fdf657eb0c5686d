"""What is measured: which bodies, asked of whom, with which answer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tests.bench.serving.autoscalers import Around, Asked
from tests.bench.serving.pods import gpu_pod, large_pod, plain_pod

Raw = dict[str, Any]

SMALL, FULL, FILES = "scaleguard", "scaleguard, 40,000 objects", "scaleguard, world of files"


@dataclass(frozen=True)
class Row:
    """One kind of review."""

    name: str
    title: str
    endpoint: str
    make: Callable[[int], Raw]
    ours: Sequence[str]
    """Which of our webhooks answer it; the first is the one that goals are about."""
    allowed: bool = True
    patched: bool = False

    def bodies(self, count: int) -> list[bytes]:
        """As many different bodies, as Go writes them."""
        return [
            json.dumps(self.make(number), separators=(",", ":"), ensure_ascii=False).encode()
            for number in range(count)
        ]


def rows() -> list[Row]:
    """Everything that can be measured, in the order of the table."""
    found = [
        Row("gpu-pod", "GPU pod", "mutate", gpu_pod, [SMALL], patched=True),
        Row("plain-pod", "plain pod", "mutate", plain_pod, [SMALL]),
        Row("large-pod", "pod of 20 containers", "mutate", large_pod, [SMALL], patched=True),
    ]
    of_autoscalers = product(("hpa", "vpa"), (True, False), Around)
    found += [_of_autoscaler(kind, around, meets=meets) for kind, meets, around in of_autoscalers]
    return found


def _of_autoscaler(kind: str, around: Around, *, meets: bool) -> Row:
    asked = Asked(kind, meets)
    other = {"hpa": "VPA", "vpa": "HPA"}[kind]
    counterpart = f"{kind.upper()} with a conflicting {other}" if meets else f"{kind.upper()} alone"
    name = f"{kind}-{'conflict' if meets else 'alone'}-{around.value}"
    return Row(
        name=name,
        title=f"{counterpart}, {around.value:,} others in its namespace",
        endpoint="validate",
        make=lambda place: asked.review(place, around),
        ours=[SMALL, FULL, FILES] if around is Around.NONE else [FULL],
        allowed=not meets,
    )
