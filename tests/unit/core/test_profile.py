from typing import Any

import pytest

from tests.unit.core.pods import GPU, KNOWLEDGE, container, pod, recognised
from webhook.config import parse
from webhook.core.bounds import UNBOUNDED
from webhook.core.kinds import WorkloadClass
from webhook.core.mutations import Mutation
from webhook.core.mutations.protection import protect
from webhook.core.mutations.shared_memory import SHARED_MEMORY_PATH, VOLUME_NAME, share_memory
from webhook.core.mutations.tolerations import tolerate
from webhook.core.profile import (
    BUILT_IN,
    PROFILE_ANNOTATION,
    Profile,
    Profiles,
    SharedMemory,
    cores_and_gib,
)
from webhook.core.world import World

TRAINING = {"annotations": {"scaleguard.io/class": "training"}}


def profiles(*listed: dict[str, Any], **more: Any) -> Profiles:
    return parse({"profiles": list(listed), **more}, "x").profiles


def picked(known: Profiles, raw: dict[str, Any], labels: dict[str, str] | None = None) -> str:
    found = recognised(raw)
    return known.automatic(
        found.workload_class, found.accelerators, found.totals, labels or {}
    ).name


def test_the_first_profile_that_matches_is_picked() -> None:
    known = profiles(
        {"name": "asked-for"},
        {"name": "team", "match": {"namespaceSelector": {"matchLabels": {"team": "a"}}}},
        {"name": "training", "match": {"classes": ["training"], "accelerators": ["NVIDIA"]}},
        {"name": "gpu", "match": {"accelerators": ["amd.com/gpu", "nvidia.com/gpu"]}},
        {"name": "rest", "match": {}},
    )
    head = pod(container(), metadata={"labels": {"ray.io/cluster": "c"}})
    assert picked(known, pod()) == "gpu"
    assert picked(known, pod(metadata=TRAINING)) == "training"
    assert picked(known, pod(), {"team": "a"}) == "team"
    assert picked(known, head) == "rest"
    assert picked(profiles({"name": "asked-for"}), pod()) == ""
    by_class = {"limits": {"deviceclass.resource.kubernetes.io/gpu.nvidia.com": 1}}
    dra = profiles({"name": "dra", "match": {"accelerators": ["gpu.nvidia.com"]}})
    assert picked(dra, pod(container(resources=by_class))) == "dra"


def test_annotations_pick_a_profile_whatever_it_matches() -> None:
    known = profiles({"name": "big"}, {"name": "other", "match": {}})
    found = recognised(pod())

    def pick(*asked: tuple[str, str]) -> tuple[str, tuple[str, ...]]:
        profile, notes = known.pick(
            asked, found.workload_class, found.accelerators, found.totals, {}
        )
        return profile.name, notes

    assert pick(("big", "the pod's annotation"), ("other", "its namespace's")) == ("big", ())
    assert pick(("", "the pod's annotation"), ("big", "its namespace's")) == ("big", ())
    note = "bug (the pod's annotation): no such profile; there are big, other"
    assert pick(("bug", "the pod's annotation"), ("", "its namespace's")) == (
        "other",
        (f"{PROFILE_ANNOTATION}: {note}",),
    )
    nothing = Profiles().pick((("x", "here"),), WorkloadClass.BATCH, (), (), {})
    assert nothing[1] == ("scaleguard.io/profile: x (here): no such profile; none is configured",)


def test_a_profile_is_laid_over_the_values_for_everybody() -> None:
    sku = {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}
    known = profiles(
        {
            "name": "big",
            "requests": {
                "device": {"cpu": 8, "memory": "64Gi"},
                "notebook": {"cpu": 1, "memory": "1Gi"},
                "cpuOnly": {"cpu": 1, "memory": "2Gi"},
            },
            "extraTolerations": [{"key": "big"}],
            "networkTolerations": True,
            "sharedMemory": "16Gi",
            "protectFromEviction": True,
        },
        {"name": "small", "networkTolerations": False, "sharedMemory": False},
        flavours=["aks", "gke"],
        requests={"slice": {"cpu": "250m", "memory": "1Gi"}},
        extraTolerations=[{"key": "dedicated", "operator": "Exists"}],
        sharedMemory=True,
    )
    big, small = known.named["big"][0], known.named["small"][0]
    assert big.per_device[WorkloadClass.TRAINING] == cores_and_gib(8, 64)
    assert big.per_device[WorkloadClass.TRAINING].source == "profile big, requests.device"
    assert big.per_device[WorkloadClass.NOTEBOOK] == cores_and_gib(1, 1)
    assert known.base.per_device[WorkloadClass.TRAINING].source == BUILT_IN
    assert big.per_slice == known.base.per_slice == cores_and_gib(0.25, 1)
    assert big.per_slice.source == "configuration, requests.slice"
    assert (big.cpu_only, known.base.cpu_only) == (cores_and_gib(1, 2), None)
    assert [(one.raw, one.source) for one in big.extra_tolerations] == [
        (sku, "flavour aks"),
        ({"key": "dedicated", "operator": "Exists"}, "configuration, extraTolerations"),
        ({"key": "big"}, "profile big, extraTolerations"),
    ]
    assert [bool(one.network) for one in (known.base, big, small)] == [False, True, False]
    assert known.base.shared_memory == SharedMemory()
    assert big.shared_memory == SharedMemory("16Gi")
    assert small.shared_memory is None
    assert (known.base.protect, big.protect, small.protect) == (None, True, None)


def test_network_devices_are_tolerated_where_a_profile_says_so() -> None:
    asked = {
        "limits": {"nvidia.com/gpu": 8, "vpc.amazonaws.com/efa": 4, "rdma/hca": 0, "cpu": 1},
        "requests": {"rdma/ib": "1", "vpc.amazonaws.com/efa": 4},
    }
    raw = pod(container(resources=asked))
    net = profiles({"name": "net", "networkTolerations": True}).named["net"][0]
    made = tolerate(raw, recognised(raw), net, UNBOUNDED)
    assert [addition.value["key"] for addition in made.additions] == [
        "nvidia.com/gpu",
        "rdma/ib",
        "vpc.amazonaws.com/efa",
    ]
    assert made.additions[1].why == "networkTolerations of profile net"
    alone = tolerate(raw, recognised(raw), Profile(), UNBOUNDED)
    assert [addition.value["key"] for addition in alone.additions] == ["nvidia.com/gpu"]


def test_shared_memory_is_mounted_where_there_is_none() -> None:
    other = {"volumeMounts": [{"name": "mine", "mountPath": f"{SHARED_MEMORY_PATH}/"}]}
    raw = pod(
        container("main", GPU, volumeMounts=[{"name": "data", "mountPath": "/data"}]),
        container("own", GPU, **other),
        container("proxy"),
        container("device", GPU, volumeDevices=[{"name": "b", "devicePath": SHARED_MEMORY_PATH}]),
        initContainers=[container("init", GPU)],
        volumes=[{"name": "data", "emptyDir": {}}],
    )
    made = share_memory(raw, recognised(raw), Profile(shared_memory=SharedMemory("16Gi")))
    assert [(addition.path, addition.value) for addition in made.additions] == [
        (
            ("spec", "volumes", "-"),
            {"name": VOLUME_NAME, "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}},
        ),
        (
            ("spec", "containers", 0, "volumeMounts", "-"),
            {"name": VOLUME_NAME, "mountPath": SHARED_MEMORY_PATH},
        ),
    ]
    assert made.brief == f"{SHARED_MEMORY_PATH}: main"
    assert made.additions[0].why == "sharedMemory of the configuration"
    assert share_memory(raw, recognised(raw), Profile()) == Mutation()
    host = pod(hostIPC=True)
    shared = Profile(shared_memory=SharedMemory())
    assert share_memory(host, recognised(host), shared) == Mutation()


def test_shared_memory_uses_a_volume_of_ours_that_is_there() -> None:
    volumes = [{"name": VOLUME_NAME, "emptyDir": {"medium": "Memory"}}]
    raw = pod(volumes=volumes)
    made = share_memory(raw, recognised(raw), Profile(shared_memory=SharedMemory()))
    assert [addition.path for addition in made.additions] == [
        ("spec", "containers", 0, "volumeMounts", "-")
    ]


@pytest.mark.parametrize("odd", [{"volumes": {}}, {}])
def test_shared_memory_is_left_out_where_it_has_no_place(odd: dict[str, Any]) -> None:
    mounts = {} if odd else {"volumeMounts": {"a": 1}}
    raw = pod(container("main", GPU, **mounts), **odd)
    shared = Profile(shared_memory=SharedMemory())
    assert share_memory(raw, recognised(raw), shared) == Mutation()


EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
DISRUPT = "karpenter.sh/do-not-disrupt"


def protected(raw: dict[str, Any], profile: Profile | None = None) -> dict[str, str]:
    made = protect(raw, recognised(raw), profile or Profile())
    return {str(addition.path[-1]): addition.value for addition in made.additions}


def test_training_pods_are_protected_unless_their_class_is_a_guess() -> None:
    both = {EVICT: "false", DISRUPT: "true"}
    launcher = {"labels": {"training.kubeflow.org/job-name": "a"}}
    assert protected(pod(metadata=TRAINING)) == both
    assert protected(pod(container(), metadata=launcher)) == both
    assert protected(pod(restartPolicy="Never")) == {}
    assert protected(pod()) == {}


def test_a_profile_switches_protection() -> None:
    assert protected(pod(metadata=TRAINING), Profile(protect=False)) == {}
    made = protect(pod(), recognised(pod()), Profile(name="long", protect=True))
    assert len(made.additions) == 2
    assert made.additions[0].why == "protectFromEviction of profile long"
    assert made.brief == "annotations: safe-to-evict, do-not-disrupt"


@pytest.mark.parametrize(
    ("written", "added"),
    [
        ({EVICT: "false"}, {DISRUPT: "true"}),
        ({EVICT: "true"}, {}),
        ({DISRUPT: "false"}, {}),
        ({DISRUPT: "1h"}, {EVICT: "false"}),
        ({EVICT: "false", DISRUPT: "true"}, {}),
    ],
)
def test_what_a_person_wrote_stays_and_is_not_contradicted(
    written: dict[str, str], added: dict[str, str]
) -> None:
    metadata = {"annotations": {**TRAINING["annotations"], **written}}
    assert protected(pod(metadata=metadata)) == added


def test_a_namespace_is_selected_by_its_name_as_the_api_server_labels_it() -> None:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "ml"}}
    known = profiles({"name": "ml", "match": {"namespaceSelector": selector}})
    world = World(KNOWLEDGE.kinds)
    assert picked(known, pod(), dict(world.namespace("ml").labels)) == "ml"
    world.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml"}})
    assert picked(known, pod(), dict(world.namespace("ml").labels)) == "ml"
    assert picked(known, pod(), dict(world.namespace("other").labels)) == ""
