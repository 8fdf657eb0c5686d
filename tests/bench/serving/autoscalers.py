"""HPAs and VPAs as a real API server asks about them, and what is around them in the cluster.

A judged object acts on a Deployment of its own, at one of as many places as there are bodies. How
many others are in the namespace of a place is what its surroundings say.
"""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.bench.corpus import template
from tests.e2e.manifests import deployment, hpa, vpa
from webhook.demo.client import REVIEWS

Raw = dict[str, Any]

ALL = 20_000
"""HPAs in the full cluster, and as many VPAs."""
NAMESPACES = 5_000


class Around(Enum):
    """How many others there are in the namespace of what is judged."""

    NONE = 0
    SOME = 100
    CROWD = 10_000

    def namespace(self, place: int) -> str:
        """The namespace of a place. Each has a VPA and an HPA of what is judged there."""
        if self is Around.NONE:
            return f"alone-{place:05}"
        if self is Around.SOME:
            return f"some-{place * 2 // self.value:03}"
        return "crowd"


# Names that begin alike are looked at as relatives (a canary, a CronJob's Jobs): none of these is.


def with_vpa(place: int) -> str:
    """A Deployment with a VPA, which is called the same."""
    return f"scaled{place:05}"


def with_hpa(place: int) -> str:
    """A Deployment with an HPA, which is called the same."""
    return f"fitted{place:05}"


def free(place: int) -> str:
    """A Deployment that nothing acts on."""
    return f"plain{place:05}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is written at a place, and whether something there is in its way."""

    kind: str
    meets: bool

    def target(self, place: int) -> str:
        """The Deployment that is acted on."""
        if not self.meets:
            return free(place)
        return with_vpa(place) if self.kind == "hpa" else with_hpa(place)

    def review(self, place: int, around: Around) -> Raw:
        """What the API server asks when it is created with kubectl."""
        recording = {"hpa": "0002-*", "vpa": "0004-*"}[self.kind]
        text = next(REVIEWS.glob(recording)).read_text(encoding="utf-8")
        # Name and target, in the object and in kubectl's annotation, where quotes are escaped.
        text = text.replace("llama", self.target(place))
        for quote in ('"', r"\""):
            text = text.replace(f"{quote}ml{quote}", f"{quote}{around.namespace(place)}{quote}")
        review: Raw = json.loads(text)
        chance = random.Random(f"{self}-{place}-{around}")  # noqa: S311 - to be had again
        review["request"]["uid"] = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        return review


def judged(places: int, around: Around) -> Iterator[Raw]:
    """Yield namespaces, Deployments and counterparts of what is judged."""
    for name in dict.fromkeys(around.namespace(place) for place in range(places)):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    for place in range(places):
        space = around.namespace(place)
        for name in (with_vpa(place), with_hpa(place), free(place)):
            raw = deployment(name, namespace=space, replicas=3)
            spec = template(name)["spec"]
            del spec["serviceAccountName"], spec["volumes"][0]["configMap"]
            spec["volumes"][0]["emptyDir"] = {}
            raw["spec"]["template"]["spec"] = spec
            yield raw
        yield vpa(with_vpa(place), with_vpa(place), namespace=space)
        yield hpa(with_hpa(place), with_hpa(place), namespace=space)


def everything(places: int) -> Iterator[Raw]:
    """Yield the full cluster: namespaces first, and what is judged in all surroundings among it."""
    found = [raw for around in Around for raw in judged(places, around)]
    spaces = [raw for raw in found if raw["kind"] == "Namespace"]
    others = [f"team-{each:04}" for each in range(NAMESPACES - len(spaces))]
    yield from spaces
    for name in others:
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    yield from (raw for raw in found if raw["kind"] != "Namespace")
    crowd = max(0, Around.CROWD.value // 2 - places)
    for number in range(ALL - places * len(Around)):
        space = "crowd" if number < crowd else others[number % len(others)]
        yield from pair(f"other{number:05}", space)


def pair(name: str, space: str) -> Iterator[Raw]:
    """An HPA and a VPA that leave each other alone."""
    yield hpa(name, name, namespace=space)
    yield vpa(name, name, namespace=space, controlled=["memory"])
