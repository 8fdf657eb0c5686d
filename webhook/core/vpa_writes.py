"""What VPA writes into a container at the bounds of its policy: the least, and the most.

Source: VPA 1.8, pkg/utils/vpa/capping.go and limit_and_request_scaling.go. The admission controller
and the updater change a recommendation in this order, whatever it is:

1. it is scaled so that all limits of the pod fit a LimitRange of type Pod
   (`capProportionallyToPodLimitRange`); containers without a limit do not take part;
2. it is capped so that request and limit fit a LimitRange of type Container
   (`applyContainerLimitRange`);
3. minAllowed raises it, then maxAllowed lowers it (`applyVPAPolicy`), zero counting as unset;
4. with `RequestsOnly` it is lowered to the container's limit (`capRecommendationToContainerLimit`).

So a maxAllowed beyond a LimitRange is out of reach and harms nobody, while a minAllowed beyond it
is written, and LimitRanger refuses the pod. Quotas and nodes are looked at nowhere. The limit
follows the request in the proportion of the template (`GetProportionalLimit`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from webhook.core import quantity
from webhook.core.autoscalers.vpa import ContainerPolicy, Vpa
from webhook.core.bounds import CONTAINER, LimitItem
from webhook.core.fields import mapping, text
from webhook.core.frozen import frozen
from webhook.core.pod import Container, Role

MIN_ALLOWED, MAX_ALLOWED = "minAllowed", "maxAllowed"


class Figures(NamedTuple):
    """The request and the limit of a container for one resource, in nanos; 0 where it has none."""

    request: int
    limit: int


def as_admitted(container: Container, resource: str, items: Sequence[LimitItem]) -> Figures:
    """What a container has when VPA's admission sees it: LimitRanger has filled in."""
    request = quantity.parse(container.request(resource)) or 0
    limit = quantity.parse(container.limit(resource)) or 0
    for item in items:
        if item.per == CONTAINER:
            request = request or item.requests.get(resource, 0)
            limit = limit or item.limits.get(resource, 0)
    return Figures(request, limit)


def allowed(policy: ContainerPolicy | None, field: str, resource: str) -> int:
    """What a policy says in one of its bounds, in nanos; 0 where it says nothing."""
    written = mapping(policy.raw, field) if policy is not None else {}
    return max(quantity.parse(written.get(resource)) or 0, 0)


def writes_requests_only(policy: ContainerPolicy | None) -> bool:
    """Whether limits stay as they are."""
    return policy is not None and text(policy.raw, "controlledValues") == "RequestsOnly"


def most_request(figures: Figures, most: int) -> int:
    """The largest request whose limit still fits a maximum: VPA's cap (`GetBoundaryRequest`)."""
    if not figures.limit or not figures.request:
        return most
    return most * figures.request // figures.limit


def with_request(figures: Figures, request: int, *, requests_only: bool) -> Figures:
    """What VPA makes of a container when its policy leaves a request."""
    if requests_only:
        return Figures(min(request, figures.limit) if figures.limit else request, figures.limit)
    if not figures.limit or not figures.request:
        return Figures(request, request if figures.limit else 0)
    return Figures(request, figures.limit * request // figures.request)


@frozen
class Row:
    """A container of a pod, and what VPA writes into it of one resource."""

    container: Container
    policy: ContainerPolicy | None
    """None where VPA does not control the resource of it."""
    figures: Figures
    least: Figures
    most: Figures
    """At maxAllowed; where that is not set, and nobody knows how much, the least."""
    says: frozenset[str]
    """Which of the two bounds it sets."""

    def at(self, field: str) -> Figures:
        """What it has at one of the bounds."""
        return self.least if field == MIN_ALLOWED else self.most


def read_row(container: Container, vpa: Vpa, resource: str, items: Sequence[LimitItem]) -> Row:
    """Work out the figures of a container; what somebody must mend first says nothing."""
    figures = as_admitted(container, resource, items)
    policy = vpa.policy(container.name)
    if container.role is not Role.REGULAR or not vpa.controls(container.name, resource):
        return Row(container, None, figures, figures, figures, frozenset())
    least, most = (allowed(policy, field, resource) for field in (MIN_ALLOWED, MAX_ALLOWED))
    if most and least > most:
        least = most = 0
    maxima = (
        item.most[resource] for item in items if item.per == CONTAINER and resource in item.most
    )
    reached = max(least, min([most, *(most_request(figures, one) for one in maxima)]))
    only = writes_requests_only(policy)
    return Row(
        container,
        policy,
        figures,
        with_request(figures, least, requests_only=only),
        with_request(figures, reached, requests_only=only),
        frozenset(field for field, nanos in ((MIN_ALLOWED, least), (MAX_ALLOWED, most)) if nanos),
    )
