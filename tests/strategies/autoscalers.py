"""HPAs, VPAs and ScaledObjects, with much in them that is nobody's business."""

import json

from hypothesis import strategies as st

from tests.strategies.resources import Raw

SECRET = "hunter2"
"""Stands wherever somebody may have put something that must not leave the object."""

NAMESPACE = "team"

_NOISE: st.SearchStrategy[Raw] = st.sampled_from([{}, {"note": SECRET}, {"a": {"b": [SECRET]}}])

_WORKLOADS = st.sampled_from(["web", "api"])
_TARGETS = st.builds(
    lambda kind, name: {"apiVersion": "apps/v1", "kind": kind, "name": name},
    st.sampled_from(["Deployment", "StatefulSet"]),
    _WORKLOADS,
)
_RESOURCES = st.sampled_from(["cpu", "memory", "nvidia.com/gpu"])
_QUERIES = st.sampled_from(
    [
        "sum(rate(container_cpu_usage_seconds_total[1m]))",
        "container_memory_working_set_bytes / kube_pod_container_resource_requests",
        "queue_length",
    ]
)
_FLAGS = st.sampled_from(["true", "false", "5", ""])


def _some(*options: st.SearchStrategy[Raw]) -> st.SearchStrategy[Raw]:
    return st.tuples(*options).map(lambda parts: {k: v for part in parts for k, v in part.items()})


def _maybe(name: str, value: st.SearchStrategy[object]) -> st.SearchStrategy[Raw]:
    return st.one_of(st.just({}), value.map(lambda one: {name: one}))


@st.composite
def _metadata(draw: st.DrawFn, keys: tuple[str, ...]) -> Raw:
    made: Raw = {"namespace": NAMESPACE, "name": draw(st.sampled_from(["one", "two", "three"]))}
    made["uid"] = f"uid-{made['name']}"
    made["resourceVersion"] = str(draw(st.integers(1, 99)))
    made["labels"] = {"team": SECRET}
    made["managedFields"] = [{"manager": SECRET}]
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": SECRET}
    for key in (*keys, "scaleguard.io/exempt"):
        if draw(st.integers(0, 3)) == 0:
            annotations[key] = draw(st.sampled_from(["true", "false", "hpa-vpa-same-metric", "0"]))
    made["annotations"] = annotations
    if draw(st.integers(0, 5)) == 0:
        made["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        made["finalizers"] = draw(st.sampled_from([[], ["orphan"], ["example.com/keeps"]]))
    if draw(st.integers(0, 3)) == 0:
        made["ownerReferences"] = [
            {
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "ScaledObject",
                "name": draw(st.sampled_from(["one", "two"])),
                "uid": draw(st.sampled_from(["uid-one", "uid-two"])),
                "controller": draw(st.booleans()),
                "blockOwnerDeletion": True,
            }
        ]
    return made


_VALUE = st.sampled_from([{"averageUtilization": 70}, {"averageValue": "500m"}, {}])
_FLAT = st.sampled_from([{"targetAverageUtilization": 70}, {"targetAverageValue": "1"}, {}])


def _source(extra: Raw) -> st.SearchStrategy[Raw]:
    return st.builds(
        lambda name, value, flat, noise: {
            "name": name,
            "target": {"type": "Utilization", **value, **noise},
            **flat,
            **extra,
        },
        _RESOURCES,
        _VALUE,
        _FLAT,
        _NOISE,
    )


_METRICS = st.one_of(
    _source({}).map(lambda source: {"type": "Resource", "resource": source}),
    _source({"container": "app"}).map(
        lambda source: {"type": "ContainerResource", "containerResource": source}
    ),
    st.builds(
        lambda kind, name: {
            "type": kind,
            kind.lower(): {
                "metric": {"name": name, "selector": {"matchLabels": {"token": SECRET}}},
                "metricName": name,
                "describedObject": {"kind": "Service", "name": SECRET},
                "target": {"value": "1"},
            },
        },
        st.sampled_from(["Pods", "Object", "External"]),
        _QUERIES,
    ),
)

_DIRECTIONS = st.fixed_dictionaries(
    {},
    optional={
        name: st.fixed_dictionaries(
            {"stabilizationWindowSeconds": st.integers(0, 9)},
            optional={"selectPolicy": st.sampled_from(["Disabled", "Max"])},
        )
        for name in ("scaleUp", "scaleDown")
    },
)

_CONDITIONS = st.lists(
    st.sampled_from(
        [
            {"type": "ScaledToZero", "status": "True", "message": SECRET},
            {"type": "ScaledToZero", "status": "False"},
            {"type": "AbleToScale", "status": "True"},
        ]
    ),
    max_size=2,
)

_HPA_KEYS = ("validations.keda.sh/hpa-ownership",)


@st.composite
def hpas(draw: st.DrawFn) -> Raw:
    metadata = draw(_metadata(_HPA_KEYS))
    spec = draw(
        _some(
            _maybe("scaleTargetRef", _TARGETS),
            _maybe("minReplicas", st.integers(0, 3)),
            _maybe("maxReplicas", st.integers(1, 3)),
            _NOISE,
        )
    )
    metrics, behavior = draw(st.lists(_METRICS, max_size=3)), draw(_DIRECTIONS)
    conditions = draw(_CONDITIONS)
    if draw(st.booleans()):
        spec |= draw(st.sampled_from([{}, {"metrics": None}, {"metrics": metrics}]))
        spec |= {"behavior": behavior}
        status = {"conditions": conditions, "currentMetrics": [SECRET]}
        return _object("autoscaling/v2", "HorizontalPodAutoscaler", metadata, spec, status)
    spec |= draw(_maybe("targetCPUUtilizationPercentage", st.integers(1, 99)))
    public = json.loads(json.dumps([metrics, behavior, conditions]).replace(SECRET, "x"))
    for name, value in zip(("metrics", "behavior", "conditions"), public, strict=True):
        key = f"autoscaling.alpha.kubernetes.io/{name}"
        written = st.sampled_from([json.dumps(value), "{broken", json.dumps(value).upper()])
        metadata["annotations"] |= draw(_maybe(key, written))
    return _object("autoscaling/v1", "HorizontalPodAutoscaler", metadata, spec, {})


_POLICIES = st.fixed_dictionaries(
    {"containerName": st.sampled_from(["*", "app", "proxy"])},
    optional={
        "mode": st.sampled_from(["Off", "Auto", False]),
        "controlledResources": st.lists(_RESOURCES, max_size=2),
        "minAllowed": st.just({"cpu": "1"}),
        "maxAllowed": st.just({"memory": "1Gi"}),
        "startupBoost": st.sampled_from([{"cpu": {"factor": 2}}, {"cpu": {"factor": 1}}, {}]),
    },
)
_MODES = st.sampled_from(["Off", "Recreate", "Initial", "InPlaceOrRecreate", False])


@st.composite
def vpas(draw: st.DrawFn) -> Raw:
    spec = draw(
        _some(
            _maybe("targetRef", _TARGETS),
            _maybe("updatePolicy", _maybe("updateMode", _MODES)),
            _maybe("resourcePolicy", _maybe("containerPolicies", st.lists(_POLICIES, max_size=3))),
            _maybe("startupBoost", st.just({"cpu": {"type": "Quantity", "quantity": "1"}})),
            _maybe("recommenders", st.just([{"name": SECRET}])),
        )
    )
    metadata = draw(_metadata(("gke.io/autoscaling-hpa-rightsizing-mode",)))
    status = {"recommendation": {"containerRecommendations": [SECRET]}}
    return _object("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", metadata, spec, status)


_TRIGGERS = st.one_of(
    st.builds(
        lambda kind, metadata, top: {"type": kind, "metadata": metadata, **top},
        st.sampled_from(["cpu", "memory"]),
        st.sampled_from(
            [
                {"value": "60", "note": SECRET},
                {"value": 60, "containerName": " app "},
                {"type": "AverageValue", "value": "1Gi"},
                {},
            ]
        ),
        _maybe("metricType", st.sampled_from(["Utilization", "AverageValue"])),
    ),
    st.builds(
        lambda query: {
            "type": "prometheus",
            "metadata": {"serverAddress": f"http://u:{SECRET}@prometheus", "query": query},
            "authenticationRef": {"name": SECRET},
        },
        _QUERIES,
    ),
    st.just({"type": "redis", "metadata": {"password": SECRET, "passwordFromEnv": SECRET}}),
)

_SCALED_OBJECT_KEYS = (
    "autoscaling.keda.sh/paused",
    "autoscaling.keda.sh/paused-replicas",
    "autoscaling.keda.sh/paused-scale-in",
    "autoscaling.keda.sh/paused-scale-out",
    "scaledobject.keda.sh/transfer-hpa-ownership",
)


@st.composite
def scaled_objects(draw: st.DrawFn) -> Raw:
    config = _some(_maybe("name", _WORKLOADS), _maybe("behavior", _DIRECTIONS), _NOISE)
    modifiers: st.SearchStrategy[Raw] = st.sampled_from([{"formula": "a + b"}, {"formula": ""}, {}])
    advanced = _some(
        _maybe("horizontalPodAutoscalerConfig", config), _maybe("scalingModifiers", modifiers)
    )
    counts = [
        _maybe(name, st.integers(0, 3))
        for name in ("minReplicaCount", "maxReplicaCount", "idleReplicaCount")
    ]
    target: st.SearchStrategy[Raw] = st.sampled_from(
        [{"name": "web"}, {"name": "web", "kind": "StatefulSet"}, {}]
    )
    spec = draw(
        _some(
            target.map(lambda one: {"scaleTargetRef": {**one, "envSourceContainerName": SECRET}}),
            _maybe("advanced", advanced),
            _maybe("triggers", st.lists(_TRIGGERS, max_size=3)),
            *counts,
        )
    )
    metadata = draw(_metadata(_SCALED_OBJECT_KEYS))
    return _object("keda.sh/v1alpha1", "ScaledObject", metadata, spec, {"note": SECRET})


def _object(api_version: str, kind: str, metadata: Raw, spec: Raw, status: Raw) -> Raw:
    made: Raw = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    return {**made, "spec": spec, "status": status}


AUTOSCALERS = st.one_of(hpas(), vpas(), scaled_objects())
