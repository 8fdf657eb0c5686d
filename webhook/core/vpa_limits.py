"""Where the bounds of a VPA meet what a pod may have: LimitRanges, quotas, the largest node.

What VPA makes of them, and in which order, stands in `vpa_writes.py`. Amounts that nobody can tell
count as nothing, so that whatever is found here is certain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from webhook.core import quantity
from webhook.core.amounts import read_amounts, summed
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import MODE_OFF, ContainerPolicy, Vpa
from webhook.core.bounds import CONTAINER, POD, LimitItem
from webhook.core.fields import Raw, mapping
from webhook.core.nodes import NodeShape
from webhook.core.objects import ObjectRef
from webhook.core.patch import Addition, Operation, operations
from webhook.core.pod import COMPUTE_RESOURCES, CPU, containers, has_pod_level_resources
from webhook.core.quota import LIMITS, REQUESTS
from webhook.core.schedule import letting_in
from webhook.core.vpa_excess import MOST_FOUND, Excess, Limit, written
from webhook.core.vpa_writes import (
    MAX_ALLOWED,
    MIN_ALLOWED,
    Figures,
    Row,
    allowed,
    most_request,
    read_row,
    writes_requests_only,
)
from webhook.core.world import World

LIMIT_RANGE = "LimitRange"

# Labels of nodes that Karpenter made: it makes the next one as large as pods want it.
_ELASTIC = frozenset({"karpenter.sh/nodepool", "karpenter.sh/provisioner-name"})

_MIB = 2**20 * quantity.NANOS_PER_UNIT


def excesses(
    vpa: Vpa,
    key: WorkloadKey,
    world: World,
    shapes: Sequence[NodeShape],
    made: Sequence[Raw],
) -> list[Excess]:
    """Find what is beyond a limit in every version of the workload that is known.

    `made` are its pods as they will be. Of a workload that is not there yet each policy is looked
    at alone.
    """
    if vpa.mode == MODE_OFF or not vpa.policies or world.owners(key):
        return []
    pods = [_Pod(one, vpa, key.namespace, world, shapes) for one in made]
    if not pods:
        alone = [
            _Assumed(one, vpa, key.namespace, world, shapes)
            for one in vpa.policies
            if not writes_requests_only(one)  # its limit is not known, and keeps the request
        ]
        return [found for one in alone for found in one.found()][:MOST_FOUND]
    first, *others = [{_about(one): one for one in pod.found()} for pod in pods]
    return [one for about, one in first.items() if all(about in other for other in others)][
        :MOST_FOUND
    ]


def _about(found: Excess) -> tuple[object, ...]:
    limit = found.limit
    return limit.kind, limit.name, limit.per, limit.resource, found.field


class _Pod:
    """A pod of the workload, with what VPA would make of it."""

    is_known = True

    def __init__(
        self, pod: Raw, vpa: Vpa, namespace: str, world: World, shapes: Sequence[NodeShape]
    ) -> None:
        self._pod = pod
        self._vpa = vpa
        items = sorted(world.limits(namespace).items, key=lambda one: one.limit_range.name or "")
        self._items = items
        self._quotas = sorted(world.quotas(namespace), key=lambda one: one.name)
        self._namespace = namespace
        self._shapes = shapes

    def found(self) -> Iterator[Excess]:
        """Yield what is beyond a limit; pods that have resources as a whole VPA leaves alone."""
        if has_pod_level_resources(self._pod):
            return
        for resource in COMPUTE_RESOURCES:
            rows = [
                read_row(one, self._vpa, resource, self._items) for one in containers(self._pod)
            ]
            if any(row.says for row in rows):
                yield from self._by_container(rows, resource)
                for limit in self._limits(resource):
                    yield from self._by_pod(rows, limit)

    # ------------------------------------------------------------ each container

    def _by_container(self, rows: Sequence[Row], resource: str) -> Iterator[Excess]:
        for item in self._items:
            if item.per != CONTAINER or resource not in item.most:
                continue
            limit = _of_item(item, resource)
            beyond = [
                row for row in rows if MIN_ALLOWED in row.says and max(row.least) > limit.nanos
            ]
            if beyond:
                asked, of = max(
                    (beyond[0].least.request, "requests"), (beyond[0].least.limit, "limits")
                )
                yield self._excess(beyond, limit, MIN_ALLOWED, asked, of, capped=False)
                continue
            beyond = [
                row
                for row in rows
                if MAX_ALLOWED in row.says
                and allowed(row.policy, MAX_ALLOWED, resource) > limit.nanos
            ]
            if beyond:
                asked = allowed(beyond[0].policy, MAX_ALLOWED, resource)
                found = self._excess(beyond, limit, MAX_ALLOWED, asked, "requests", capped=True)
                yield replace(found, patch=self._fix(beyond, limit))

    def _fix(self, beyond: Sequence[Row], limit: Limit) -> tuple[Operation, ...]:
        """Set what VPA caps at anyway, where that is one figure for each policy."""
        reached = {
            (row.policy.index, self._reach(row, limit)) for row in beyond if row.policy is not None
        }
        if len(dict(reached)) < len(reached):
            return ()
        path = ("spec", "resourcePolicy", "containerPolicies")
        additions = [
            Addition((*path, index, MAX_ALLOWED, limit.resource), written(limit.resource, nanos))
            for index, nanos in sorted(reached)
        ]
        return tuple(operations({"spec": self._vpa.raw}, additions))

    @staticmethod
    def _reach(row: Row, limit: Limit) -> int:
        """What VPA keeps a container's request to for a LimitRange."""
        reached = _rounded(limit.resource, most_request(row.figures, limit.nanos))
        return max(reached, allowed(row.policy, MIN_ALLOWED, limit.resource))

    # ------------------------------------------------------------ the pod in all

    def _limits(self, resource: str) -> Iterator[Limit]:
        for item in self._items:
            if item.per == POD and resource in item.most and self.is_known:
                yield _of_item(item, resource)
        for quota in self._quotas:
            if not (quota.counts(self._pod) if self.is_known else not quota.scopes):
                continue
            ref = ObjectRef("v1", "ResourceQuota", self._namespace, quota.name)
            names = {
                REQUESTS + resource: "requests",
                resource: "requests",
                LIMITS + resource: "limits",
            }
            for name, of in names.items():
                if name in quota.hard:
                    yield Limit(ref.kind, quota.name, "all", resource, of, quota.hard[name], ref)
        largest = self._largest_node(resource)
        if largest is not None:
            given = largest.allocatable[resource]
            yield Limit("Node", largest.name, "pod", resource, "requests", given)

    def _largest_node(self, resource: str) -> NodeShape | None:
        """The node that gives most of a resource; None where a larger one may come or be there."""
        shapes = self._takers
        if any(resource not in one.allocatable or _ELASTIC & one.labels.keys() for one in shapes):
            return None
        return max(shapes, key=lambda one: one.allocatable[resource], default=None)

    @cached_property
    def _takers(self) -> list[NodeShape]:
        """The nodes that take the pod if only it asked for little enough."""
        return letting_in(self._pod, self._shapes) if self.is_known else list(self._shapes)

    def _by_pod(self, rows: Sequence[Row], limit: Limit) -> Iterator[Excess]:
        """Compare a limit with all containers at minAllowed, or else at maxAllowed."""
        for field in (MIN_ALLOWED, MAX_ALLOWED):
            setting = [row for row in rows if field in row.says]
            asked, of = self._sum([(row, row.at(field)) for row in rows], limit)
            if (
                not setting
                or asked <= limit.nanos
                or self._rest(rows, setting, limit) > limit.nanos
            ):
                continue
            # Those with limits VPA shrinks to a LimitRange's maximum of the pod, before minAllowed.
            shrinks = field == MAX_ALLOWED and all(row.figures.limit for row in setting)
            if limit.kind == LIMIT_RANGE or not shrinks or not self._within(limit):
                capped = shrinks and limit.kind == LIMIT_RANGE
                yield self._excess(setting, limit, field, asked, of, capped=capped)
            return

    def _within(self, limit: Limit) -> bool:
        """Whether a LimitRange keeps the whole pod within another limit."""
        maxima = (one.most for one in self._items if one.per == POD)
        return any(one.get(limit.resource, limit.nanos + 1) <= limit.nanos for one in maxima)

    def _rest(self, rows: Sequence[Row], setting: Sequence[Row], limit: Limit) -> int:
        """What the others have in all: where that is too much already, no bound is at fault."""
        nothing = Figures(0, 0)
        others = [(row, nothing if row in setting else row.least) for row in rows]
        return self._sum(others, limit)[0]

    def _sum(self, figures: Sequence[tuple[Row, Figures]], limit: Limit) -> tuple[int, str]:
        found = []
        for of in ("requests", "limits"):
            if limit.of not in {of, "both"}:
                continue
            total = summed(
                (row.container.role, {of: one.request if of == "requests" else one.limit})
                for row, one in figures
            ).get(of, 0)
            # LimitRanger alone counts containers only (plugin/pkg/admission/limitranger).
            extra = self._overhead(limit.resource) if limit.kind != LIMIT_RANGE and total else 0
            found.append((total + extra, of))
        return max(found)

    def _overhead(self, resource: str) -> int:
        return read_amounts(mapping(self._pod, "spec", "overhead")).get(resource, 0)

    # ------------------------------------------------------------ in words

    def _excess(  # noqa: PLR0913 - all that is told of it
        self,
        setting: Sequence[Row],
        limit: Limit,
        field: str,
        asked: int,
        of: str,
        *,
        capped: bool,
    ) -> Excess:
        row = setting[0]
        if limit.per != CONTAINER.lower():
            to = self._left(row, limit, field, asked, of)
        elif capped:
            to = self._reach(row, limit)
        else:
            to = _rounded(limit.resource, most_request(row.figures, limit.nanos))
        policies = tuple(
            (one.container.name, one.policy) for one in setting if one.policy is not None
        )
        return Excess(
            limit, field, policies, asked, of, capped, to if len(setting) == 1 and to > 0 else None
        )

    def _left(self, row: Row, limit: Limit, field: str, asked: int, of: str) -> int:
        """What one container may have so that the pod keeps the limit."""
        have = row.at(field)
        share = have.request if of == "requests" else have.limit
        left = share - (asked - limit.nanos)
        return _rounded(limit.resource, left * have.request // share if share else left)


class _Assumed(_Pod):
    """What is certain of a workload that nobody has seen: each policy for a container alone."""

    is_known = False

    def __init__(
        self,
        policy: ContainerPolicy,
        vpa: Vpa,
        namespace: str,
        world: World,
        shapes: Sequence[NodeShape],
    ) -> None:
        pod = {"spec": {"containers": [{"name": policy.name}]}}
        super().__init__(pod, vpa, namespace, world, shapes)
        # What fills in requests and limits says nothing of a container that may have its own.
        self._items = [replace(one, limits={}, requests={}) for one in self._items]


def _of_item(item: LimitItem, resource: str) -> Limit:
    name, per = item.limit_range.name or "", item.per.lower()
    return Limit(LIMIT_RANGE, name, per, resource, "both", item.most[resource], item.limit_range)


def _rounded(resource: str, nanos: int) -> int:
    """Round down to what people write: whole thousandths, whole mebibytes where there is one."""
    step = quantity.NANOS_PER_MILLI if resource == CPU else _MIB
    return nanos // step * step if nanos >= step else nanos
