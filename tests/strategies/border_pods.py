"""Pods near the border: plain ones with one or two things that make them ours, or nearly.

What is on the other side of the border looks alike: a label with another value, a word within a
longer one, an owner that is not the controller.
"""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.strategies.pods import CLAIMS, EFFECTS, OWNERS, TAINT_KEYS, WORKLOADS
from tests.strategies.resources import (
    ACCELERATORS,
    OTHER_RESOURCES,
    Raw,
    amounts,
    extended,
    merged,
)

Mark = Callable[[Raw], None]
"""Changes a plain pod."""

OWN_KIND = {
    "group": "ai.example.com",
    "kind": "Model",
    "templates": ["spec.template"],
    "class": "inference",
}
CONFIGS: dict[str, Raw] = {
    "defaults": {},
    "own": {
        "detection": {"byImage": True},
        "workloads": [OWN_KIND],
        "accelerators": [
            {
                "name": "House",
                "tolerationKey": "dedicated",
                "resources": {"devices": ["chips.example.com/*"]},
                "deviceClasses": ["fpga.*"],
            }
        ],
    },
}
"""Those that say of other pods that they are ours."""

# ---------------------------------------------------------------- plain pods

_PLAIN_OWNERS = st.sampled_from(
    [("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet"), ("batch/v1", "Job"), ("v1", "Node")]
)
_PLAIN_TOLERATIONS = st.sampled_from(
    [
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
        {"operator": "Exists", "effect": "NoExecute"},
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "PreferNoSchedule"},
    ]
)
_PLAIN_IMAGES = st.sampled_from(["nginx:1.29", "registry.example.com:5000/team/protein@sha256:0a"])


def _owner(api_version: str, kind: str, **more: bool) -> Raw:
    return {"apiVersion": api_version, "kind": kind, "name": "owner", "uid": "1", **more}


@st.composite
def plain_pods(draw: st.DrawFn) -> Raw:
    """Pods as web servers are: nothing of them is any business of ours."""
    names = ("cpu", "memory", "ephemeral-storage")
    asked = st.builds(
        lambda *parts: merged(list(parts)),
        *(amounts(name, ("0", "100M", "1Gi")) for name in names),
    )

    def container(name: str) -> Raw:
        return {"name": name, "image": draw(_PLAIN_IMAGES), "resources": draw(asked)}

    metadata: Raw = {"name": "pod", "labels": {"app": "web", "component": "server"}}
    metadata["annotations"] = {"scaleguard.io/profile": "tight", "example.com/note": "gpu"}
    if draw(st.booleans()):
        metadata["ownerReferences"] = [_owner(*draw(_PLAIN_OWNERS), controller=True)]
    spec: Raw = {
        "containers": [container(f"c{number}") for number in range(draw(st.integers(1, 3)))],
        "initContainers": [container(f"i{number}") for number in range(draw(st.integers(0, 2)))],
        "tolerations": draw(st.lists(_PLAIN_TOLERATIONS, max_size=2)),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


# ---------------------------------------------------------------- what is at the border

_RESOURCES = st.one_of(
    ACCELERATORS,
    ACCELERATORS.map(lambda name: f"deviceclass.resource.kubernetes.io/{name.partition('/')[0]}"),
    st.sampled_from(["nvida.com/gpu", "nvidia.com/gpus", "amd.con/gpu", "chips.example.com/one"]),
    st.sampled_from(OTHER_RESOURCES),
)
_IMAGES = st.sampled_from(
    [
        *("vllm/vllm-openai:v0.9", "quay.io/team/VLLM", "ghcr.io/x/tgi@sha256:0a", "jupyter"),
        *("meteio:1", "vllm.example.com/web", "noteboo\u212a:1", "x/" + "y" * 600 + "/ollama"),
    ]
)
_CLASSES = st.sampled_from(["training", "inference", "none", "other", ""])
_LABELS = st.one_of(
    st.sampled_from(WORKLOADS["labels"]).map(lambda one: {one["key"]: one.get("value", "x")}),
    st.sampled_from([{"component": "singleuser"}, {"app.kubernetes.io/part-of": "shop"}]),
    _CLASSES.map(lambda value: {"scaleguard.io/class": value}),
)
_ANNOTATIONS = st.one_of(
    _CLASSES.map(lambda value: {"scaleguard.io/class": value}),
    st.sampled_from(["gpu-node-squatter", "no-such-rule", ""]).map(
        lambda value: {"scaleguard.io/exempt": value}
    ),
    st.just({"kubernetes.io/config.source": "api"}),
)
_TOLERATIONS = st.one_of(
    st.sampled_from([{"operator": "Exists"}, {"operator": "Exists", "effect": "NoSchedule"}]),
    st.builds(lambda key: {"key": key, "operator": "Exists"}, TAINT_KEYS),
    st.builds(lambda key, effect: {"key": key, "effect": effect}, TAINT_KEYS, EFFECTS),
)
_OWN_OWNER = st.just(_owner("ai.example.com/v1", "Model", controller=True))


@st.composite
def _in_a_container(draw: st.DrawFn, changes: st.SearchStrategy[Raw]) -> Mark:
    init, number, change = draw(st.booleans()), draw(st.integers(0, 2)), draw(changes)

    def mark(raw: Raw) -> None:
        listed = (init and raw["spec"]["initContainers"]) or raw["spec"]["containers"]
        listed[number % len(listed)].update(change)

    return mark


@st.composite
def _claimed(draw: st.DrawFn) -> Mark:
    kind = draw(st.sampled_from(["resourceClaimTemplateName", "resourceClaimName"]))
    name, used = draw(st.sampled_from(CLAIMS)), draw(st.booleans())

    def mark(raw: Raw) -> None:
        raw["spec"]["resourceClaims"] = [{"name": "entry", kind: name}]
        if used:
            container = raw["spec"]["containers"][0]
            container["resources"] = {**container["resources"], "claims": [{"name": "entry"}]}

    return mark


def _in_metadata(field: str, changes: st.SearchStrategy[Raw]) -> st.SearchStrategy[Mark]:
    return changes.map(lambda change: lambda raw: raw["metadata"][field].update(change))


def _owned(owner: Raw) -> Mark:
    return lambda raw: raw["metadata"].update(ownerReferences=[owner])


def _tolerating(toleration: Raw) -> Mark:
    return lambda raw: raw["spec"]["tolerations"].append(toleration)


MARKS: st.SearchStrategy[Mark] = st.one_of(
    _in_a_container(extended(_RESOURCES).map(lambda asked: {"resources": asked})),
    _in_a_container(st.just({"resources": {"limits": {"hugepages-2Mi": "4Mi", "cpu": "1"}}})),
    _in_a_container(_IMAGES.map(lambda image: {"image": image})),
    _claimed(),
    _in_metadata("labels", _LABELS),
    _in_metadata("annotations", _ANNOTATIONS),
    st.one_of(OWNERS, _OWN_OWNER).map(_owned),
    _TOLERATIONS.map(_tolerating),
)


@st.composite
def border_pods(draw: st.DrawFn) -> Raw:
    """A plain pod with one or two marks."""
    raw: Any = json.loads(json.dumps(draw(plain_pods())))
    for mark in draw(st.lists(MARKS, min_size=1, max_size=2)):
        mark(raw)
    decoded: Raw = json.loads(json.dumps(raw))
    return decoded
