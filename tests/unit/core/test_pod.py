from typing import Any

import pytest

from tests.unit.core.pods import KNOWLEDGE, container, pod
from webhook.core.pod import (
    ClaimedDevice,
    Container,
    Role,
    claim_names,
    claimed_devices,
    claimed_requests,
    containers,
    devices,
    has_pod_level_resources,
    is_shared,
    tolerations,
)


def with_resources(resources: Any) -> Container:
    return containers(pod(container(resources=resources)))[0]


def asked(resources: Any) -> list[tuple[str, int | None]]:
    found = devices(with_resources(resources), KNOWLEDGE.catalogue)
    return [(device.resource, device.count) for device in found]


def test_containers_come_before_init_containers_and_keep_their_index() -> None:
    raw = pod(
        "no container",
        container("main"),
        initContainers=[container("init"), None, container("logs", restartPolicy="Always")],
    )
    assert [(one.name, one.role, one.path) for one in containers(raw)] == [
        ("main", Role.REGULAR, ("spec", "containers", 1)),
        ("init", Role.INIT, ("spec", "initContainers", 0)),
        ("logs", Role.SIDECAR, ("spec", "initContainers", 2)),
    ]


@pytest.mark.parametrize("raw", [{}, {"spec": None}, {"spec": []}, {"spec": {"containers": {}}}])
def test_a_pod_without_containers_has_none(raw: dict[str, Any]) -> None:
    assert containers(raw) == []
    assert tolerations(raw) == []
    assert list(claim_names(raw)) == []
    assert not has_pod_level_resources(raw)


def test_a_nameless_container_without_an_image() -> None:
    [found] = containers({"spec": {"containers": [{}]}})
    assert (found.name, found.image) == ("", "")


@pytest.mark.parametrize(
    ("resources", "written"),
    [
        ({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}, "1"),
        ({"limits": {"cpu": "2"}}, "2"),
        ({"requests": {"cpu": None}, "limits": {"cpu": "2"}}, 0),
        ({"requests": {"cpu": 0}}, 0),
        ({"limits": {"cpu": None}}, 0),
        ({"requests": {"memory": "1Gi"}}, None),
        ({"requests": [], "limits": "x"}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_limit_is_a_request_too(resources: Any, written: Any) -> None:
    assert with_resources(resources).request("cpu") == written


@pytest.mark.parametrize(
    ("resources", "found"),
    [
        ({"limits": {"nvidia.com/gpu": 2}}, [("nvidia.com/gpu", 2)]),
        ({"requests": {"nvidia.com/gpu": "2"}}, [("nvidia.com/gpu", 2)]),
        (
            {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}},
            [("nvidia.com/gpu", 2)],
        ),
        (
            {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": None}},
            [("nvidia.com/gpu", 1)],
        ),
        ({"limits": {"nvidia.com/gpu": "1500m"}}, [("nvidia.com/gpu", 2)]),
        ({"limits": {"nvidia.com/gpu": "${N}"}}, [("nvidia.com/gpu", None)]),
        ({"limits": {"nvidia.com/gpu": [1]}}, [("nvidia.com/gpu", None)]),
        ({"limits": {"nvidia.com/gpu": True}}, [("nvidia.com/gpu", None)]),
        ({"limits": {"nvidia.com/gpu": 0, "amd.com/gpu": "-1", "google.com/tpu": None}}, []),
        ({"limits": {"cpu": 1, 5: 5, "rdma/ib": 1}}, []),
        (
            {"limits": {"nvidia.com/gpu": 1, "amd.com/gpu": 1}},
            [("amd.com/gpu", 1), ("nvidia.com/gpu", 1)],
        ),
        ([], []),
    ],
)
def test_devices_are_read_from_limits_and_requests(
    resources: Any, found: list[tuple[str, int | None]]
) -> None:
    assert asked(resources) == found


def test_amounts_make_devices_shared() -> None:
    catalogue = KNOWLEDGE.catalogue
    gpu = {"nvidia.com/gpu": 1}
    assert not is_shared(devices(with_resources({"limits": gpu}), catalogue))
    shared = {"limits": {**gpu, "nvidia.com/gpumem": 3000}}
    assert is_shared(devices(with_resources(shared), catalogue))


def test_claims_of_a_pod_and_of_a_container() -> None:
    raw = pod(
        container(resources={"claims": [{"name": "a"}, {"name": "a", "request": "x"}, "b", {}]}),
        resourceClaims=[
            {"name": "a", "resourceClaimName": "one"},
            {"name": "b", "resourceClaimTemplateName": "two"},
            {"name": "c"},
            "d",
        ],
    )
    assert list(claim_names(raw)) == [("a", "one", False), ("b", "two", True)]
    assert claimed_requests(containers(raw)[0]) == {("a", ""), ("a", "x"), ("", "")}


EXACTLY = {"deviceClassName": "gpu.nvidia.com", "count": 2}
ALL = {"allocationMode": "All"}


@pytest.mark.parametrize(
    ("requests", "found"),
    [
        ([{"exactly": EXACTLY}], [ClaimedDevice("gpu.nvidia.com", 2)]),
        ([{"exactly": {"deviceClassName": "a"}}], [ClaimedDevice("a", 1)]),
        ([EXACTLY], [ClaimedDevice("gpu.nvidia.com", 2)]),
        (
            [EXACTLY, {"deviceClassName": "a"}],
            [ClaimedDevice("gpu.nvidia.com", 2), ClaimedDevice("a", 1)],
        ),
        (
            [{"firstAvailable": [EXACTLY, "x", {"deviceClassName": "a", "count": 4}]}],
            [ClaimedDevice("gpu.nvidia.com", 2), ClaimedDevice("a", 4, alternative=True)],
        ),
        ([{"deviceClassName": "a", "count": 0}], [ClaimedDevice("a", 1)]),
        ([{"exactly": EXACTLY | ALL}], [ClaimedDevice("gpu.nvidia.com", None)]),
        ([EXACTLY | ALL], [ClaimedDevice("gpu.nvidia.com", None)]),
        ([EXACTLY | {"allocationMode": "ExactCount"}], [ClaimedDevice("gpu.nvidia.com", 2)]),
        (
            [{"firstAvailable": [EXACTLY | ALL, {"deviceClassName": "a"}]}],
            [ClaimedDevice("gpu.nvidia.com", None), ClaimedDevice("a", 1, alternative=True)],
        ),
        ([{"exactly": EXACTLY | {"adminAccess": True}}], []),
        (
            [EXACTLY | ALL | {"adminAccess": True}, {"exactly": EXACTLY}],
            [ClaimedDevice("gpu.nvidia.com", 2)],
        ),
        ([EXACTLY | {"adminAccess": False}], [ClaimedDevice("gpu.nvidia.com", 2)]),
        ([{"deviceClassName": "a", "count": "2"}], [ClaimedDevice("a", 1)]),
        ([{"deviceClassName": "a", "count": True}], [ClaimedDevice("a", 1)]),
        ([{}, {"exactly": []}, {"firstAvailable": {}}, None, {"deviceClassName": ""}], []),
        ({"exactly": EXACTLY}, []),
    ],
)
def test_requests_of_claims_and_templates(requests: Any, found: list[ClaimedDevice]) -> None:
    spec = {"devices": {"requests": requests}}
    assert claimed_devices({"kind": "ResourceClaim", "spec": spec}) == tuple(found)
    template = {"kind": "ResourceClaimTemplate", "spec": {"spec": spec}}
    assert claimed_devices(template) == tuple(found)


@pytest.mark.parametrize(
    "claim", [{}, {"spec": None}, {"kind": "ResourceClaimTemplate", "spec": []}]
)
def test_a_claim_that_asks_for_nothing(claim: dict[str, Any]) -> None:
    assert claimed_devices(claim) == ()


@pytest.mark.parametrize(
    ("resources", "present"),
    [({"requests": {"cpu": 1}}, True), ({}, False), (None, False), ([], False)],
)
def test_pod_level_resources(resources: Any, present: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert has_pod_level_resources(pod(resources=resources)) is present


def test_tolerations_that_are_none_are_left_out() -> None:
    assert tolerations(pod(tolerations=[None, "x", {"key": "a"}])) == [{"key": "a"}]
