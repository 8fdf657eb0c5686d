"""Pods as people, operators and API servers write them: any mixture of what a pod can say.

`pods()` makes what an API server accepts, nearly always; `pods(odd=True)` also what comes out of
templates, and mirror pods, which only a kubelet makes.
"""

import json
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.strategies.resources import POD_LEVEL, Raw, resources
from webhook.core.mutations.marks import CLASS_LABEL
from webhook.core.mutations.shared_memory import SHARED_MEMORY_PATH
from webhook.core.pod import MIRROR_ANNOTATION
from webhook.knowledge import FOLDER

WORKLOADS = yaml.safe_load((FOLDER / "workloads.yaml").read_text(encoding="utf-8"))
CLAIMS = ("devices", "second")
"""Names of ResourceClaims and of their templates; `worlds` says what they ask for."""

IMAGES = st.sampled_from(
    [
        *(
            "app",
            "vllm/vllm-openai:v0.9",
            "registry.example.com:5000/team/train@sha256:" + "0" * 64,
        ),
        *("quay.io/jupyter/base-notebook", "envoyproxy/envoy:v1.31", "ollama/ollama"),
    ]
)

# ---------------------------------------------------------------- tolerations

TAINT_KEYS = st.sampled_from(
    [
        *("nvidia.com/gpu", "amd.com/gpu", "google.com/tpu", "aws.amazon.com/neuron"),
        *("nvidia.com/mig-1g.5gb", "habana.ai/gaudi", "sku", "dedicated"),
        *("node.kubernetes.io/not-ready", "node.kubernetes.io/memory-pressure"),
    ]
)
EFFECTS = st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"])
_SOME_EFFECT: st.SearchStrategy[Raw] = st.one_of(
    st.just({}), st.just({"effect": ""}), EFFECTS.map(lambda effect: {"effect": effect})
)
_EVERY_KEY = st.sampled_from([{"operator": "Exists"}, {"operator": "Exists", "key": ""}])
_EXISTS = TAINT_KEYS.map(lambda key: {"key": key, "operator": "Exists"})
_EQUAL = st.builds(
    lambda key, operator, value: {"key": key, **operator, **value},
    TAINT_KEYS,
    st.sampled_from([{}, {"operator": "Equal"}]),
    st.sampled_from([{}, {"value": ""}, {"value": "present"}, {"value": "true"}, {"value": "gpu"}]),
)
# A wildcard ends every question about tolerations: it is there, and rare.
_MATCHES = st.one_of(_EXISTS, _EQUAL, _EXISTS, _EQUAL, _EVERY_KEY)
TOLERATIONS = st.one_of(
    st.builds(lambda match, effect: {**match, **effect}, _MATCHES, _SOME_EFFECT),
    st.builds(
        lambda match, seconds: {**match, "effect": "NoExecute", "tolerationSeconds": seconds},
        _MATCHES,
        st.sampled_from([0, 300]),
    ),
)

# ---------------------------------------------------------------- metadata

_CLASSES = st.sampled_from(["training", "inference", "notebook", "batch", "none", "unknown"])
_FRAMEWORK_LABELS = [{one["key"]: one.get("value", "x")} for one in WORKLOADS["labels"]]
LABELS = st.one_of(
    st.just({"app": "x"}),
    st.sampled_from(_FRAMEWORK_LABELS),
    _CLASSES.map(lambda value: {"scaleguard.io/class": value}),
    st.just({CLASS_LABEL: "batch"}),
    st.just({"kueue.x-k8s.io/podset": "main"}),
    st.just({"ray.io/cluster": "r", "ray.io/originated-from-crd": "RayService"}),
)
ANNOTATIONS = st.one_of(
    st.just({}),
    st.just({"example.com/note": "a/b~c"}),
    _CLASSES.map(lambda value: {"scaleguard.io/class": value}),
    st.just({"scaleguard.io/profile": "tight"}),
    st.just({"scaleguard.io/profile": "no-such-profile"}),
    st.just({"scaleguard.io/mutations": "tolerations: nvidia.com/gpu"}),
    st.just({"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}),
    st.just({"karpenter.sh/do-not-disrupt": "true"}),
)
OWNERS = st.builds(
    lambda kind, controls: {
        "apiVersion": f"{kind['group']}/v1" if kind["group"] else "v1",
        "kind": kind["kind"],
        "name": "owner",
        "uid": "0b5a4c66-31b6-4f7c-8f4c-1f7f1d1f0001",
        **controls,
    },
    st.sampled_from([*WORKLOADS["kinds"], {"group": "example.com", "kind": "Thing"}]),
    st.sampled_from([{"controller": True}, {"controller": True}, {"controller": False}, {}]),
)


@st.composite
def metadata(draw: st.DrawFn, *, odd: bool) -> Raw:
    made: Raw = {"name": "pod"}
    for name, strategy, size in (
        ("labels", LABELS, 2),
        ("annotations", ANNOTATIONS, 2),
        ("ownerReferences", OWNERS, 1),
    ):
        if draw(st.booleans()):
            continue
        listed: list[Any] = draw(st.lists(strategy, max_size=size))
        made[name] = listed if name == "ownerReferences" else _joined(listed)
    if odd and draw(st.integers(0, 19)) == 0:
        made.setdefault("annotations", {})[MIRROR_ANNOTATION] = "checksum"
    return made


def _joined(listed: list[Raw]) -> Raw:
    return {key: value for part in listed for key, value in part.items()}


# ---------------------------------------------------------------- containers, pods

MOUNT_PATHS = st.sampled_from([SHARED_MEMORY_PATH, "/data"])
_SHM = {"name": "shm", "emptyDir": {"medium": "Memory"}}


@st.composite
def _container(draw: st.DrawFn, name: str, *, often: bool, odd: bool) -> Raw:
    """One container; `often` says whether it is likely to ask for accelerators."""
    accelerated = draw(st.integers(0, 9)) < (7 if often else 2)
    made: Raw = {"name": name, "image": draw(IMAGES)}
    if accelerated or draw(st.booleans()):
        made["resources"] = draw(resources(accelerated=accelerated, odd=odd))
    if draw(st.integers(0, 5)) == 0:
        made["volumeMounts"] = [{"name": "shm", "mountPath": draw(MOUNT_PATHS)}]
    return made


@st.composite
def _claims(draw: st.DrawFn, listed: list[Raw]) -> list[Raw]:
    """Claims of the pod, used by some of its containers."""
    kind = st.sampled_from(["resourceClaimTemplateName", "resourceClaimName"])
    made = [
        {"name": f"entry-{name}", draw(kind): name}
        for name in draw(st.lists(st.sampled_from(CLAIMS), min_size=1, max_size=2, unique=True))
    ]
    for container in listed:
        for entry in made:
            if draw(st.booleans()):
                use = draw(st.sampled_from([{}, {"request": "first"}]))
                uses = container.setdefault("resources", {}).setdefault("claims", [])
                uses.append({"name": entry["name"], **use})
    return made


@st.composite
def pods(draw: st.DrawFn, *, odd: bool = False) -> Raw:
    """A pod; it does not say in which namespace."""
    regular = draw(st.integers(1, 4))
    containers = [draw(_container(f"c{n}", often=n == 0, odd=odd)) for n in range(regular)]
    starting = draw(st.sampled_from(["", "", "i", "s", "is", "si"]))
    init = []
    for number, role in enumerate(starting):
        made = draw(_container(f"{role}{number}", often=False, odd=odd))
        init.append({**made, "restartPolicy": "Always"} if role == "s" else made)
    spec: Raw = {"containers": containers}
    if init:
        spec["initContainers"] = init
    if any("volumeMounts" in each for each in [*containers, *init]):
        spec["volumes"] = [_SHM]
    if draw(st.integers(0, 4)) == 0:
        spec["resourceClaims"] = draw(_claims([*containers, *init]))
    if draw(st.integers(0, 5)) == 0:
        spec["resources"] = draw(POD_LEVEL)
    if draw(st.booleans()):
        spec["tolerations"] = draw(st.lists(TOLERATIONS, max_size=3))
    if draw(st.booleans()):
        spec["restartPolicy"] = draw(st.sampled_from(["Always", "OnFailure", "Never"]))
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": draw(metadata(odd=odd)), "spec": spec}
    # Decoded anew: no two places of an object share a value.
    decoded: Raw = json.loads(json.dumps(raw))
    return decoded
