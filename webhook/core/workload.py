"""A workload that autoscalers act on: its containers, its owner, its replicas."""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from functools import cached_property

from webhook.core.autoscalers.target import WorkloadKey, named_target
from webhook.core.classify import Maker, made_by
from webhook.core.fields import Raw, annotation, integer, mapping, strings
from webhook.core.frozen import frozen
from webhook.core.kinds import Kind, templates
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    GroupKind,
    ObjectRef,
    Owner,
    controller,
    exemptions,
    is_going,
    reference,
    uid_of,
)
from webhook.core.pod import Container, Role, containers, pod_level_requests
from webhook.core.selector import Selector, read_labels, read_selector

_MAIN_CONTAINER = "kubectl.kubernetes.io/default-container"

REPLICATION_CONTROLLER = GroupKind("", "ReplicationController")
"""The one kind that selects by bare labels."""


@frozen
class ContainerSet:
    """What the rules need of a pod template."""

    regular: tuple[str, ...]
    pod_level: frozenset[str] = frozenset()
    """Resources that the pod requests as a whole: what a Utilization metric then divides by."""


@frozen(slots=False)
class MadePod:
    """A pod template as it is written, and what makes pods of it.

    Its containers are listed once: a judgement asks for them again and again.
    """

    pod: Raw
    maker: Maker | None

    @cached_property
    def containers(self) -> list[Container]:
        """All of its containers."""
        return containers(self.pod)

    @cached_property
    def running(self) -> list[Container]:
        """Those whose usage is measured: regular ones and native sidecars."""
        return [one for one in self.containers if one.role is not Role.INIT]

    @cached_property
    def main(self) -> Container | None:
        """The one that kubectl takes where none is named; sidecars have ports of their own."""
        regular = [one for one in self.containers if one.role is Role.REGULAR]
        named = annotation(self.pod, _MAIN_CONTAINER)
        return next((one for one in regular if one.name == named), next(iter(regular), None))


@frozen
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
    selector: Selector | None = None
    """What its pods are found by, by HPAs too; None where nobody has written that."""
    pods: tuple[MadePod, ...] = field(default=(), compare=False)
    """The template of `containers`, in each version of it that is known (overlays)."""

    @property
    def labels(self) -> list[Mapping[str, str]]:
        """The labels of its pods, in each version; of a template that says none, none."""
        found = [strings(made.pod, "metadata", "labels") for made in self.pods]
        return [labels for labels in found if labels]

    def selects(self, other: "Workload") -> bool:
        """Whether its selector matches pods of another workload."""
        return self.selector is not None and any(map(self.selector.matches, other.labels))

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
            # A patch of an overlay says nothing of these.
            uid=other.uid or self.uid,
            owner=other.owner or self.owner,
            same_as=other.same_as or self.same_as,
            selector=other.selector or self.selector,
            pods=self.pods + other.pods,
        )


def _most(*replicas: int | None) -> int | None:
    return max((one for one in replicas if one is not None), default=None)


def _distinct(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def _selector(ref: ObjectRef, written: Raw) -> Selector | None:
    """Read what a scale subresource says of a workload's pods: an empty selector says nothing."""
    is_labels = ref.group_kind == REPLICATION_CONTROLLER
    found = read_labels(written) if is_labels else read_selector(written)
    return found if found.requirements else None


def _container_set(made: MadePod) -> ContainerSet | None:
    """Read the regular containers of a pod template. No others are an autoscaler's matter.

    None where it lists none: a patch file of an overlay says nothing of the containers.
    """
    regular = tuple(one.name for one in made.containers if one.role is Role.REGULAR)
    return ContainerSet(regular, pod_level_requests(made.pod)) if regular else None


def read_workload(raw: Raw, kind: Kind) -> Workload:
    """Read a workload of a kind of the catalogue."""
    ref = reference(raw)
    namespace = ref.namespace or DEFAULT_NAMESPACE
    found = templates(kind, raw)
    spec = mapping(raw, "spec")
    # An assembled pod's containers have the names that an operator would give them: no facts.
    pod = found[0].raw if len(found) == 1 and not found[0].assembled else {}
    made = MadePod(pod, made_by(raw))
    known = _container_set(made)
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
        selector=_selector(ref, mapping(spec, "selector")),
        pods=(made,) if known is not None else (),
    )
