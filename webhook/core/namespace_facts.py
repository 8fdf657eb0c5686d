"""What rules read of the namespace of an object: its labels, and its quotas in numbers."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from webhook.core.quantity import number
from webhook.core.quota import Quota
from webhook.core.world import World

# A namespace has a handful of each. What is beyond that would slow every judgement down, since
# engines read a document as a whole.
MOST_LABELS = 64
MOST_QUOTAS = 16
MOST_AMOUNTS = 64


def namespace_document(name: str | None, world: World) -> dict[str, Any] | None:
    """Write what rules read of a namespace; None for what is in none."""
    if name is None:
        return None
    namespace = world.namespace(name)
    labels = sorted(namespace.labels.items())
    quotas = sorted(world.quotas(name), key=lambda quota: quota.name)
    return {
        "name": name,
        "known": namespace.known,
        "labels": dict(labels[:MOST_LABELS]),
        "quotas": [_quota(quota) for quota in quotas[:MOST_QUOTAS]],
    }


def _quota(quota: Quota) -> dict[str, Any]:
    return {
        "name": quota.name,
        "scoped": bool(quota.scopes),
        "hard": _numbers(quota.hard),
        "used": _numbers(quota.used),
    }


def _numbers(amounts: Mapping[str, int]) -> dict[str, int | float]:
    """Amounts as numbers that a rule can compare: cores, bytes, devices."""
    return {name: number(nanos) for name, nanos in islice(sorted(amounts.items()), MOST_AMOUNTS)}
