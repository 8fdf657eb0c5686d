"""A workload that autoscalers act on: its containers, its owner, its replicas."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from webhook.core.autoscalers.target import WorkloadKey, named_target
from webhook.core.classify import Maker, made_by
from webhook.core.fields import Raw, integer, mapping
from webhook.core.kinds import Kind, templates
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    ObjectRef,
    Owner,
    controller,
    exemptions,
    is_going,
    reference,
    uid_of,
)
from webhook.core.pod import Role, containers, pod_level_requests


@dataclass(frozen=True, slots=True)
class ContainerSet:
    """What the rules need of a pod template."""

    regular: tuple[str, ...]
    pod_level: frozenset[str] = frozenset()
    """Resources that the pod requests as a whole: what a Utilization metric then divides by."""


class MadePod(NamedTuple):
    """A pod template as it is written, and what makes pods of it."""

    pod: Raw
    maker: Maker | None


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload as autoscalers see it."""

    ref: ObjectRef
    uid: str | None
    key: WorkloadKey
    containers: ContainerSet | None
    """None where the kind has no template of its own, or not exactly one."""
    owner: Owner | None
    replicas: int | None
    active: bool
    exempt: frozenset[str]
    same_as: WorkloadKey | None = None
    """The Deployment that an Argo Rollout's workloadRef names: one workload, two names."""
    pods: tuple[MadePod, ...] = field(default=(), compare=False)
    """The template of `containers`, in each version of it that is known (overlays)."""

    def merged(self, other: "Workload") -> "Workload":
        """Join another version of the same workload: its containers are added to ours."""
        both = [one.containers for one in (self, other) if one.containers is not None]
        return replace(
            other,
            containers=ContainerSet(
                _distinct(one.regular for one in both),
                frozenset.intersection(*(one.pod_level for one in both)),
            )
            if both
            else None,
            replicas=_most(self.replicas, other.replicas),
            exempt=self.exempt & other.exempt,
            pods=self.pods + other.pods,
        )


def _most(*replicas: int | None) -> int | None:
    return max((one for one in replicas if one is not None), default=None)


def _distinct(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def container_set(pod: Raw) -> ContainerSet | None:
    """Read the regular containers of a pod template. No others are an autoscaler's matter.

    None where it lists none: a patch file of an overlay says nothing of the containers.
    """
    regular = tuple(one.name for one in containers(pod) if one.role is Role.REGULAR)
    return ContainerSet(regular, pod_level_requests(pod)) if regular else None


def read_workload(raw: Raw, kind: Kind) -> Workload:
    """Read a workload of a kind of the catalogue."""
    ref = reference(raw)
    namespace = ref.namespace or DEFAULT_NAMESPACE
    found = templates(kind, raw)
    spec = mapping(raw, "spec")
    # An assembled pod's containers have the names that an operator would give them: no facts.
    pod = found[0].raw if len(found) == 1 and not found[0].assembled else {}
    known = container_set(pod)
    return Workload(
        ref,
        uid_of(raw),
        WorkloadKey(namespace, *ref.group_kind, ref.name or ""),
        known,
        controller(raw),
        integer(spec, "replicas"),
        active=not is_going(raw),
        exempt=exemptions(raw),
        same_as=named_target(namespace, mapping(spec, "workloadRef")),
        pods=(MadePod(pod, made_by(raw)),) if known is not None else (),
    )
