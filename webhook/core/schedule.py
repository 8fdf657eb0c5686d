"""Whether one pod fits on one empty node of a shape, as the scheduler's filters would say.

Node autoscalers ask the same of nodes that they could make. Source: k8s.io/kubernetes 1.37
pkg/scheduler/framework/plugins (tainttoleration, nodeaffinity, noderesources; nodename and
nodeports have nothing to say of an empty node, nodeunschedulable speaks of one, not of a shape).

A shape stands for many nodes: what pins a pod to one of them by its name can be met. What one empty
node cannot tell is left out: affinity to other pods, spread, volumes, devices by DRA (an extended
resource that a DeviceClass stands in for among them), declared features, scheduling gates.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from webhook.core import quantity
from webhook.core.accelerators import EXTENDED_RESOURCE_PREFIX
from webhook.core.amounts import Amounts, pod_requests
from webhook.core.fields import Raw, mapping, members, sequence, strings, text
from webhook.core.frozen import frozen
from webhook.core.nodes import HOSTNAME_LABEL, NodeShape, Taint
from webhook.core.pod import COMPUTE_RESOURCES, CPU, EPHEMERAL_STORAGE, MEMORY, tolerations
from webhook.core.selector import Requirement, read_requirements

PODS = "pods"

# Every kubelet reports these: a shape without one was written down by hand, and says nothing of it.
_ALWAYS_REPORTED = frozenset({CPU, MEMORY, EPHEMERAL_STORAGE, PODS})

_FORBIDDING = frozenset({"NoSchedule", "NoExecute"})

# What `strconv.ParseInt` reads, but for the few numbers of 19 digits that still have 64 bits.
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")

# A summary is read by people: three ways not to fit, three reasons in each, and a paragraph in all.
MOST_NAMED = 3
LONGEST_SUMMARY = 600

# A pod has some; only somebody who plays with us has hundreds.
MOST_TOLERATIONS = 100
MOST_TERMS = 20


class Kind(StrEnum):
    """What keeps a pod off a node."""

    TAINT = "taint"
    SELECTOR = "selector"
    AFFINITY = "affinity"
    PODS = "pods"
    RESOURCE = "resource"


@frozen
class Misfit:
    """One reason why a pod does not fit on a node."""

    kind: Kind
    about: str
    """The key of the taint, the label, or the resource."""
    text: str
    """The reason in words."""


def misfits(pod: Raw, shape: NodeShape) -> list[Misfit]:
    """List every reason why a pod (or template) does not fit on an empty node of a shape.

    Taints come first, then labels, then resources, devices before what every node has. The
    scheduler stops at the first of these three, and is not asked of a pod that names its node.
    """
    wants = _wants(pod)
    return list(_misfits(wants, shape)) if wants is not None else []


def letting_in(pod: Raw, shapes: Iterable[NodeShape]) -> list[NodeShape]:
    """List the shapes that take a pod if only it asked for little enough cpu and memory.

    None for a pod that has its node, or one of which nothing is said (`best_misfits`).
    """
    wants = _wants(pod)
    if wants is None or wants.is_excessive or not _is_for_default_scheduler(pod):
        return []
    return [
        shape
        for shape in shapes
        if all(one.about in COMPUTE_RESOURCES for one in _misfits(wants, shape))
    ]


def best_misfits(
    pod: Raw, shapes: Iterable[NodeShape], unlisted: Collection[str] = ()
) -> str | None:
    """Say in a sentence why a pod fits on none of some shapes; None where it fits on one.

    The shapes with the fewest misfits are told of first. `unlisted` are resources that a scheduler
    of their own counts and that nodes need not list. Nothing is said of a pod for another
    scheduler, nor of one that wants so much that nobody would wait for the answer.
    """
    wants = _wants(pod)
    if wants is None or wants.is_excessive or not _is_for_default_scheduler(pod):
        return None
    groups: dict[tuple[str, ...], list[str]] = {}
    for shape in shapes:
        found = tuple(
            misfit.text
            for misfit in _misfits(wants, shape)
            if misfit.about not in unlisted or misfit.about in shape.allocatable
        )
        if not found:
            return None
        groups.setdefault(found, []).append(shape.name)
    return _summary(groups) if groups else None


# ---------------------------------------------------------------- what the pod wants


@frozen
class _Wants:
    """What filters ask of a pod, read once for all shapes."""

    requests: Amounts
    tolerations: list[Raw]
    selector: Mapping[str, str]
    terms: tuple[tuple[Requirement, ...], ...] | None
    """Alternatives, each with all that it requires; None where nothing is required."""

    @property
    def is_excessive(self) -> bool:
        """Whether comparing it with hundreds of nodes would take long."""
        return len(self.tolerations) > MOST_TOLERATIONS or len(self.terms or ()) > MOST_TERMS


def _is_for_default_scheduler(pod: Raw) -> bool:
    return text(mapping(pod, "spec"), "schedulerName") in {"", "default-scheduler"}


def _wants(pod: Raw) -> _Wants | None:
    """Read a pod; None where it has its node, so that no scheduler is asked."""
    spec = mapping(pod, "spec")
    if text(spec, "nodeName"):
        return None
    affinity = mapping(spec, "affinity", "nodeAffinity")
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return _Wants(
        pod_requests(pod),
        tolerations(pod),
        dict(sorted(strings(spec, "nodeSelector").items())),
        tuple(_terms(required)) if isinstance(required, dict) else None,
    )


def _terms(required: Raw) -> Iterator[tuple[Requirement, ...]]:
    """Yield the terms; one without any requirement matches nothing, so it is left out.

    Fields are those of one node, its name. Source: k8s.io/component-helpers
    scheduling/corev1/nodeaffinity/nodeaffinity.go (`NewLazyErrorNodeSelector`).
    """
    for _, term in members(required, "nodeSelectorTerms"):
        if sequence(term, "matchExpressions") or sequence(term, "matchFields"):
            yield read_requirements(term)


# ---------------------------------------------------------------- the filters


def _misfits(wants: _Wants, shape: NodeShape) -> Iterator[Misfit]:
    yield from _untolerated(wants.tolerations, shape.taints)
    yield from _unselected(wants.selector, shape.labels)
    yield from _repelled(wants.terms, shape.labels)
    yield from _too_much(wants.requests, shape.allocatable)


def _untolerated(listed: list[Raw], taints: Iterable[Taint]) -> Iterator[Misfit]:
    """Yield the taints that keep a pod away; source: plugins/tainttoleration (`Filter`)."""
    for taint in taints:
        if taint.effect in _FORBIDDING and not any(_tolerates(one, taint) for one in listed):
            yield Misfit(Kind.TAINT, taint.key, f"taint {taint} is not tolerated")


def _tolerates(toleration: Raw, taint: Taint) -> bool:
    """Whether a toleration is for a taint; source: k8s.io/api core/v1 (`ToleratesTaint`).

    `Lt` and `Gt` are for none: their gate, TaintTolerationComparisonOperators, is alpha in 1.37.
    """
    if text(toleration, "effect") not in {"", taint.effect}:
        return False
    if text(toleration, "key") not in {"", taint.key}:
        return False
    how = text(toleration, "operator")
    return how == "Exists" or (how in {"", "Equal"} and text(toleration, "value") == taint.value)


def _unselected(selector: Mapping[str, str], labels: Mapping[str, str]) -> Iterator[Misfit]:
    """Yield the labels of `nodeSelector` that the node has not; source: plugins/nodeaffinity."""
    for key, value in selector.items():
        if key != HOSTNAME_LABEL and labels.get(key) != value:
            yield Misfit(Kind.SELECTOR, key, f"nodeSelector {key}={value}, {_has(labels, key)}")


def _repelled(
    terms: tuple[tuple[Requirement, ...], ...] | None, labels: Mapping[str, str]
) -> Iterator[Misfit]:
    """Yield the required node affinity if no term of it matches; source: plugins/nodeaffinity."""
    if terms is None:
        return
    unmet = [[one for one in term if not _is_met(one, labels)] for term in terms]
    if not all(unmet):
        return
    if not unmet:
        yield Misfit(Kind.AFFINITY, "", "node affinity without a term that could match")
        return
    nearest = min(unmet, key=len)
    wanted = [f"{_written(one)}, {_has(labels, one.key)}" for one in nearest]
    of_many = f"none of {len(unmet)} terms matches, the nearest " if len(unmet) > 1 else ""
    about = nearest[0].key
    yield Misfit(Kind.AFFINITY, about, f"node affinity: {of_many}wants {_listed(wanted)}")


def _is_met(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """Whether labels meet a requirement; source: k8s.io/apimachinery pkg/labels/selector.go."""
    if requirement.key == HOSTNAME_LABEL:
        return True
    if requirement.operator not in {"Gt", "Lt"}:
        return requirement.matches(labels)
    given = labels.get(requirement.key, "")
    bound = " ".join(requirement.values)
    if not _INTEGER.fullmatch(given) or not _INTEGER.fullmatch(bound):
        return False
    return int(given) > int(bound) if requirement.operator == "Gt" else int(given) < int(bound)


def _too_much(requests: Amounts, allocatable: Amounts) -> Iterator[Misfit]:
    """Yield what the node gives too little of; source: plugins/noderesources (`fitsRequest`).

    Both sides count in whole units, cpu in thousandths, rounded up (`SetMaxResource`).
    """
    if allocatable.get(PODS, quantity.NANOS_PER_UNIT) < quantity.NANOS_PER_UNIT:
        yield Misfit(Kind.PODS, PODS, "the node takes no pods")
    for name in sorted(requests, key=lambda name: ("/" not in name, name)):
        if name in _ALWAYS_REPORTED and name not in allocatable:
            continue
        if name.startswith(EXTENDED_RESOURCE_PREFIX):  # given by DRA alone
            continue
        asked, given = (_whole(name, nanos) for nanos in (requests[name], allocatable.get(name, 0)))
        if asked > given:
            yield Misfit(Kind.RESOURCE, name, _short_of(name, asked, given))


def _whole(resource: str, nanos: int) -> int:
    step = quantity.NANOS_PER_MILLI if resource == CPU else quantity.NANOS_PER_UNIT
    return -(-nanos // step) * step


# ---------------------------------------------------------------- in words


def _has(labels: Mapping[str, str], key: str) -> str:
    return f"the node has {labels[key] or 'an empty one'}" if key in labels else "the node has none"


def _written(requirement: Requirement) -> str:
    values = f" [{_listed(sorted(requirement.values), ', ')}]" if requirement.values else ""
    return f"{requirement.key} {requirement.operator}{values}"


def _listed(texts: Sequence[str], between: str = " and ") -> str:
    more = len(texts) - MOST_NAMED
    return between.join([*texts[:MOST_NAMED], *([f"{more} more"] if more > 0 else [])])


def _short_of(resource: str, asked: int, given: int) -> str:
    if "/" in resource:
        units = given // quantity.NANOS_PER_UNIT or "none"
        return f"asks for {asked // quantity.NANOS_PER_UNIT} {resource}, the node gives {units}"
    write = _cores if resource == CPU else _size
    wanted, there = write(asked), write(given)
    if wanted == there:
        wanted, there = quantity.memory(asked), quantity.memory(given)
    return f"{resource}: asks for {wanted}, the node gives {there}"


def _cores(nanos: int) -> str:
    whole, millis = divmod(nanos // quantity.NANOS_PER_MILLI, 1000)
    return f"{whole}.{millis:03}".rstrip("0").rstrip(".")


def _size(nanos: int) -> str:
    """Write bytes as people say them, to a tenth."""
    size, suffixes = nanos / quantity.NANOS_PER_UNIT, ["", "Ki", "Mi", "Gi", "Ti"]
    while size >= 1024 and len(suffixes) > 1:  # noqa: PLR2004 - the step between binary suffixes
        size, suffixes = size / 1024, suffixes[1:]
    return f"{size:.1f}".removesuffix(".0") + suffixes[0]


def _of(names: Sequence[str], total: int) -> str:
    such = f"such as {names[0]}" if len(names) > 1 else names[0]
    return f"{len(names)} of {total} shapes ({such})"


def _summary(groups: Mapping[tuple[str, ...], list[str]]) -> str:
    """Tell of the shapes that a pod fits on none of, those with the same misfits at once."""
    total = sum(map(len, groups.values()))
    ranked = sorted(groups.items(), key=lambda group: (len(group[0]), -len(group[1])))
    told = [f"{_of(names, total)}: {_listed(texts)}" for texts, names in ranked]
    said = _listed(told, "; ") if total > 1 else _listed(ranked[0][0])
    return said if len(said) <= LONGEST_SUMMARY else said[: LONGEST_SUMMARY - 1] + "…"
