"""Rounds of requests at the same moment, and whether what came of them may stand side by side."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from tests.e2e.manifests import hpa, vpa
from tests.e2e.patient_client import PatientClient, Said
from webhook.cluster.resources import HPAS, SCALED_OBJECTS, VPAS

Raw = dict[str, Any]

RESOURCES = {one.kind: one for one in (HPAS, VPAS, SCALED_OBJECTS)}

# Rounds at a time: those of one namespace share a shard of the ledger, and get in each other's way.
AT_ONCE = 4


def scaled_object(name: str, target: str) -> Raw:
    trigger = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": {"name": target}, "triggers": [trigger]},
    }


@dataclass
class Tally:
    """What came of the rounds."""

    rounds: Counter[str] = field(default_factory=Counter)
    """By kind of round and how many of its requests were let in."""
    faults: list[str] = field(default_factory=list)
    retries: int = 0
    seconds: list[float] = field(default_factory=list)

    def of_conflicts(self, admitted: int) -> int:
        return sum(
            count
            for name, count in self.rounds.items()
            if name in {f"{kind}: {admitted}" for kind in CONFLICTS}
        )

    def __str__(self) -> str:
        listed = ", ".join(f"{name} x {count}" for name, count in sorted(self.rounds.items()))
        waited = sorted(self.seconds)
        median, most = waited[len(waited) // 2], waited[-1]
        return f"{listed}; {self.retries} came again; {median:.3f} s median, {most:.3f} s at most"


class Rounds:
    """Plays rounds in one namespace."""

    def __init__(self, client: PatientClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._lock = threading.Lock()
        self.tally = Tally()

    def play(self, plays: Iterable[tuple[str, "Play"]]) -> Tally:
        """Play rounds, each about a workload of its own."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for number, (name, play) in enumerate(plays):
                pool.submit(self._safely, name, play, f"w{number}")
        return self.tally

    def _safely(self, name: str, play: "Play", workload: str) -> None:
        try:
            admitted = play(self, workload)
        except Exception as error:  # noqa: BLE001 - it is told, by the test's own thread
            self.fault(f"{name}: {error!r}")
            return
        with self._lock:
            self.tally.rounds[f"{name}: {admitted}"] += 1

    def fault(self, what: str) -> None:
        with self._lock:
            self.tally.faults.append(what)

    def together(self, *asked: Callable[[], Said]) -> int:
        """Ask all at the same moment; return how many were let in. Others must be denied."""
        barrier = threading.Barrier(len(asked))
        said: list[Said] = []

        def ask(one: Callable[[], Said]) -> None:
            barrier.wait(10)
            begun = time.monotonic()
            answer = one()
            with self._lock:
                said.append(answer)
                self.tally.retries += answer.tries - 1
                self.tally.seconds.append(time.monotonic() - begun)

        threads = [threading.Thread(target=ask, args=(one,)) for one in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(said) == len(asked), "somebody got no answer"
        for answer in said:
            assert answer.is_done or answer.is_denied, answer
        return sum(answer.is_done for answer in said)

    def create(self, raw: Raw) -> Said:
        return self._client.create(self._path(raw), self._placed(raw))

    def update(self, raw: Raw) -> Said:
        found = self._client.get(f"{self._path(raw)}/{raw['metadata']['name']}").body
        return self._client.update(self._path(raw), {**found, "spec": raw["spec"]})

    def delete(self, raw: Raw) -> None:
        said = self._client.delete(self._path(raw), raw["metadata"]["name"])
        assert said.is_done, said

    def made(self, raw: Raw) -> None:
        said = self.create(raw)
        assert said.is_done, said

    def _path(self, raw: Raw) -> str:
        return RESOURCES[raw["kind"]].path(self._namespace)

    def _placed(self, raw: Raw) -> Raw:
        return {**raw, "metadata": {**raw["metadata"], "namespace": self._namespace}}


Play = Callable[[Rounds, str], int]


def _both(first: Callable[[str], Raw], second: Callable[[str], Raw]) -> Play:
    def play(rounds: Rounds, name: str) -> int:
        one, other = first(name), second(name)
        return rounds.together(lambda: rounds.create(one), lambda: rounds.create(other))

    return play


def _updated(before: Callable[[str], Raw], after: Callable[[str], Raw]) -> Play:
    """An update that brings the conflict, beside a create."""

    def play(rounds: Rounds, name: str) -> int:
        rounds.made(before(name))
        changed, other = after(name), hpa(f"{name}-h", name)
        return rounds.together(lambda: rounds.update(changed), lambda: rounds.create(other))

    return play


def _h(name: str) -> Raw:
    return hpa(f"{name}-h", name)


def _v(name: str) -> Raw:
    return vpa(f"{name}-v", name)


CONFLICTS: dict[str, Play] = {
    "hpa and vpa": _both(_h, _v),
    "vpa and hpa": _both(_v, _h),
    "two hpas": _both(_h, lambda name: hpa(f"{name}-i", name)),
    "scaled object and hpa": _both(lambda name: scaled_object(f"{name}-s", name), _h),
    "scaled object and vpa": _both(lambda name: scaled_object(f"{name}-s", name), _v),
    "two vpas": _both(_v, lambda name: vpa(f"{name}-w", name, controlled=["memory"])),
    "update and hpa": _updated(lambda name: vpa(f"{name}-v", name, mode="Off"), _v),
    "update of resources and hpa": _updated(
        lambda name: vpa(f"{name}-v", name, controlled=["memory"]), _v
    ),
}
"""One of the two must be let in, and only one."""


def _removed_first(rounds: Rounds, name: str) -> int:
    """What was removed stands in nobody's way, at whatever replica it is asked."""
    rounds.made(_h(name))
    rounds.delete(_h(name))
    rounds.made(_v(name))
    rounds.delete(_v(name))
    return rounds.together(lambda: rounds.create(_h(name)))


def _freed_first(rounds: Rounds, name: str) -> int:
    rounds.made(_v(name))
    assert rounds.update(vpa(f"{name}-v", name, controlled=["memory"])).is_done
    return rounds.together(lambda: rounds.create(_h(name)))


FREE: dict[str, Play] = {
    "hpa and vpa of memory": _both(_h, lambda name: vpa(f"{name}-v", name, controlled=["memory"])),
    "hpa and vpa elsewhere": _both(_h, lambda name: vpa(f"{name}-v", f"{name}-other")),
    "removed first": _removed_first,
    "freed first": _freed_first,
}
"""All must be let in."""

ADMITTED_OF_FREE = {
    "hpa and vpa of memory: 2",
    "hpa and vpa elsewhere: 2",
    "removed first: 1",
    "freed first: 1",
}


def mixed(conflicts: int) -> Iterator[tuple[str, Play]]:
    """Three rounds of conflicts, then one without."""
    fighting, free = cycle(CONFLICTS.items()), cycle(FREE.items())
    for number in range(conflicts):
        yield next(fighting)
        if number % 3 == 2:
            yield next(free)
