"""One control plane for all end-to-end tests that only use kubectl on it."""

from collections.abc import Iterator

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.kubectl import GPU, found, wait_until


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane(kwok=True) as running:
        running.install_crds("vpa", "keda")
        taint = {"key": GPU, "value": "present", "effect": "NoSchedule"}
        running.add_node("plain")
        running.add_node("gpu", allocatable={GPU: "8"}, taints=[taint])
        yield running


@pytest.fixture
def namespace(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of its own for each test; what ran in it frees the nodes for the next one."""
    name = str(request.node.name).replace("_", "-").removeprefix("test-")[:50].strip("-")
    plane.kubectl("create", "namespace", name)
    wait_until(lambda: found(plane, "serviceaccount", name, "default"))
    yield name
    plane.kubectl("delete", "namespace", name, "--wait=false")
