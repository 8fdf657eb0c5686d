"""Names that are nearly those of accelerators, and those that only look so."""

import pytest

from webhook.core.nearly import nearly
from webhook.knowledge import knowledge

CATALOGUE = knowledge().catalogue


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("nvidia/gpu", "nvidia.com/gpu"),
        ("nvidia.com/gpus", "nvidia.com/gpu"),
        ("nvidia.com/GPU", "nvidia.com/gpu"),
        ("NVIDIA.com/gpu", "nvidia.com/gpu"),
        ("nvida.com/gpu", "nvidia.com/gpu"),
        ("nvidia.com/gup", "nvidia.com/gpu"),
        ("nvidia.com.gpu", "nvidia.com/gpu"),
        ("requests.nvidia.com/gpu", "nvidia.com/gpu"),
        ("gpu", "nvidia.com/gpu"),
        ("nvidia.com/gpu-mem", "nvidia.com/gpumem"),
        ("nvidia.com/MIG-1g.5gb", "nvidia.com/mig-1g.5gb"),
        ("nvidia/mig-1g.5gb", "nvidia.com/mig-1g.5gb"),
        ("huawei.com/ascend910", "huawei.com/Ascend910"),
        ("cloud.google.com/tpu", "google.com/tpu"),
        ("aws.amazon.com/neuron-cores", "aws.amazon.com/neuroncore"),
        ("habana/gaudi", "habana.ai/gaudi"),
        ("intel/gpu", "intel.com/gpu"),
    ],
)
def test_what_somebody_probably_meant(written: str, meant: str) -> None:
    assert nearly(written, CATALOGUE) == meant
    assert CATALOGUE.resource(meant) is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nvidia.com/gpu",
        "amd.com/cpx_nps4",
        "cpu",
        "memory",
        "pods",
        "ephemeral-storage",
        "hugepages-2Mi",
        "batch-cpu",
        "example.com/foo",
        "example.com/gpu",
        "rdma/hca",
        "vpc.amazonaws.com/efa",
        "intel.com/qat",
        "gpu.intel.com/i915_monitoring",
        "qat.intel.com/generic",
        "sgx.intel.com/enclave",
        "nvidia.com/hostdev",
        "nvidia.com/pgpu",
        "nvidia.com/gpu/x",
        "devices.kubevirt.io/kvm",
        "kubernetes.io/batch-cpu",
        "koordinator.sh/batch-cpu",
        "smarter-devices/fuse",
        "hygon.com/cpu",
    ],
)
def test_accelerators_and_what_is_something_else(name: str) -> None:
    assert nearly(name, CATALOGUE) is None


def test_what_the_configuration_adds_is_known() -> None:
    more = [{"name": "Ours", "resources": {"devices": ["chips.example.com/npu"]}}]
    assert nearly("chips.example.com/NPUs", knowledge(more).catalogue) == "chips.example.com/npu"


def test_names_that_no_resource_can_have_are_not_compared() -> None:
    assert nearly("nvidia.com/" + "g" * 400, CATALOGUE) is None
