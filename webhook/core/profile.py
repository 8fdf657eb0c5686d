"""The figures that mutations work with, and which of the configured profiles a pod gets."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field

from webhook.core.accelerators import EXTENDED_RESOURCE_PREFIX, Accelerator
from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.core.kinds import WorkloadClass
from webhook.core.nodes import NodeShape, Shares
from webhook.core.pod import CPU, MEMORY
from webhook.core.quantity import NANOS_PER_MILLI, NANOS_PER_UNIT
from webhook.core.selector import Selector
from webhook.core.vpa_plan.terms import VpaTerms

PROFILE_ANNOTATION = "scaleguard.io/profile"

BUILT_IN = "default of scaleguard"
"""Where a value comes from that nobody configured."""

_MIB = 2**20 * NANOS_PER_UNIT


@frozen
class Figures:
    """Default requests, in nanos (cpu: of a core, memory: of a byte)."""

    cpu: int
    memory: int
    source: str = field(default=BUILT_IN, compare=False)
    """Who says so, as people call it."""

    def of(self, resource: str) -> int:
        """The figure of one resource."""
        return {CPU: self.cpu, MEMORY: self.memory}[resource]


def cores_and_gib(cores: float, gib: float) -> Figures:
    """Figures in the units in which people think of them."""
    return Figures(round(cores * 1000) * NANOS_PER_MILLI, round(gib * 1024) * _MIB)


# Per device. Context (public manifests, 986 accelerator pods; per GPU p25/p50/p75): 2/4/9 cpu and
# 10/20/45 GiB. AWS nodes give at least 3.92 cpu and 13.8 GiB per GPU. The defaults stay below both,
# so that they never keep a pod from the node that it would have found without them.
DEFAULT_FIGURES: Mapping[WorkloadClass, Figures] = {
    WorkloadClass.INFERENCE: cores_and_gib(2, 8),
    WorkloadClass.TRAINING: cores_and_gib(3, 12),
    WorkloadClass.NOTEBOOK: cores_and_gib(1, 4),
    WorkloadClass.BATCH: cores_and_gib(2, 8),
}


@frozen
class ExtraToleration:
    """A toleration beside those of accelerators, exactly as it is written, and who wants it."""

    raw: Raw
    source: str = field(default="extraTolerations", compare=False)


@frozen
class SharedMemory:
    """A `/dev/shm` of its own for containers with accelerators."""

    size_limit: str | None = None
    """The quantity as it is written; None: as much as the memory limit, or the node, gives."""


@frozen
class Profile:
    """One complete set of figures and choices."""

    name: str = ""
    """As it is called in the configuration; empty for the values that apply without any."""
    per_device: Mapping[WorkloadClass, Figures] = field(default_factory=lambda: DEFAULT_FIGURES)
    per_slice: Figures = field(default_factory=lambda: cores_and_gib(0.5, 2))
    sidecar: Figures = field(default_factory=lambda: Figures(50 * NANOS_PER_MILLI, 64 * _MIB))
    cpu_only: Figures | None = None
    """Per container of an AI pod without any accelerator; None: such pods are given nothing."""
    extra_tolerations: tuple[ExtraToleration, ...] = ()
    network: tuple[re.Pattern[str], ...] = ()
    """Names of network devices whose taints are tolerated beside those of accelerators."""
    shared_memory: SharedMemory | None = None
    protect: bool | None = None
    """Whether node autoscalers are told to leave the pod alone; None: training pods, unless their
    class is a guess."""

    vpa: VpaTerms = field(default_factory=VpaTerms)

    @property
    def said(self) -> str:
        """How people call it."""
        return f"profile {self.name}" if self.name else "the configuration"


@frozen
class Match:
    """Which pods get a profile without asking for it: all that is said must hold."""

    classes: frozenset[WorkloadClass] = frozenset()
    """Any of these; none listed: every class."""
    accelerators: frozenset[str] = frozenset()
    """Resource names, DeviceClasses or families; none listed: pods without any, too."""
    namespaces: Selector = field(default_factory=Selector)

    def matches(
        self,
        workload_class: WorkloadClass,
        accelerators: Iterable[Accelerator],
        resources: Iterable[str],
        namespace_labels: Mapping[str, str],
    ) -> bool:
        """Whether a pod with these accelerators in such a namespace is meant."""
        if self.classes and workload_class not in self.classes:
            return False
        names = {name.removeprefix(EXTENDED_RESOURCE_PREFIX) for name in resources}
        known = names | {accelerator.family for accelerator in accelerators}
        if self.accelerators and not self.accelerators & known:
            return False
        return self.namespaces.matches(namespace_labels)


@frozen
class Profiles:
    """All that is configured: the values for everybody, and named profiles that differ."""

    base: Profile = field(default_factory=Profile)
    named: Mapping[str, tuple[Profile, Match | None]] = field(default_factory=dict)
    """In the order in which they are tried; without a match only an annotation picks one."""
    node_shapes: tuple[NodeShape, ...] = ()
    """Nodes that are known whether they run or not: pools that are scaled to zero."""
    shares: Shares = field(default_factory=dict)
    """What these nodes give per device."""

    def automatic(
        self,
        workload_class: WorkloadClass,
        accelerators: Iterable[Accelerator],
        resources: Iterable[str],
        namespace_labels: Mapping[str, str],
    ) -> Profile:
        """The first profile that matches a pod, else the values for everybody."""
        found, names = tuple(accelerators), tuple(resources)
        for profile, match in self.named.values():
            if match is not None and match.matches(workload_class, found, names, namespace_labels):
                return profile
        return self.base

    def pick(
        self,
        asked: Iterable[tuple[str, str]],
        workload_class: WorkloadClass,
        accelerators: Iterable[Accelerator],
        resources: Iterable[str],
        namespace_labels: Mapping[str, str],
    ) -> tuple[Profile, tuple[str, ...]]:
        """The profile of a pod, and notes on profiles that do not exist.

        `asked` are the names in annotations, the pod's before its namespace's, each with where it
        stands; the first one that exists is taken whatever it would match by itself.
        """
        notes: list[str] = []
        for name, where in asked:
            if not name:
                continue
            if name in self.named:
                return self.named[name][0], tuple(notes)
            there = f"there are {', '.join(self.named)}" if self.named else "none is configured"
            notes.append(f"{PROFILE_ANNOTATION}: {name} ({where}): no such profile; {there}")
        found = self.automatic(workload_class, accelerators, resources, namespace_labels)
        return found, tuple(notes)
