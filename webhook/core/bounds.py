"""What a namespace does with pods after us: which requests it fills in, what it would refuse."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from webhook.core import quantity
from webhook.core.amounts import read_amounts
from webhook.core.fields import Raw, annotation, mapping, members, text
from webhook.core.frozen import frozen
from webhook.core.objects import ObjectRef, reference
from webhook.core.pod import COMPUTE_RESOURCES

if TYPE_CHECKING:
    from webhook.core.quota import Quota

WHITELIST_ANNOTATION = "scheduler.alpha.kubernetes.io/tolerationsWhitelist"

# Fields of a LimitRange item of type Container from which the API server fills in a request that is
# missing: defaultRequest, else default, else max, else min
# (k8s.io/kubernetes pkg/apis/core/v1/defaults.go, SetDefaults_LimitRangeItem).
_FILLS_REQUESTS = ("defaultRequest", "default", "max", "min")
_FILLS_LIMITS = ("default", "max")

CONTAINER, POD = "Container", "Pod"


@frozen
class LimitItem:
    """One item of a LimitRange, with the defaults that the API server fills in; in nanos."""

    limit_range: ObjectRef
    per: str
    """What it is about: `Container` or `Pod`."""
    most: Mapping[str, int]
    limits: Mapping[str, int]
    """Limits that it gives to containers without one."""
    requests: Mapping[str, int]
    """Requests that it gives to containers without one."""


@frozen
class Bounds:
    """What the LimitRanges and the annotation of a namespace say."""

    filled: frozenset[str] = frozenset()
    """Resources whose missing requests a LimitRange fills in, inside its minimum and maximum."""
    limited: frozenset[str] = frozenset()
    """Resources whose missing limits a LimitRange fills in."""
    most_per_pod: Mapping[str, int] = field(default_factory=dict)
    """What the requests of one pod may add up to, in nanos."""
    tolerations: tuple[Raw, ...] = ()
    """The only tolerations that are accepted; none listed: all are."""
    quotas: "tuple[Quota, ...]" = ()
    """What counts pods, and refuses those beyond it."""
    items: tuple[LimitItem, ...] = field(default=(), compare=False)
    """What the LimitRanges are made of, for those who need to know more than the above."""

    def joined(self, other: "Bounds") -> "Bounds":
        """Join what two objects of one namespace say."""
        most = dict(self.most_per_pod)
        for resource, nanos in other.most_per_pod.items():
            most[resource] = min(nanos, most.get(resource, nanos))
        return Bounds(
            self.filled | other.filled,
            self.limited | other.limited,
            most,
            other.tolerations or self.tolerations,
            (*self.quotas, *other.quotas),
            (*self.items, *other.items),
        )


UNBOUNDED = Bounds()


def of_limit_range(limit_range: Raw) -> Bounds:
    """Read what a LimitRange says of containers and pods."""
    bounds = UNBOUNDED
    for _, item in members(mapping(limit_range, "spec"), "limits"):
        bounds = bounds.joined(_of_item(item))
    return replace(bounds, items=tuple(_items(limit_range)))


def _items(limit_range: Raw) -> Iterator[LimitItem]:
    for _, item in members(mapping(limit_range, "spec"), "limits"):
        per = text(item, "type")
        if per in {CONTAINER, POD}:
            most, least = read_amounts(mapping(item, "max")), read_amounts(mapping(item, "min"))
            limits = {**most, **read_amounts(mapping(item, "default"))}
            requests = {**least, **limits, **read_amounts(mapping(item, "defaultRequest"))}
            yield LimitItem(reference(limit_range), per, most, limits, requests)


def _of_item(item: Raw) -> Bounds:
    """Read one item. A minimum per pod is no bound: what we add can only help to reach it."""
    if item.get("type") == CONTAINER:
        return Bounds(_named(item, _FILLS_REQUESTS), _named(item, _FILLS_LIMITS))
    if item.get("type") == POD:
        read = (
            (name, quantity.parse(mapping(item, "max").get(name))) for name in COMPUTE_RESOURCES
        )
        return Bounds(most_per_pod={name: nanos for name, nanos in read if nanos is not None})
    return UNBOUNDED


def _named(item: Raw, fields: Iterable[str]) -> frozenset[str]:
    """The compute resources that any of some fields of an item names."""
    return frozenset(
        resource
        for resource in COMPUTE_RESOURCES
        if any(resource in mapping(item, name) for name in fields)
    )


def of_namespace(namespace: Raw) -> Bounds:
    """Read which tolerations a namespace accepts (admission plugin PodTolerationRestriction).

    A value that cannot be read makes the plugin refuse every pod; it bounds nothing here.
    """
    try:
        listed = json.loads(annotation(namespace, WHITELIST_ANNOTATION) or "[]")
    except (ValueError, RecursionError):
        return UNBOUNDED
    return Bounds(tolerations=tuple(one for _, one in members({"list": listed}, "list")))
