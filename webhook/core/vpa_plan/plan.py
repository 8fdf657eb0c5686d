"""The VPA that should exist for a workload, or why there should be none.

Controls cpu and memory minus what any scaler of the workload reads, so that it never touches what
moves the replicas; never does more to running pods than somebody said. A pure function of the
workload and its world: running it again changes nothing.
"""

from collections.abc import Mapping, Sequence

from webhook.core.ai_pod import AiPod
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import MODE_OFF
from webhook.core.fields import Raw, annotation
from webhook.core.frozen import frozen
from webhook.core.kinds import Kind
from webhook.core.nodes import NodeShape
from webhook.core.pod import COMPUTE_RESOURCES
from webhook.core.profile import Profile
from webhook.core.vpa_plan.bounds import allowed
from webhook.core.vpa_plan.manifest import Choices, controlled_values, manifest
from webhook.core.vpa_plan.mode import Mode, mode_of, wished
from webhook.core.vpa_plan.taken import taken
from webhook.core.vpa_plan.target import no_target
from webhook.core.vpa_plan.terms import ACCEPTED_MODES, VPA_ANNOTATION, Wish
from webhook.core.workload import Workload, read_workload
from webhook.core.world import World


@frozen
class Planned:
    """A VPA that should exist, complete."""

    workload: WorkloadKey
    vpa: Raw


@frozen
class Withheld:
    """An AI workload that gets no VPA of ours, and why."""

    workload: WorkloadKey
    reason: str


Plan = Planned | Withheld


@frozen
class Subject:
    """A workload of a known kind, with what was found in its pod templates."""

    raw: Raw
    kind: Kind
    pods: tuple[tuple[Raw, AiPod], ...]
    """Those of its templates that are AI pods, fitted; the first one speaks for the workload."""
    profile: Profile
    """Of that first one."""


def plan(
    subject: Subject,
    world: World,
    shapes: Sequence[NodeShape],
    accepted: frozenset[str] = ACCEPTED_MODES,
) -> Plan:
    """Plan for an AI workload. `accepted` are the update modes that the cluster takes."""
    workload = read_workload(subject.raw, subject.kind)
    reason = no_target(subject.raw, workload, subject.kind, world) or _theirs(workload, world)
    if reason:
        return Withheld(workload.key, reason)
    profile, ai_pods = subject.profile, [ai_pod for _, ai_pod in subject.pods]
    asked = wished(_annotations(subject), profile.vpa.wish, profile.said, ai_pods[0])
    if asked.wish is Wish.OFF:
        return Withheld(workload.key, asked.why)
    others = taken(subject.raw, workload.key, world)
    left = tuple(resource for resource in COMPUTE_RESOURCES if resource not in others)
    mode = mode_of(asked, subject.kind, accepted)
    if not left:
        mode = Mode(MODE_OFF, f"nothing is left to control: {'; '.join(others.values())}")
    resources = left or COMPUTE_RESOURCES
    limits = world.bounds(workload.key.namespace)
    choices = Choices(
        mode,
        resources,
        _why(others) if left else "",
        controlled_values(pod for pod, _ in subject.pods),
        allowed(resources, ai_pods, profile, limits, shapes),
        1 if mode.updates and _replicas(workload, world) <= 1 else None,
    )
    return Planned(workload.key, manifest(workload, choices))


def _theirs(workload: Workload, world: World) -> str | None:
    """Somebody's own VPA stands, whatever it does."""
    for vpa in world.vpas_on(workload.key):
        if not world.is_managed(vpa):
            return f"{vpa.ref} is somebody's own"
    return None


def _annotations(subject: Subject) -> list[tuple[str, str]]:
    holders = [(subject.raw, "the workload's annotation")]
    holders += [(pod, "the pod template's annotation") for pod, _ in subject.pods]
    return [
        (value, f"{where} {VPA_ANNOTATION}")
        for holder, where in holders
        if (value := annotation(holder, VPA_ANNOTATION)) is not None
    ]


def _why(others: Mapping[str, str]) -> str:
    return "; ".join(f"not {resource}: {how}" for resource, how in others.items())


def _replicas(workload: Workload, world: World) -> int:
    """How few replicas there may be by what is written: the count of now says nothing."""
    least = [one.least for one in world.scalers_on(workload.key) if one.least is not None]
    if least:
        return min(least)
    return 1 if workload.replicas is None else workload.replicas
