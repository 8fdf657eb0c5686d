"""The figures that mutations work with: default requests, extra tolerations, shapes of nodes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from webhook.core.fields import Raw
from webhook.core.kinds import WorkloadClass
from webhook.core.nodes import NodeShape
from webhook.core.pod import CPU, MEMORY
from webhook.core.quantity import NANOS_PER_MILLI, NANOS_PER_UNIT

_MIB = 2**20 * NANOS_PER_UNIT


@dataclass(frozen=True, slots=True)
class Figures:
    """Default requests, in nanos (cpu: of a core, memory: of a byte)."""

    cpu: int
    memory: int

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


@dataclass(frozen=True, slots=True)
class Profile:
    """One named set of figures."""

    per_device: Mapping[WorkloadClass, Figures] = field(default_factory=lambda: DEFAULT_FIGURES)
    per_slice: Figures = field(default_factory=lambda: cores_and_gib(0.5, 2))
    sidecar: Figures = field(default_factory=lambda: Figures(50 * NANOS_PER_MILLI, 64 * _MIB))
    extra_tolerations: tuple[Raw, ...] = ()
    node_shapes: tuple[NodeShape, ...] = ()
