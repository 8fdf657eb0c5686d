"""What end-to-end tests do with kubectl."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.controlplane.cluster import ControlPlane
from tests.e2e.manifests import stream

GPU = "nvidia.com/gpu"


def found(plane: ControlPlane, kind: str, namespace: str, name: str) -> bool:
    return plane.kubectl("get", kind, "-n", namespace, name, check=False).returncode == 0


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.2)


def pods(plane: ControlPlane, namespace: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(
        plane.kubectl("get", "pods", "-n", namespace, "-o", "json").stdout
    )["items"]
    return listed


def apply(plane: ControlPlane, *objects: dict[str, Any], check: bool = True) -> str:
    """Apply objects; returns what kubectl said on stderr."""
    return plane.kubectl("apply", "-f", "-", input=stream(*objects), check=check).stderr


def token(plane: ControlPlane, account: str, namespace: str, *audiences: str) -> str:
    """Make a token of a ServiceAccount; without audiences one for the API server."""
    made = [f"--audience={audience}" for audience in audiences]
    return plane.kubectl("create", "token", account, "-n", namespace, *made).stdout.strip()


def phase(pod: dict[str, Any]) -> str:
    value: str = pod["status"]["phase"]
    return value


def why(pod: dict[str, Any]) -> str:
    conditions = pod["status"].get("conditions", [])
    return " ".join(condition.get("message", "") for condition in conditions)
