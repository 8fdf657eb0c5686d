"""A workload that autoscalers act on: its containers, its owner, its replicas."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw, integer, mapping, text
from webhook.core.kinds import Kind, templates
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    ObjectRef,
    Owner,
    controller,
    exemptions,
    group_of,
    is_going,
    reference,
    uid_of,
)
from webhook.core.pod import Role, containers, has_pod_level_resources


@dataclass(frozen=True, slots=True)
class ContainerSet:
    """What the rules need of a pod template."""

    regular: tuple[str, ...]
    sidecars: tuple[str, ...]
    pod_level_resources: bool


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

    def merged(self, other: "Workload") -> "Workload":
        """Join another version of the same workload: its containers are added to ours."""
        both = [one.containers for one in (self, other) if one.containers is not None]
        return replace(
            other,
            containers=ContainerSet(
                _distinct(one.regular for one in both),
                _distinct(one.sidecars for one in both),
                all(one.pod_level_resources for one in both),
            )
            if both
            else None,
            exempt=self.exempt & other.exempt,
        )


def _distinct(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def container_set(pod: Raw) -> ContainerSet:
    """Read the containers of a pod template. Plain init containers are no autoscaler's matter."""
    listed = containers(pod)
    return ContainerSet(
        tuple(one.name for one in listed if one.role is Role.REGULAR),
        tuple(one.name for one in listed if one.role is Role.SIDECAR),
        has_pod_level_resources(pod),
    )


def read_workload(raw: Raw, kind: Kind) -> Workload:
    """Read a workload of a kind of the catalogue."""
    ref = reference(raw)
    namespace = ref.namespace or DEFAULT_NAMESPACE
    found = templates(kind, raw)
    spec = mapping(raw, "spec")
    return Workload(
        ref,
        uid_of(raw),
        WorkloadKey(namespace, *ref.group_kind, ref.name or ""),
        container_set(found[0].raw) if len(found) == 1 else None,
        controller(raw),
        integer(spec, "replicas"),
        active=not is_going(raw),
        exempt=exemptions(raw),
        same_as=_workload_ref(namespace, mapping(spec, "workloadRef")),
    )


def _workload_ref(namespace: str, ref: Raw) -> WorkloadKey | None:
    kind, name = text(ref, "kind"), text(ref, "name")
    if not kind or not name:
        return None
    return WorkloadKey(namespace, group_of(text(ref, "apiVersion")), kind, name)
