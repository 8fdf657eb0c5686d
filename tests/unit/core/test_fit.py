import copy
import json
from dataclasses import dataclass
from typing import Any

import jsonpatch
from hypothesis import event, given
from hypothesis import strategies as st

from tests.unit.core.pods import KNOWLEDGE, container, pod, recognised
from webhook.core import quantity
from webhook.core.ai_pod import recognise
from webhook.core.bounds import Bounds
from webhook.core.fit import Fitting, fit
from webhook.core.mutations.marks import CLASS_LABEL, MUTATIONS_ANNOTATION
from webhook.core.nodes import NodeShape, smallest_shares
from webhook.core.patch import pointer
from webhook.core.profile import ExtraToleration, Profile, SharedMemory, cores_and_gib
from webhook.core.quantity import NANOS_PER_MILLI, NANOS_PER_UNIT
from webhook.core.toleration import covers

COMPUTE = ("cpu", "memory")
GROWING = ("/tolerations", "/volumes", "/volumeMounts")


def test_all_mutations_in_one_patch() -> None:
    raw = pod()
    brief = ("tolerations: nvidia.com/gpu", "requests: main cpu=2 memory=8Gi")
    assert fit(raw, recognised(raw), Profile()) == Fitting(
        [
            {
                "op": "add",
                "path": "/spec/tolerations",
                "value": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            },
            {
                "op": "add",
                "path": "/spec/containers/0/resources/requests",
                "value": {"cpu": "2", "memory": "8Gi"},
            },
            {"op": "add", "path": "/metadata/labels", "value": {CLASS_LABEL: "inference"}},
            {
                "op": "add",
                "path": "/metadata/annotations",
                "value": {MUTATIONS_ANNOTATION: f"{brief[0]}; {brief[1]}"},
            },
        ],
        brief,
        (),
    )


def test_notes_of_all_mutations() -> None:
    raw = pod(container(resources={"limits": {"nvidia.com/gpu": "${N}"}}))
    whitelist = Bounds(tolerations=({"key": "other"},))
    fitting = fit(raw, recognised(raw), Profile(), whitelist)
    assert [note.split()[0] for note in fitting.notes] == ["nvidia.com/gpu", "no"]
    assert fitting.brief == ()
    assert [operation["path"] for operation in fitting.patch] == ["/metadata/labels"]


# ---------------------------------------------------------------- any pod

ODD: st.SearchStrategy[Any] = st.sampled_from([None, "x", 5, [], {}, [None], ["x"]])
FIGURES = st.sampled_from(
    ["0", "1m", "250m", "1", "4", "64Mi", "1.5Gi", "32Gi", "1e3", "${X}", 2, None]
)
DEVICES = st.sampled_from([0, 1, 2, "4", "500m", "${GPU_COUNT}", None])
NAMES = st.sampled_from(
    [
        "nvidia.com/gpu",
        "nvidia.com/gpumem",
        "nvidia.com/mig-1g.5gb",
        "amd.com/gpu",
        "aws.amazon.com/neuroncore",
        "vpc.amazonaws.com/efa",
    ]
)
QUANTITIES = st.builds(
    lambda compute, devices: {**compute, **devices},
    st.dictionaries(st.sampled_from(COMPUTE), FIGURES),
    st.dictionaries(NAMES, DEVICES, max_size=2),
)
RESOURCES = st.fixed_dictionaries(
    {}, optional={"requests": QUANTITIES | ODD, "limits": QUANTITIES | ODD}
)
CONTAINERS = st.fixed_dictionaries(
    {"name": st.sampled_from(["main", "proxy", "a/b~c"])},
    optional={
        "resources": RESOURCES | ODD,
        "image": st.sampled_from(["vllm/vllm-openai", "app"]),
        "restartPolicy": st.just("Always"),
    },
)
ACCELERATED = st.builds(
    lambda compute, devices: container(resources={"requests": compute, "limits": devices}),
    st.dictionaries(st.sampled_from(COMPUTE), FIGURES),
    st.dictionaries(NAMES, st.sampled_from([1, 2, "${GPU_COUNT}"]), min_size=1, max_size=2),
)
TOLERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "key": st.sampled_from(["nvidia.com/gpu", "amd.com/gpu", "sku"]),
        "operator": st.sampled_from(["Exists", "Equal"]),
        "effect": st.sampled_from(["NoSchedule", "NoExecute", ""]),
    },
)
LABELS = st.dictionaries(
    st.sampled_from(["app", "ray.io/cluster", "scaleguard.io/class", CLASS_LABEL]),
    st.sampled_from(["training", "batch", "none", "x"]),
    max_size=2,
)
WRITTEN = st.fixed_dictionaries(
    {
        "spec": st.fixed_dictionaries(
            {"containers": st.lists(ACCELERATED | CONTAINERS | ODD, min_size=1, max_size=3)},
            optional={
                "initContainers": st.lists(CONTAINERS, max_size=2) | ODD,
                "tolerations": st.lists(TOLERATIONS, max_size=2) | ODD,
                "restartPolicy": st.sampled_from(["Never", "Always"]),
                "resources": RESOURCES | ODD,
            },
        ),
    },
    optional={
        "metadata": st.fixed_dictionaries(
            {},
            optional={
                "labels": LABELS | ODD,
                "annotations": st.just({MUTATIONS_ANNOTATION: "tolerations: x"}) | ODD,
            },
        )
        | ODD
    },
)
# Decoded anew: no two places of an object share a value.
PODS = WRITTEN.map(lambda raw: json.loads(json.dumps(raw)))
PROFILES = st.builds(
    Profile,
    extra_tolerations=st.sampled_from(
        [(), (ExtraToleration({"key": "sku", "value": "gpu", "effect": "NoSchedule"}),)]
    ),
    cpu_only=st.sampled_from([None, cores_and_gib(1, 2)]),
    shared_memory=st.sampled_from([None, SharedMemory(), SharedMemory("8Gi")]),
    protect=st.sampled_from([None, True, False]),
)
SHAPES = st.sampled_from(
    [
        (),
        (
            NodeShape(
                "small",
                {
                    "cpu": 1930 * NANOS_PER_MILLI,
                    "memory": 7 * 10**9 * NANOS_PER_UNIT,
                    "nvidia.com/gpu": NANOS_PER_UNIT,
                },
            ),
        ),
    ]
)


@dataclass(frozen=True)
class Around:
    """What a pod is fitted to beside itself."""

    profile: Profile
    bounds: Bounds
    shapes: tuple[NodeShape, ...]


BOUNDS = st.builds(
    Bounds,
    filled=st.sets(st.sampled_from(COMPUTE)).map(frozenset),
    most_per_pod=st.dictionaries(
        st.sampled_from(COMPUTE),
        st.integers(0, 64 * 2**30).map(lambda units: units * NANOS_PER_UNIT),
    ),
    tolerations=st.sampled_from([(), ({"key": "nvidia.com/gpu", "operator": "Exists"},)]),
)
AROUND = st.builds(Around, PROFILES, BOUNDS, SHAPES)


def fitted(raw: dict[str, Any], around: Around) -> tuple[Any, Fitting | None]:
    before = copy.deepcopy(raw)
    found = recognise(raw, None, {}, KNOWLEDGE)
    fitting = (
        None
        if found is None
        else fit(raw, found, around.profile, around.bounds, (smallest_shares(around.shapes),))
    )
    assert raw == before, "objects are never changed in place"
    patch = [] if fitting is None else fitting.patch
    return jsonpatch.apply_patch(raw, patch), fitting


def dicts(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def every_container(raw: dict[str, Any]) -> list[dict[str, Any]]:
    spec = dicts(raw.get("spec"))
    lists = [spec.get("containers"), spec.get("initContainers")]
    return [
        one for some in lists if isinstance(some, list) for one in some if isinstance(one, dict)
    ]


def requests_of(one: dict[str, Any]) -> dict[str, Any]:
    """The requests after the API server's defaulting: limits are copied to what is missing."""
    return {**limits_of(one), **quantities(one, "requests")}


def limits_of(one: dict[str, Any]) -> dict[str, Any]:
    return quantities(one, "limits")


def quantities(one: dict[str, Any], kind: str) -> dict[str, Any]:
    """The quantities as the API server decodes them: null is zero."""
    listed = dicts(dicts(one.get("resources")).get(kind))
    return {key: 0 if value is None else value for key, value in listed.items()}


def is_guaranteed(raw: dict[str, Any]) -> bool:
    """The QoS class of k8s.io/component-helpers, without pod-level resources."""
    return all(
        (quantity.parse(limits_of(one).get(name)) or 0) > 0
        and quantity.parse(limits_of(one)[name]) == quantity.parse(requests_of(one)[name])
        for one in every_container(raw)
        for name in COMPUTE
    )


def assert_kept(before: Any, after: Any, at: str = "") -> None:
    """Everything that was set is still there, members of lists at their index; null was not set."""
    if before is None or at.endswith((CLASS_LABEL, MUTATIONS_ANNOTATION)):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            assert_kept(value, after.get(key), f"{at}/{key}")
    elif isinstance(before, list) and isinstance(after, list):
        assert len(after) == len(before) or at.endswith(
            ("/tolerations", "/volumes", "/volumeMounts")
        )
        for index, value in enumerate(before):
            assert_kept(value, after[index], f"{at}/{index}")
    else:
        assert before == after, at


@given(PODS, AROUND)
def test_the_patch_applies_and_a_second_one_is_empty(raw: dict[str, Any], around: Around) -> None:
    after, fitting = fitted(raw, around)
    event("AI pod" if fitting is not None else "no AI pod")
    again, second = fitted(after, around)
    assert again == after
    assert (second is None) == (fitting is None)
    assert second is None or second.patch == []


@given(PODS, AROUND)
def test_nothing_that_was_set_changes(raw: dict[str, Any], around: Around) -> None:
    after, _ = fitted(raw, around)
    assert_kept(raw, after)


@given(PODS, AROUND)
def test_no_limit_is_added_no_request_exceeds_one_and_no_pod_becomes_guaranteed(
    raw: dict[str, Any], around: Around
) -> None:
    after, _ = fitted(raw, around)
    for had, has in zip(every_container(raw), every_container(after), strict=True):
        assert limits_of(has) == limits_of(had)
        new = {key: value for key, value in requests_of(has).items() if key not in requests_of(had)}
        assert set(new) <= set(COMPUTE) - around.bounds.filled
        assert not set(new) & set(limits_of(has))
        assert all((quantity.parse(value) or 0) > 0 for value in new.values())
    assert is_guaranteed(after) is is_guaranteed(raw)


@given(PODS, AROUND)
def test_the_annotation_says_what_was_done_and_no_more(raw: dict[str, Any], around: Around) -> None:
    after, fitting = fitted(raw, around)
    if fitting is None:
        return
    said = "; ".join(fitting.brief)
    listed = dicts(raw["spec"]).get("tolerations")
    before = listed if isinstance(listed, list) else []
    now = after["spec"].get("tolerations")
    added = now[len(before) :] if isinstance(now, list) else []
    keys = ", ".join(one["key"] for one in added)
    assert said.startswith(f"tolerations: {keys}" if added else ("requests: ", ""))
    for had, has in zip(every_container(raw), every_container(after), strict=True):
        new = [
            f"{key}={value}"
            for key, value in requests_of(has).items()
            if key not in requests_of(had)
        ]
        assert " ".join(sorted(new)) in said
    marks = {pointer(("metadata", "labels", CLASS_LABEL))}
    marks.add(pointer(("metadata", "annotations", MUTATIONS_ANNOTATION)))
    changed = [one for one in fitting.additions if pointer(one.path) not in marks]
    assert bool(changed) is bool(said)
    if around.bounds.tolerations:
        assert all(any(covers(one, each) for one in around.bounds.tolerations) for each in added)
