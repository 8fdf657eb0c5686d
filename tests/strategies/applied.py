"""A pod, its world and a configuration, taken through the webhook's own code."""

import copy
import json
from functools import cache

import jsonpatch

from tests.cases.check import review_of
from tests.strategies.resources import Raw
from webhook import config as configuration
from webhook.core.decide import Decision, Judge, mutate
from webhook.core.review import read_review
from webhook.core.world import World
from webhook.wiring import build_judge

# Without an operator, as many write it: a whitelist takes that for another toleration.
_SKU = {"key": "sku", "value": "gpu", "effect": "NoSchedule"}
_TINY = {"cpu": "1m", "memory": "1Mi"}

CONFIGS: dict[str, Raw] = {
    "defaults": {},
    "everything": {
        "flavours": ["aks"],
        "extraTolerations": [{"key": "dedicated", "operator": "Exists"}],
        "networkTolerations": True,
        "sharedMemory": "8Gi",
        "protectFromEviction": True,
        "detection": {"byImage": True},
    },
    "profiles": {
        "extraTolerations": [_SKU],
        "requests": {"inference": {"cpu": "64", "memory": "500Gi"}, "sidecar": _TINY},
        "profiles": [
            {"name": "tight", "requests": {"device": _TINY, "cpuOnly": _TINY}},
            {"name": "none-for-training", "match": {"classes": ["training"]}, "sharedMemory": True},
        ],
    },
}


@cache
def judge(config: str) -> Judge:
    """The judge of one of the configurations."""
    return build_judge(configuration.parse(CONFIGS[config], config))


def fit(raw: Raw, manifests: list[Raw], namespace: str, config: str) -> tuple[Raw, Decision]:
    """The pod as the webhook's patch makes it, and the decision."""
    asked = judge(config)
    world = World.of(manifests, asked.knowledge.kinds)
    placed = {**raw, "metadata": {**raw["metadata"], "namespace": namespace}}
    request = read_review(json.loads(json.dumps(review_of(placed))))
    decision = mutate(request, world, asked)
    patch = decision.fitting.patch if decision.fitting is not None else []
    fitted: Raw = jsonpatch.apply_patch(copy.deepcopy(raw), patch)
    return fitted, decision
