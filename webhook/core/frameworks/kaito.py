"""KAITO: a model by name on machines by name (kaito-project/kaito)."""

from collections.abc import Iterator

from webhook.core.fields import Raw, integer, mapping, text
from webhook.core.frameworks.pieces import container_of, pod_of
from webhook.core.patch import Segment

# What KAITO's pods tolerate (pkg/workspace/inference/preset_inferences.go, `defaultTolerations`).
_TOLERATIONS = (
    {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
)

# GPUs of the machines that KAITO knows: pkg/sku/azure_sku_handler.go and aws_sku_handler.go.
_GPUS = {
    1: (
        "Standard_NV36ads_A10_v5 Standard_NC24ads_A100_v4 Standard_NC40ads_H100_v5"
        " Standard_NCC40ads_H100_v5"
        " g5.xlarge g5.2xlarge g5.4xlarge g5.8xlarge g5.16xlarge g6.xlarge g6.2xlarge g6.4xlarge"
        " g6.8xlarge g6.16xlarge gr6.4xlarge gr6.8xlarge"
    ),
    2: "Standard_NV72ads_A10_v5 Standard_NC48ads_A100_v4 Standard_NC80adis_H100_v5",
    4: "Standard_NC96ads_A100_v4 g5.12xlarge g5.24xlarge g6.12xlarge g6.24xlarge",
    8: (
        "Standard_ND96asr_A100_v4 Standard_ND96amsr_A100_v4 Standard_ND96isr_H100_v5"
        " Standard_ND96isr_H200_v5 g5.48xlarge g6.48xlarge p4d.24xlarge p4de.24xlarge"
        " p5.48xlarge p5e.48xlarge p5en.48xlarge"
    ),
}
_GPUS_OF = {machine: count for count, machines in _GPUS.items() for machine in machines.split()}

_UNKNOWN = "as many as the machine has"


def kaito(name: str, workspace: Raw) -> Iterator[tuple[tuple[Segment, ...], Raw]]:
    """Make the pod of a preset model: all GPUs of one machine, or the MIG profile asked for."""
    inference = mapping(workspace, "inference")
    if not mapping(inference, "preset"):
        return
    resource = mapping(workspace, "resource")
    partition = mapping(resource, "partition")
    asked: dict[str, int | str]
    if text(partition, "mode") == "mig":
        asked = {f"nvidia.com/mig-{text(partition, 'profile')}": 1}
    else:
        machine = _GPUS_OF.get(text(resource, "instanceType"), _UNKNOWN)
        asked = {"nvidia.com/gpu": integer(partition, "count") or machine}
    main = container_of(name or "model", {}, {"requests": asked, "limits": asked})
    yield ("inference", "preset"), pod_of({"tolerations": list(_TOLERATIONS)}, [main])
