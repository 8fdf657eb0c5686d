from typing import Any

import pytest

from tests.unit.core.pods import GPU, KNOWLEDGE, container, pod, recognised
from webhook.core.ai_pod import recognise
from webhook.core.classify import Maker
from webhook.core.kinds import WorkloadClass
from webhook.core.objects import GroupKind
from webhook.core.pod import ClaimedDevice
from webhook.knowledge import knowledge

ONE_GPU = ClaimedDevice("gpu.nvidia.com", 1)
BY_CLAIM = {"claims": [{"name": "device"}]}


def limits(**quantities: Any) -> dict[str, Any]:
    names = {"gpu": "nvidia.com/gpu", "tpu": "google.com/tpu", "mig": "nvidia.com/mig-1g.5gb"}
    return {"limits": {names[name]: quantity for name, quantity in quantities.items()}}


def test_the_workload_of_a_review() -> None:
    found = recognised(pod(container(resources=limits(gpu=2))))
    assert found.as_json() == {
        "class": "inference",
        "why": "accelerators, restartPolicy Always",
        "accelerators": {"nvidia.com/gpu": 2},
    }


def test_a_class_that_is_none_is_noted() -> None:
    raw = pod(
        container(resources=limits(gpu=1)),
        metadata={"annotations": {"scaleguard.io/class": "trainng"}},
    )
    (note,) = recognised(raw).notes
    assert note.startswith("annotation scaleguard.io/class: trainng is no class")
    assert recognised(pod(container(resources=limits(gpu=1)))).notes == ()


def test_a_claim_for_all_devices_of_a_node_is_counted_by_nobody() -> None:
    claims = {"device": (ClaimedDevice("gpu.nvidia.com", None),)}
    found = recognise(pod(container(resources=BY_CLAIM)), None, claims, KNOWLEDGE)
    assert found is not None
    assert found.totals == {"gpu.nvidia.com": "unreadable"}
    assert [one.toleration_keys for one in found.accelerators] == [("nvidia.com/gpu",)]


@pytest.mark.parametrize(
    "raw",
    [
        pod(container()),
        pod(metadata={"annotations": {"scaleguard.io/class": "none"}}),
        pod(metadata={"annotations": {"kubernetes.io/config.mirror": ""}}),
        pod(
            metadata={
                "annotations": {"kubernetes.io/config.mirror": "x", "scaleguard.io/class": "batch"}
            }
        ),
        {},
    ],
)
def test_pods_that_are_not_ours(raw: dict[str, Any]) -> None:
    assert recognise(raw, None, {}, KNOWLEDGE) is None


def test_devices_that_run_together_add_up_and_init_containers_run_alone() -> None:
    raw = pod(
        container("a", limits(gpu=1, tpu=1)),
        container("b", limits(gpu=2)),
        initContainers=[
            container("first", limits(gpu=2, mig=3)),
            container("second", limits(gpu=4)),
            container("logs", limits(gpu=1), restartPolicy="Always"),
        ],
    )
    totals = recognised(raw).totals
    assert totals == {"google.com/tpu": 1, "nvidia.com/gpu": 4, "nvidia.com/mig-1g.5gb": 3}
    assert list(totals) == sorted(totals)


def test_sidecars_that_run_beside_an_init_container_are_added_to_it() -> None:
    logs = container("logs", limits(gpu=1), restartPolicy="Always")
    init = container("init", limits(gpu=2))
    assert recognised(pod(container(), initContainers=[logs, init])).totals == {"nvidia.com/gpu": 3}
    assert recognised(pod(container(), initContainers=[init, logs])).totals == {"nvidia.com/gpu": 2}


def test_one_quantity_that_cannot_be_read_makes_the_sum_unreadable() -> None:
    raw = pod(container("a", limits(gpu=1)), container("b", limits(gpu="${N}", tpu=1)))
    assert recognised(raw).totals == {"google.com/tpu": 1, "nvidia.com/gpu": "unreadable"}


def test_a_claim_belongs_to_its_first_container() -> None:
    raw = pod(container("a"), container("b", BY_CLAIM), container("c", BY_CLAIM))
    found = recognised(raw, claims={"device": (ONE_GPU,)})
    counts = {one.name: [device.count for device in own] for one, own in found.containers}
    assert counts == {"a": [], "b": [1], "c": []}
    assert found.totals == {"gpu.nvidia.com": 1}


def test_a_claim_that_no_container_uses_still_counts() -> None:
    found = recognised(pod(container()), claims={"device": (ONE_GPU, ClaimedDevice("x", 1))})
    assert [own for _, own in found.containers] == [()]
    assert found.totals == {"gpu.nvidia.com": 1}
    assert [accelerator.family for accelerator in found.accelerators] == ["NVIDIA"]


def test_of_alternatives_the_first_accelerator_counts() -> None:
    claim = (
        ClaimedDevice("cpu.example.com", 1),
        ClaimedDevice("gpu.amd.com", 2, alternative=True),
        ClaimedDevice("gpu.nvidia.com", 4, alternative=True),
        ClaimedDevice("gpu.nvidia.com", 1),
    )
    found = recognised(pod(container(resources=BY_CLAIM)), claims={"device": claim})
    assert found.totals == {"gpu.amd.com": 2, "gpu.nvidia.com": 1}
    assert {one.family for one in found.accelerators} == {"AMD", "NVIDIA"}


def test_an_image_makes_an_ai_pod_only_where_that_is_wanted() -> None:
    raw = pod(container(image="vllm/vllm-openai"))
    assert recognise(raw, None, {}, KNOWLEDGE) is None
    found = recognised(raw, known=knowledge(by_image=True))
    assert found.workload_class is WorkloadClass.INFERENCE
    assert found.accelerators == ()


def test_a_maker_of_an_ai_kind_makes_an_ai_pod() -> None:
    maker = Maker(GroupKind("kubeflow.org", "MPIJob"))
    found = recognised(pod(container()), maker)
    assert found.workload_class is WorkloadClass.TRAINING
    assert not found.evidence.guessed
    assert recognised(pod(container(resources=GPU))).evidence.guessed
