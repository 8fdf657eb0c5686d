"""What brings traffic to pods: Services and InferencePools."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from webhook.core.fields import Raw, mapping, members, strings, text
from webhook.core.frozen import frozen
from webhook.core.monitoring import is_for_monitoring
from webhook.core.objects import GroupKind, ObjectRef, reference
from webhook.core.selector import Requirement, Selector

SERVICE = GroupKind("", "Service")
POOLS = (
    GroupKind("inference.networking.k8s.io", "InferencePool"),
    GroupKind("inference.networking.x-k8s.io", "InferencePool"),
)
"""Of the Gateway API Inference Extension: a route sends to the pods of a pool, past any Service."""

SELECTING = frozenset((SERVICE, *POOLS))
"""The kinds that select pods for traffic."""

_API_SERVER = ("default", "kubernetes")
_MOST_LABELS = 3

# Labels that controllers put on pods and no template has. Argo Rollouts adds its own to the
# selectors of the Services that it switches; one of a StatefulSet's pods may have its own Service.
_OF_CONTROLLERS = frozenset(
    {
        "apps.kubernetes.io/pod-index",
        "controller-revision-hash",
        "pod-template-hash",
        "rollouts-pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    }
)


class NamedPort(NamedTuple):
    """A port of containers that a Service sends to by its name."""

    name: str
    protocol: str


@frozen
class Service:
    """What sends traffic to the pods that it selects: a Service, or an InferencePool."""

    ref: ObjectRef
    selector: Selector | None
    """None where it selects nothing, of the pods that a controller adds in any case."""
    asks: str = ""
    """The labels that it selects by, as a person reads them."""
    ports: tuple[NamedPort, ...] = ()
    """Where it sends to by name; monitoring left out, and what is headless, which sends nowhere."""
    carries: bool = True
    """Whether there is more to it than monitoring."""
    waits: bool = True
    """Whether it keeps traffic from pods that are not ready."""
    foreign: bool = False
    """Its endpoints are written by somebody else: nobody can tell whose addresses they are."""

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether it selects pods with these labels, and those that their controller adds."""
        return self.selector is not None and self.selector.matches(labels)


def read_service(raw: Raw) -> Service:
    """Read a Service or an InferencePool.

    Source: k8s.io/kubernetes pkg/controller/endpointslice/endpointslice_controller.go; pools select
    by `matchLabels`, in v1alpha2 of their API by the bare labels.
    """
    ref, spec = reference(raw), mapping(raw, "spec")
    selected = strings(spec, "selector")
    if ref.group_kind != SERVICE:
        selected = strings(spec, "selector", "matchLabels") or selected
        return Service(ref, _selector(selected), shown(selected))
    if text(spec, "type") == "ExternalName":
        return Service(ref, None)
    listed = [port for _, port in members(spec, "ports")]
    carrying = [
        port
        for port in listed
        if not is_for_monitoring(text(port, "name"), text(port, "targetPort"))
    ]
    return Service(
        ref,
        _selector(selected),
        shown(selected),
        () if text(spec, "clusterIP") == "None" else tuple(_named(carrying)),
        carries=bool(carrying) or not listed,
        waits=spec.get("publishNotReadyAddresses") is not True,
        foreign=not selected and (ref.namespace, ref.name) != _API_SERVER,
    )


def shown(labels: Mapping[str, str]) -> str:
    """Show labels on one short line."""
    listed = [f"{key}: {value}" for key, value in islice(labels.items(), _MOST_LABELS)]
    return ", ".join([*listed, "…"] if len(labels) > _MOST_LABELS else listed)


def _selector(selected: Mapping[str, str]) -> Selector | None:
    lasting = [key for key in selected if key not in _OF_CONTROLLERS]
    asked = (Requirement(key, "In", frozenset({selected[key]})) for key in lasting)
    return Selector(tuple(asked)) if lasting else None


def _named(ports: Iterable[Raw]) -> Iterator[NamedPort]:
    for port in ports:
        name = text(port, "targetPort")
        if name and not name.isdecimal():
            yield NamedPort(name, text(port, "protocol") or "TCP")
