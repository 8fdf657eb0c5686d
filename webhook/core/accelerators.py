"""Which extended resources are accelerators, how many devices they mean, which taints they meet."""

import re
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache

from webhook.core.frozen import frozen

EXTENDED_RESOURCE_PREFIX = "deviceclass.resource.kubernetes.io/"
"""Prefix of the implicit extended resource of a DeviceClass (Kubernetes, KEP-5004)."""

LONGEST_NAME = 317
"""Of a resource (k8s.io/apimachinery validation.IsQualifiedName); DeviceClasses have shorter ones.

Before the API server has looked at a name it may be megabytes: such a one is not tried, since two
stars take time by its square, and not remembered.
"""

# Names come from manifests, so the cache over them is bounded: a cluster knows some dozens.
_REMEMBERED_NAMES = 4096


class Counts(StrEnum):
    """How the quantity of a resource is read."""

    DEVICES = "devices"
    SLICES = "slices"
    SHARES = "shares"


@frozen
class Accelerator:
    """One accelerator resource (or DeviceClass) that a pod asks for."""

    family: str
    counts: Counts
    toleration_keys: tuple[str, ...]
    """Taint keys to tolerate, sorted: the family's key and the exact resource name."""


@frozen
class Family:
    """One vendor's accelerators: names and glob patterns, in the order in which they are tried."""

    name: str
    toleration_key: str | None
    resources: tuple[tuple[Counts, str], ...]
    device_classes: tuple[tuple[Counts, str], ...]


class Catalogue:
    """All families; looks names up. Immutable, safe to share between threads."""

    def __init__(
        self,
        families: Iterable[Family],
        not_accelerators: Iterable[str] = (),
        amounts: Iterable[str] = (),
    ) -> None:
        """Compile the patterns of the families, which are tried in order.

        `amounts` are names of memory, cores and percents in any family: what a family takes in
        with a `*` counts as shares where they match, what it names in full counts as it says.
        """
        families = tuple(families)
        listed = [
            (pattern.rpartition("/")[0], (glob(pattern), family, counts, "*" in pattern))
            for family in families
            for counts, pattern in family.resources
        ]
        # Most names are none of them, and a pod may have 100,000: those take one look, not fifty.
        self._in_any = [one for domain, one in listed if "*" in domain]
        self._in_domain = {
            domain: [one for its, one in listed if its == domain or "*" in its]
            for domain, _ in listed
        }
        self._classes = [
            (glob(pattern), family, counts)
            for family in families
            for counts, pattern in family.device_classes
        ]
        self._not_accelerators = [glob(pattern) for pattern in not_accelerators]
        self._amounts = [glob(pattern) for pattern in amounts]
        self.written = tuple(pattern for family in families for _, pattern in family.resources)
        """The names and patterns of resources as they are listed."""
        self._families = frozenset(one.name for one in families)
        self._taints = frozenset(one.toleration_key for one in families)
        self._known_resource = lru_cache(_REMEMBERED_NAMES)(self._resource)
        self._known_class = lru_cache(_REMEMBERED_NAMES)(self._device_class)

    def resource(self, name: str) -> Accelerator | None:
        """Look an extended resource up by its name; None where it is no accelerator."""
        return self._known_resource(name) if len(name) <= LONGEST_NAME else None

    def device_class(self, name: str) -> Accelerator | None:
        """Look a DeviceClass up by its name; None where it is no accelerator."""
        return self._known_class(name) if len(name) <= LONGEST_NAME else None

    def knows(self, name: str) -> bool:
        """Whether a name is that of an accelerator: a resource, a DeviceClass or a family."""
        found = self.resource(name) or self.device_class(name)
        return found is not None or name in self._families

    def is_taint(self, key: str) -> bool:
        """Whether a taint's key says that a node carries accelerators."""
        return key in self._taints or self.resource(key) is not None

    def _resource(self, name: str) -> Accelerator | None:
        if name.startswith(EXTENDED_RESOURCE_PREFIX):
            found = self._device_class(name.removeprefix(EXTENDED_RESOURCE_PREFIX))
            if found is None:
                return None
            return replace(found, toleration_keys=_keys(name, *found.toleration_keys))
        listed = self._in_domain.get(name.rpartition("/")[0], self._in_any)
        for pattern, family, counts, is_glob in listed:
            if pattern.fullmatch(name):
                amount = is_glob and _any(self._amounts, name)
                keys = _keys(name, family.toleration_key)
                return Accelerator(family.name, Counts.SHARES if amount else counts, keys)
        return None

    def _device_class(self, name: str) -> Accelerator | None:
        if _any(self._not_accelerators, name):
            return None
        for pattern, family, counts in self._classes:
            if pattern.fullmatch(name):
                return Accelerator(family.name, counts, _keys(family.toleration_key))
        return None


def _keys(*keys: str | None) -> tuple[str, ...]:
    return tuple(sorted({key for key in keys if key}))


def _any(patterns: Iterable[re.Pattern[str]], name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in patterns)


def glob(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of names; `*` is any run of characters without a slash."""
    return re.compile("[^/]*".join(map(re.escape, pattern.split("*"))))
