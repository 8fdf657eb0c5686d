"""What the scalers of a workload read: a VPA beside them leaves these resources alone."""

from collections.abc import Iterator

from webhook.core.autoscalers.inference_service import AUTOSCALER_CLASS
from webhook.core.autoscalers.kinds import INFERENCE_SERVICE
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw, strings
from webhook.core.objects import controller
from webhook.core.pod import COMPUTE_RESOURCES, CPU
from webhook.core.world import World

METRIC = "serving.kserve.io/metric"

# With these KServe makes no HPA of its own (kserve pkg/constants, pkg/controller/v1beta1/
# inferenceservice/reconcilers/hpa): of `keda` the ScaledObject is read itself.
_NO_HPA = frozenset({"none", "external", "keda"})


def taken(raw: Raw, key: WorkloadKey, world: World) -> dict[str, str]:
    """Return the resources that are somebody else's, each with who reads it and how.

    Paused and powerless scalers count as well: what wakes them is no change of the VPA, and the
    conflict would be there at once. So do metrics that read usage under another name.
    """
    found: dict[str, str] = {}
    # An HPA on what stands above scales these pods as well: KAITO's InferenceSet.
    for name in (key, *world.other_names(key), *world.above(key)):
        for scaler in world.scalers_on(name):
            for resource, how in _read_by(scaler):
                found.setdefault(resource, f"{scaler.ref} {how}")
    for resource, how in _coming(raw):
        found.setdefault(resource, how)
    return {resource: found[resource] for resource in COMPUTE_RESOURCES if resource in found}


def _read_by(scaler: Scaler) -> Iterator[tuple[str, str]]:
    for claim in scaler.metrics:
        yield claim.resource, f"scales on {claim.resource}"
    for alias in scaler.aliases:
        yield alias.resource, f"scales on {alias.resource} under another name ({alias.path})"


def _coming(raw: Raw) -> Iterator[tuple[str, str]]:
    """What the HPA will read that KServe makes after its Deployment, unless it is told not to."""
    owner = controller(raw)
    if owner is None or (owner.group, owner.kind) != INFERENCE_SERVICE:
        return
    annotations = strings(raw, "metadata", "annotations")
    if annotations.get(AUTOSCALER_CLASS, "hpa") not in _NO_HPA:
        resource = annotations.get(METRIC, CPU)
        yield resource, f"the HPA that KServe makes for InferenceService {owner.name} scales on it"
