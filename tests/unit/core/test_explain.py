"""Why a pod is or is not an AI pod, where values come from, and why others are left alone."""

from typing import Any

import jsonpatch
import pytest
import yaml

from tests.unit.core.pods import GPU, container, pod
from webhook import config as configuration
from webhook.core.decide import Judge
from webhook.core.explain import Explanation, explain
from webhook.core.mutations.shared_memory import SHARED_MEMORY_PATH
from webhook.core.world import World
from webhook.wiring import build_judge

Raw = dict[str, Any]

CPU, MEMORY = "requests.cpu", "requests.memory"
CLAIM = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceClaim",
    "metadata": {"name": "c"},
    "spec": {"devices": {"requests": [{"exactly": {"deviceClassName": "gpu.nvidia.com"}}]}},
}
NO_CLAIM = yaml.safe_load(yaml.safe_dump(CLAIM).replace("gpu.nvidia.com", "imex.nvidia.com"))
ASKS = [{"name": "c", "resourceClaimName": "c"}]


def judge_of(text: str = "{}") -> Judge:
    return build_judge(configuration.parse(yaml.safe_load(text), "test"))


JUDGE = judge_of()


def told(raw: Raw, *world: Raw, judge: Judge = JUDGE) -> Explanation:
    seen = World.of([raw, *world], judge.knowledge.kinds)
    [subject] = judge.pods(raw, seen)
    return explain(subject, judge, seen, is_new=True)


def left(found: Explanation) -> dict[str, str]:
    """Reasons by the end of their fields."""
    return {one.field.removeprefix("spec.").replace("resources.", ""): one.reason
            for one in found.left_alone}  # fmt: skip


def injected(found: Explanation) -> dict[str, tuple[Any, str]]:
    return {one.field: (one.addition.value, one.addition.why) for one in found.injected}


def limit_range(kind: str = "Container", **item: Any) -> Raw:
    spec = {"limits": [{"type": kind, **item}]}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": spec}


def namespace(labels: Raw | None = None, **annotations: Any) -> Raw:
    written = {key.replace("__", "/").replace("_", "."): one for key, one in annotations.items()}
    metadata = {"name": "default", "labels": labels or {}, "annotations": written}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


# ---------------------------------------------------------------- no AI pod


def why_not(raw: Raw, *world: Raw, judge: Judge = JUDGE) -> dict[str, str]:
    found = told(raw, *world, judge=judge)
    assert found.ai_pod is None
    assert not found.injected
    return {step.looked_at: step.says for step in found.why_not}


def test_each_step_is_told_in_the_order_of_precedence() -> None:
    steps = why_not(pod(container()))
    assert steps == {
        "class": "no annotation or label scaleguard.io/class",
        "accelerators": "no container asks for one",
        "owner": "nothing owns it",
        "labels": "none of an AI framework",
        "image": "none names AI software; detection.byImage is off anyway",
    }
    assert list(steps) == ["class", "accelerators", "owner", "labels", "image"]


def test_what_takes_a_pod_out_stands_alone() -> None:
    opted_out = pod(metadata={"name": "a", "labels": {"scaleguard.io/class": "none"}})
    assert why_not(opted_out) == {"class": "scaleguard.io/class: none takes it out altogether"}
    mirror = pod(metadata={"name": "a", "annotations": {"kubernetes.io/config.mirror": "x"}})
    assert why_not(mirror) == {
        "pod": "a mirror pod of a static manifest: the kubelet refuses changes to it"
    }


def test_a_class_that_does_not_exist() -> None:
    raw = pod(container(), metadata={"name": "a", "annotations": {"scaleguard.io/class": "gpu"}})
    assert why_not(raw)["class"] == (
        "annotation scaleguard.io/class: gpu is no class; "
        "there are training, inference, notebook, batch, none"
    )


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"nvidia/gpu": 1}, "nvidia/gpu is none, did you mean nvidia.com/gpu?"),
        ({"example.com/foo": 1}, "example.com/foo is none that is known"),
        ({"nvidia.com/gpu": 0}, "nvidia.com/gpu: 0 asks for none"),
        ({"nvidia.com/gpu": None}, "nvidia.com/gpu: null asks for none"),
    ],
)
def test_resources_that_are_no_accelerators(limits: Raw, says: str) -> None:
    harmless = {"cpu": 1, "memory": 1, "ephemeral-storage": 1, "hugepages-2Mi": 1, 7: 1}
    steps = why_not(pod(container(resources={"limits": harmless | limits})))
    assert steps["accelerators"] == f"no container asks for one; {says}"


def test_resource_claims_that_ask_for_no_accelerators() -> None:
    template = {"name": "d", "resourceClaimTemplateName": "d"}
    raw = pod(container(), resourceClaims=[*ASKS, template])
    assert why_not(raw, NO_CLAIM)["accelerators"] == (
        "no container asks for one; "
        "ResourceClaim c asks for imex.nvidia.com, which is no class of accelerators; "
        "what ResourceClaimTemplate d asks for is not known here"
    )


def test_owners_of_general_kinds() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "w-1", "controller": True}
    owned = pod(container(), metadata={"name": "w-1-x", "ownerReferences": [owner]})
    assert why_not(owned)["owner"] == "ReplicaSet w-1: its pods may be for anything"
    template = {"spec": {"containers": [container()]}}
    made = {"kind": "Deployment", "metadata": {"name": "w"}, "spec": {"template": template}}
    steps = why_not(made | {"apiVersion": "apps/v1"})
    assert steps["owner"] == "Deployment: its pods may be for anything"


def test_an_image_is_weak_evidence() -> None:
    assert why_not(pod(container(image="vllm/vllm-openai:1")))["image"] == (
        "image vllm/vllm-openai:1 looks like inference: weak evidence, which makes a pod an AI pod "
        "only with detection.byImage"
    )
    by_image = judge_of("detection: {byImage: true}")
    assert why_not(pod(container()), judge=by_image)["image"] == "none names AI software"


def test_a_wrong_name_beside_a_right_one_is_told_too() -> None:
    typo = container("b", {"requests": {"nvidia.com/gpus": 1}})
    assert told(pod(container(resources=GPU), typo)).did_you_mean == {
        "nvidia.com/gpus": "nvidia.com/gpu"
    }


# ---------------------------------------------------------------- what is injected


def test_where_values_come_from() -> None:
    found = told(pod(container("main", {"limits": {"nvidia.com/gpu": 2}}), container("proxy")))
    toleration = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    requests = "default of scaleguard, for each of 2 devices"
    proxy = "proxy cpu=50m memory=64Mi"
    small = "default of scaleguard, for a container without devices"
    assert injected(found) == {
        "spec.tolerations": (toleration, "taint of NVIDIA nodes"),
        "spec.containers[main].resources.requests.cpu": ("4", requests),
        "spec.containers[main].resources.requests.memory": ("16Gi", requests),
        "spec.containers[proxy].resources.requests.cpu": ("50m", small),
        "spec.containers[proxy].resources.requests.memory": ("64Mi", small),
        "metadata.labels[scaleguard.io/workload-class]": (
            "inference",
            "accelerators, restartPolicy Always",
        ),
        "metadata.annotations[scaleguard.io/mutations]": (
            f"tolerations: nvidia.com/gpu; requests: main cpu=4 memory=16Gi, {proxy}",
            "what was injected, for people",
        ),
    }
    [asked] = found.accelerators
    assert asked.as_json() == {
        "resource": "nvidia.com/gpu",
        "count": 2,
        "family": "NVIDIA",
        "counts": "devices",
        "containers": ["main"],
    }
    assert found.profile == ("", "")


def test_containers_without_a_name_are_counted() -> None:
    found = told(pod({"image": "x", "resources": GPU}))
    assert "spec.containers[0].resources.requests.cpu" in injected(found)


def test_claimed_devices_and_claims_that_nobody_uses() -> None:
    uses = container(resources={"claims": [{"name": "c"}]})
    [used] = told(pod(uses, resourceClaims=ASKS), CLAIM).accelerators
    assert (used.resource, used.family, used.containers) == ("gpu.nvidia.com", "NVIDIA", ("main",))
    [unused] = told(pod(container(), resourceClaims=ASKS), CLAIM).accelerators
    assert unused.containers == ()


PROFILES = "profiles: [{name: big, sharedMemory: true}, {name: all, match: {classes: [batch]}}]"


@pytest.mark.parametrize(
    ("metadata", "home", "profile"),
    [
        ({"annotations": {"scaleguard.io/profile": "big"}}, {}, ("big", "the pod's annotation")),
        ({}, {"scaleguard_io__profile": "big"}, ("big", "its namespace's annotation")),
        (
            {"annotations": {"scaleguard.io/class": "batch"}},
            {},
            ("all", "the first in the configuration that matches it"),
        ),
    ],
)
def test_who_picked_the_profile(metadata: Raw, home: dict[str, Any], profile: Any) -> None:
    raw = pod(metadata={"name": "a", **metadata})
    found = told(raw, namespace(**home), judge=judge_of(PROFILES))
    name, who = found.profile
    assert (name, who.removesuffix(" scaleguard.io/profile")) == profile
    assert found.as_json()["profile"] == {"name": name, "why": who}


def test_an_ignored_namespace_leaves_all_as_it_is() -> None:
    found = told(pod(), namespace({"scaleguard.io/ignore": "true"}))
    assert found.ai_pod is not None
    assert found.ignored == 'its namespace default has the label scaleguard.io/ignore: "true"'
    assert (found.injected, found.left_alone, found.notes, found.findings) == ((), (), (), ())


def test_the_rules_of_pods_are_asked() -> None:
    squatter = pod(container(), tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}])
    assert [one.rule for one in told(squatter).findings] == ["gpu-node-squatter"]


# ---------------------------------------------------------------- what is left alone


def test_what_a_container_asks_for_stays() -> None:
    asks = GPU | {"requests": {"memory": "64Gi"}}
    asks["limits"] = {"nvidia.com/gpu": 1, "cpu": 2}
    assert left(told(pod(container(resources=asks)))) == {
        "containers[main].requests.cpu": "the limit of 2 counts as a request",
        "containers[main].requests.memory": "set to 64Gi",
    }


@pytest.mark.parametrize(
    ("raw", "world", "reason"),
    [
        (
            pod(resources={"requests": {"cpu": 1}}),
            [],
            "spec.resources speaks for all containers of the pod",
        ),
        (
            pod(container(), metadata={"annotations": {"scaleguard.io/class": "batch"}}),
            [],
            "the pod has no accelerator, and requests.cpuOnly is not configured",
        ),
        (
            pod(metadata={"labels": {"kueue.x-k8s.io/podset": "main"}}),
            [],
            "Kueue has counted what the pod asks for",
        ),
        (
            pod(),
            [limit_range(defaultRequest={"cpu": 1})],
            "a LimitRange of the namespace fills it in",
        ),
        (
            pod(container(resources={"requests": "none", **GPU})),
            [],
            "spec.containers[0].resources is not written as Kubernetes reads it",
        ),
        (
            pod(container(resources={"limits": {"nvidia.com/gpu": "${GPUS}"}})),
            [],
            "the number of nvidia.com/gpu cannot be read",
        ),
        (
            pod(),
            [limit_range("Pod", max={"cpu": "100m"})],
            "it would exceed the maximum of the namespace's LimitRange per pod",
        ),
    ],
)
def test_why_a_request_is_not_added(raw: Raw, world: list[Raw], reason: str) -> None:
    assert left(told(raw, *world))["containers[main].requests.cpu"] == reason


def test_a_figure_of_zero_is_the_profile_s_word() -> None:
    judge = judge_of("requests: {device: {cpu: 0, memory: 1Gi}}")
    reasons = left(told(pod(), judge=judge))
    assert reasons == {"containers[main].requests.cpu": "the configuration gives none"}


WHITELIST = {"scheduler_alpha_kubernetes_io__tolerationsWhitelist": '[{"key": "other"}]'}


@pytest.mark.parametrize(
    ("tolerations", "home", "reason"),
    [
        (
            [{"key": "nvidia.com/gpu", "operator": "Exists"}],
            {},
            "covered by {key: nvidia.com/gpu, operator: Exists} that the pod has",
        ),
        (
            [],
            WHITELIST,
            "the namespace's scheduler.alpha.kubernetes.io/tolerationsWhitelist leaves it out",
        ),
        ("all", {}, "spec.tolerations is no list"),
    ],
)
def test_why_a_toleration_is_not_added(tolerations: Any, home: Any, reason: str) -> None:
    found = told(pod(tolerations=tolerations), namespace(**home))
    [one] = [one for one in found.left_alone if one.field == "spec.tolerations"]
    assert one.reason == reason
    assert one.as_json()["wanted"]["key"] == "nvidia.com/gpu"


def test_what_is_mounted_already_stays() -> None:
    raw = pod(
        container("own", GPU, volumeMounts=[{"name": "x", "mountPath": SHARED_MEMORY_PATH}]),
        container("not", GPU),
        container("proxy"),
        initContainers=[container("init", GPU)],
    )
    reasons = left(told(raw, judge=judge_of("sharedMemory: true")))
    assert reasons == {"containers[own].volumeMounts": "something is mounted at /dev/shm already"}


EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
IN_WORDS = f"metadata.annotations[{EVICT}]"


@pytest.mark.parametrize(
    ("annotations", "config", "reason"),
    [
        ({EVICT: "true"}, "{}", "set to true"),
        ({}, "protectFromEviction: false", "protectFromEviction is off in the configuration"),
        (
            {},
            "{}",
            "the class is a guess; scaleguard.io/class: training on the pod makes it certain",
        ),
        ({"scaleguard.io/class": "training"}, "{}", None),
        ({"scaleguard.io/class": "batch"}, "{}", None),
    ],
)
def test_why_a_run_is_not_protected(annotations: Raw, config: str, reason: str | None) -> None:
    template = {
        "metadata": {"annotations": annotations},
        "spec": {"containers": [container(resources=GPU)]},
    }
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}}
    found = told(job | {"spec": {"template": template}}, judge=judge_of(config))
    assert left(found).get(IN_WORDS) == reason


# ---------------------------------------------------------------- pods that were fitted


def fitted(raw: Raw, judge: Judge = JUDGE) -> Raw:
    seen = World.of([raw], judge.knowledge.kinds)
    [subject] = judge.pods(raw, seen)
    assert subject.fitting is not None
    made: Raw = jsonpatch.apply_patch(raw, subject.fitting.patch)
    return made


def test_a_fitted_pod_says_where_its_values_came_from() -> None:
    judge = judge_of("{protectFromEviction: true, sharedMemory: true, flavours: [aks]}")
    raw = pod(container(resources=GPU | {"requests": {"memory": "1Gi"}}), container("proxy"))
    fresh = told(raw, judge=judge)
    again = told(fitted(raw, judge), judge=judge)
    assert again.injected == ()
    everything = [one for one in fresh.injected if not one.field.endswith("/mutations]")]
    assert list(again.before) == everything
    assert [one.addition.why for one in again.before] == [one.addition.why for one in everything]
    assert left(again) == {"containers[main].requests.memory": "set to 1Gi"}
    assert again.before_brief.startswith("tolerations: nvidia.com/gpu, sku; requests: main cpu=2")
    assert again.as_json()["injectedBefore"] == [one.as_json() for one in everything]


def test_what_changed_since_is_not_said_to_have_been_injected() -> None:
    raw = fitted(pod())
    raw["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "9"
    raw["spec"]["tolerations"] = []
    found = told(raw)
    assert [one.field for one in found.before] == [
        "spec.containers[main].resources.requests.memory",
        "metadata.labels[scaleguard.io/workload-class]",
    ]
    assert left(found) == {"containers[main].requests.cpu": "set to 9"}
    assert "spec.tolerations" in injected(found)


def test_a_pod_that_was_only_labelled() -> None:
    raw = fitted(pod(container(), metadata={"annotations": {"scaleguard.io/class": "batch"}}))
    found = told(raw)
    assert [one.field for one in found.before] == ["metadata.labels[scaleguard.io/workload-class]"]
    assert (found.injected, found.before_brief) == ((), "")


def test_a_class_that_comes_from_the_label_of_an_earlier_run_alone_is_none() -> None:
    raw = pod(metadata={"labels": {"scaleguard.io/workload-class": "training"}})
    assert told(raw).before == ()


# ---------------------------------------------------------------- JSON


def test_the_json_has_the_same_facts() -> None:
    raw = pod(container(resources=GPU | {"requests": {"cpu": 1}}))
    document = told(raw).as_json()
    assert document["resource"]["name"] == "gpu"
    assert (document["template"], document["ignored"], document["profile"]) == (None, None, None)
    assert document["workload"]["class"] == "inference"
    assert document["guessed"] is True
    assert document["injected"][1]["path"] == "/spec/containers/0/resources/requests/memory"
    assert document["leftAlone"] == [
        {
            "field": "spec.containers[main].resources.requests.cpu",
            "wanted": None,
            "reason": "set to 1",
        }
    ]
    none = told(pod(container())).as_json()
    assert none["workload"] is None
    assert none["guessed"] is False
    assert none["whyNot"][0]["lookedAt"] == "class"


def test_mode_audit_is_told_where_it_keeps_something_from_a_pod() -> None:
    raw = pod()
    quiet = judge_of("mode: audit")
    said = "mode audit: this is recorded, and the pod stays as it is"
    assert told(raw, judge=quiet).notes[-1] == said
    assert said not in told(fitted(raw), judge=quiet).notes
    assert said not in told(raw).notes
