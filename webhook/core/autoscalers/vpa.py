"""Read VerticalPodAutoscalers: which requests of which containers one writes.

Source: VPA pkg/apis/autoscaling.k8s.io/v1/types.go and pkg/utils/vpa/api.go
(`GetContainerResourcePolicy`, `GetUpdateMode`, `GetContainerControlledResources`).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from webhook.core import quantity
from webhook.core.autoscalers.target import WorkloadKey, vpa_target
from webhook.core.fields import Raw, annotation, mapping, members, text
from webhook.core.frozen import frozen
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    ObjectRef,
    Owner,
    controller,
    exemptions,
    is_going,
    is_labelled,
    reference,
)
from webhook.core.patch import Segment
from webhook.core.pod import COMPUTE_RESOURCES

ANY_CONTAINER = "*"
MODE_OFF = "Off"
DEFAULT_MODE = "Recreate"
GKE_RIGHTSIZING_ANNOTATION = "gke.io/autoscaling-hpa-rightsizing-mode"
GKE_RIGHTSIZING_MODE = "gke-hpa-rightsizing-mode-policy"


@frozen
class ContainerPolicy:
    """One member of spec.resourcePolicy.containerPolicies, with its defaults filled in."""

    index: int
    name: str
    off: bool
    resources: frozenset[str]
    """What is controlled of cpu and memory; empty in mode Off."""
    boosts: bool | None
    """Whether it boosts cpu at start; None: as the VPA says."""
    raw: Raw

    @property
    def path(self) -> str:
        """Where the policy stands."""
        return f"spec.resourcePolicy.containerPolicies[{self.index}]"


@frozen
class Vpa:
    """A VPA with its policies resolved."""

    ref: ObjectRef
    target: WorkloadKey | None
    mode: str
    named: tuple[ContainerPolicy, ...]
    """The policies that name a container, first of each name only: the others are never read."""
    wildcard: ContainerPolicy | None
    boosts: bool
    has_boost: bool
    """Whether startupBoost stands anywhere in it, even where it raises nothing."""
    active: bool
    exempt: frozenset[str]
    gke_rightsizing: bool
    unquoted: tuple[tuple[Segment, ...], ...]
    """Paths of modes that YAML read as booleans: an unquoted `Off`."""
    raw: Raw
    """spec.resourcePolicy and spec.updatePolicy, for the fix."""
    by_name: Mapping[str, ContainerPolicy]
    """The named policies again: a VPA may have thousands of them."""
    owner: Owner | None = None
    labelled: bool = False
    """Whether it carries the label of VPAs that the controller made."""

    def policy(self, container: str) -> ContainerPolicy | None:
        """The policy of a container: a named one replaces `*`; None means all defaults."""
        return self.by_name.get(container, self.wildcard)

    def controls(self, container: str, resource: str) -> bool:
        """Whether recommendations for a resource are written into a container's requests."""
        return self.mode != MODE_OFF and resource in resources(self.policy(container))

    def boosts_cpu(self, container: str) -> bool:
        """Whether cpu is raised at the start of a container: in every mode, `Off` included."""
        policy = self.policy(container)
        if policy is None or policy.boosts is None:
            return self.boosts and not (policy and policy.off)
        return policy.boosts and not policy.off

    @property
    def writes(self) -> bool:
        """Whether it takes part at all: any mode but Off, or a startupBoost.

        VPA's admission counts an Off VPA with any startupBoost among the candidates, and the oldest
        of them shadows the others (`HasStartupBoost`, `GetControllingVPAForPod`).
        """
        return self.mode != MODE_OFF or self.has_boost

    @property
    def policies(self) -> tuple[ContainerPolicy, ...]:
        """All policies that are read."""
        return (*self.named, self.wildcard) if self.wildcard else self.named

    def ineffective(self, containers: Sequence[str]) -> str | None:
        """Why it can never write anything though its mode says so; None where it can.

        `containers` are those of its workload; none while they are unknown, when any may come.
        """
        names = containers or (ANY_CONTAINER, *(policy.name for policy in self.named))
        if self.mode == MODE_OFF or any(
            resources(self.policy(name)) or self.boosts_cpu(name) for name in names
        ):
            return None
        return "its container policies control no resource of any container"


def resources(policy: ContainerPolicy | None) -> frozenset[str]:
    """What a policy controls; without one a container is managed in full."""
    return policy.resources if policy is not None else frozenset(COMPUTE_RESOURCES)


def read_vpa(raw: Raw) -> Vpa:
    """Read a VPA; a missing mode is Recreate, an unquoted `Off` (read as false) is Off."""
    ref = reference(raw)
    spec = mapping(raw, "spec")
    mode, mode_unquoted = _mode(mapping(spec, "updatePolicy"), "updateMode", DEFAULT_MODE)
    unquoted: list[tuple[Segment, ...]] = []
    if mode_unquoted:
        unquoted.append(("spec", "updatePolicy", "updateMode"))
    named: dict[str, ContainerPolicy] = {}
    wildcard: ContainerPolicy | None = None
    listed = list(members(mapping(spec, "resourcePolicy"), "containerPolicies"))
    for index, member in listed:
        policy, policy_unquoted = _policy(index, member)
        if policy_unquoted:
            unquoted.append(("spec", "resourcePolicy", "containerPolicies", index, "mode"))
        if policy.name == ANY_CONTAINER:
            wildcard = policy
        elif policy.name:
            named.setdefault(policy.name, policy)
    return Vpa(
        ref,
        vpa_target(ref.namespace or DEFAULT_NAMESPACE, mapping(spec, "targetRef")),
        mode,
        tuple(named.values()),
        wildcard,
        boosts=bool(_boost(spec)),
        has_boost=any(
            one.get("startupBoost") is not None for one in (spec, *(member for _, member in listed))
        ),
        active=not is_going(raw),
        exempt=exemptions(raw),
        gke_rightsizing=annotation(raw, GKE_RIGHTSIZING_ANNOTATION) == GKE_RIGHTSIZING_MODE,
        unquoted=tuple(unquoted),
        raw={name: spec[name] for name in ("resourcePolicy", "updatePolicy") if spec.get(name)},
        by_name=named,
        owner=controller(raw),
        labelled=is_labelled(raw),
    )


def _policy(index: int, member: Raw) -> tuple[ContainerPolicy, bool]:
    mode, unquoted = _mode(member, "mode", "Auto")
    listed = member.get("controlledResources")
    controlled = COMPUTE_RESOURCES if listed is None else _known(listed)
    off = mode == MODE_OFF
    kept = _resources(() if off else tuple(controlled))
    return ContainerPolicy(
        index, text(member, "containerName"), off, kept, _boost(member), member
    ), unquoted


@cache
def _resources(controlled: tuple[str, ...]) -> frozenset[str]:
    """There are four such sets, and policies by the thousand."""
    return frozenset(controlled)


def _mode(holder: Raw, name: str, default: str) -> tuple[str, bool]:
    """Read a mode, and whether it is YAML 1.1's boolean for an unquoted `Off`."""
    if holder.get(name) is False:
        return MODE_OFF, True
    return text(holder, name) or default, False


def _known(listed: Any) -> tuple[str, ...]:
    """VPA acts on cpu and memory only, whatever else a list says."""
    return tuple(name for name in COMPUTE_RESOURCES if isinstance(listed, list) and name in listed)


def _boost(holder: Raw) -> bool | None:
    """Read startupBoost; None where it is not set. Without cpu or by a factor of 1 it is idle."""
    if holder.get("startupBoost") is None:
        return None
    boost = mapping(holder, "startupBoost", "cpu")
    if not boost:
        return False
    if text(boost, "type") == "Quantity":
        return bool(quantity.parse(boost.get("quantity")))
    return boost.get("factor") != 1
