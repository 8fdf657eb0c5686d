"""What stands around a pod: its namespace, LimitRanges, claims of devices, nodes."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.strategies.pods import CLAIMS
from tests.strategies.resources import COMPUTE, DEVICE_CLASSES, FIGURES, OTHER_CLASSES, Raw
from webhook.core.bounds import WHITELIST_ANNOTATION
from webhook.core.objects import IGNORE_LABEL

NAMESPACE = "team"

WHITELISTS: st.SearchStrategy[list[Raw]] = st.sampled_from(
    [
        [],
        [{"operator": "Exists"}],
        [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        [{"key": "nvidia.com/gpu", "operator": "Equal", "value": "present"}],
        [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
    ]
)


@st.composite
def namespaces(draw: st.DrawFn) -> Raw:
    made: Raw = {"name": NAMESPACE}
    if draw(st.integers(0, 5)) == 0:
        made["labels"] = {IGNORE_LABEL: draw(st.sampled_from(["true", "true", "false"]))}
    if draw(st.integers(0, 2)) == 0:
        made["annotations"] = {WHITELIST_ANNOTATION: json.dumps(draw(WHITELISTS))}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": made}


def _some(names: tuple[str, ...] = COMPUTE) -> st.SearchStrategy[Raw]:
    """A quantity for some of the compute resources."""
    return st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(FIGURES[name]) for name in names}
    )


_CONTAINER = st.fixed_dictionaries(
    {"type": st.just("Container")},
    optional={name: _some() for name in ("min", "max", "default", "defaultRequest")}
    | {"maxLimitRequestRatio": st.just({"cpu": "4"})},
)
_POD = st.fixed_dictionaries(
    {"type": st.just("Pod")}, optional={name: _some() for name in ("min", "max")}
)
LIMIT_RANGES = st.lists(st.one_of(_CONTAINER, _POD), min_size=1, max_size=2).map(
    lambda items: limit_range(*items)
)


def limit_range(*items: Raw) -> Raw:
    """A LimitRange with these items."""
    return _object("v1", "LimitRange", "limits", {"limits": list(items)})


_CLASSES = st.sampled_from([*DEVICE_CLASSES, *DEVICE_CLASSES, *OTHER_CLASSES])
_EXACTLY = st.builds(
    lambda name, count: {"deviceClassName": name, **count},
    _CLASSES,
    st.sampled_from([{}, {"count": 1}, {"count": 4}]),
)
_REQUEST = st.one_of(
    _EXACTLY.map(lambda exactly: {"name": "first", "exactly": exactly}),
    st.lists(_EXACTLY, min_size=1, max_size=2).map(
        lambda listed: {"name": "first", "firstAvailable": listed}
    ),
)


def _object(api_version: str, kind: str, name: str, spec: Raw) -> Raw:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


@st.composite
def claims(draw: st.DrawFn) -> list[Raw]:
    """For each name that pods use, a claim and a template that ask for the same."""
    made = []
    for name in CLAIMS:
        spec = {"devices": {"requests": [draw(_REQUEST)]}}
        made.append(_object("resource.k8s.io/v1", "ResourceClaim", name, spec))
        template = {"spec": spec}
        made.append(_object("resource.k8s.io/v1", "ResourceClaimTemplate", name, template))
    return made


_NODE: Raw = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "small"},
    "status": {"allocatable": {"cpu": "1930m", "memory": "7G", "nvidia.com/gpu": "1"}},
}


@st.composite
def worlds(draw: st.DrawFn) -> list[Raw]:
    """The manifests of a world with one namespace, `NAMESPACE`."""
    manifests: list[Any] = [draw(namespaces()), *draw(claims())]
    if draw(st.integers(0, 2)) == 0:
        manifests.append(draw(LIMIT_RANGES))
    if draw(st.integers(0, 3)) == 0:
        manifests.append(_NODE)
    return manifests
