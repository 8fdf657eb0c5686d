"""One control plane for all end-to-end tests that only use kubectl on it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.audit_process import AuditProcess
from tests.e2e.browser import Visit, chromium
from tests.e2e.kubectl import GPU, found, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane(kwok=True) as running:
        running.install_crds("vpa", "keda")
        taint = {"key": GPU, "value": "present", "effect": "NoSchedule"}
        running.add_node("plain")
        running.add_node("gpu", allocatable={GPU: "8"}, taints=[taint])
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser: "Browser", audit: AuditProcess) -> Iterator[Visit]:
    """A visit of the page of a module's own audit."""
    with Visit(browser, audit.url) as visiting:
        yield visiting


@pytest.fixture
def namespace(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of its own for each test; what ran in it frees the nodes for the next one."""
    name = str(request.node.name).replace("_", "-").removeprefix("test-")[:50].strip("-")
    plane.kubectl("create", "namespace", name)
    wait_until(lambda: found(plane, "serviceaccount", name, "default"))
    yield name
    plane.kubectl("delete", "namespace", name, "--wait=false")
