"""A scaler of replicas (HPA, ScaledObject, PodAutoscaler), with what its metrics read."""

from enum import StrEnum
from typing import NamedTuple

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw, mapping, text
from webhook.core.frozen import frozen
from webhook.core.objects import GroupKind, ObjectRef, Owner


class TargetType(StrEnum):
    """What a metric compares: usage in percent of the request, or an amount per pod."""

    UTILIZATION = "Utilization"
    AVERAGE_VALUE = "AverageValue"


@frozen
class MetricClaim:
    """One Resource or ContainerResource metric: the scaler reads a resource of the pods."""

    resource: str
    container: str | None
    """The one container that a ContainerResource metric covers; None: all of the pod."""
    target_type: TargetType
    target: str
    """The target as a person writes it: `70%`, `500m`."""
    path: str
    defaulted: bool = False
    """The API server fills this metric in; it is not written in the object."""
    dropped: bool = False
    """KEDA drops this metric (ContainerResource under scalingModifiers)."""


@frozen
class AliasClaim:
    """A custom or external metric or query that reads cpu or memory usage under another name."""

    resource: str
    expression: str
    path: str
    relative_to: str | None
    """What usage is divided by: `request`, `limit`; None where by nothing."""


class Source(NamedTuple):
    """A metric that is not about cpu or memory of the pods."""

    type: str
    """The type of an HPA's metric, or of KEDA's trigger."""
    name: str = ""
    """What the metric is called, where that is known."""


NO_SOURCES: frozenset[Source] = frozenset()  # one for all: an empty set takes 216 bytes


@frozen
class Inert:
    """Why a scaler has no effect now, and the field that says so."""

    reason: str
    path: str


def inert(
    least: int | None, most: int | None, behavior: Raw, paths: tuple[str, str]
) -> Inert | None:
    """Say why an HPA cannot change the replicas; None where it can. minReplicas defaults to 1.

    `paths` are where the upper bound and the behaviour stand.
    """
    least = 1 if least is None else least
    if least == most:
        return Inert(f"minReplicas equals maxReplicas ({most})", paths[0])
    directions = (mapping(behavior, direction) for direction in ("scaleUp", "scaleDown"))
    if all(text(direction, "selectPolicy") == "Disabled" for direction in directions):
        return Inert("behavior disables both directions", paths[1])
    return None


class Product(NamedTuple):
    """What an operator makes of an object that scales: most often an HPA."""

    group_kind: GroupKind
    name: str | None


@frozen
class Scaler:
    """An HPA, or an object of which an operator makes one, or scales by itself."""

    ref: ObjectRef
    uid: str | None
    target: WorkloadKey | None
    metrics: tuple[MetricClaim, ...]
    aliases: tuple[AliasClaim, ...]
    active: bool
    """False while it scales nothing at all: paused, or as good as deleted."""
    inert: Inert | None
    """Why it has no effect now though it is active; None where it has one."""
    exempt: frozenset[str]
    makes: Product | None = None
    """What its operator makes of it; None where that is nothing."""
    owner: Owner | None = None
    takes_over: str | None = None
    """The HPA whose ownership a ScaledObject takes over."""
    tolerates_scaled_objects: bool = False
    """`validations.keda.sh/hpa-ownership: "false"` on an HPA."""
    activates: bool = False
    """KEDA itself scales the workload between none (or idle) and the range of the HPA."""
    most: int | None = None
    """How many replicas it may bring; None where that is not written."""
    least: int | None = None
    """The fewest replicas that it leaves."""
    implied: bool = False
    """Nobody wrote it: it comes with an object, and what is made of it is judged like any other."""
    presumed: str | None = None
    """On what its coming depends, where that is not known; None where it is sure to come."""
    part: str | None = None
    """The part of its target that it scales, where that has several with replicas of their own."""
    scaled_to_zero: bool = False
    """Its status says that the HPA itself scaled to 0, where it then still acts."""
    sources: frozenset[Source] = NO_SOURCES
    """What it scales on beside cpu and memory."""

    @property
    def source_types(self) -> frozenset[str]:
        """The types of what it scales on beside cpu and memory."""
        return frozenset(source.type for source in self.sources)
