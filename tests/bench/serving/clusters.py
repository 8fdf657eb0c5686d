"""A real API server that nobody but a webhook asks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.controlplane.cluster import ControlPlane
from tests.e2e import manifests

USER = "scaleguard-webhook"
COUNTED = "scaleguard-counted"
"""The same rights; what this user asks is in the API server's audit log."""

_ROLE = Path(manifests.__file__).with_name("rbac.yaml")


@contextmanager
def cluster(folder: Path) -> Iterator[ControlPlane]:
    """An API server that nobody but a webhook asks: no controllers, they would take their time."""
    folder.mkdir(parents=True, exist_ok=True)
    policy = folder / "audit-policy.json"
    rules = [{"level": "Metadata", "users": [COUNTED], "omitStages": ["RequestReceived"]}]
    kind = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}
    policy.write_text(json.dumps({**kind, "rules": [*rules, {"level": "None"}]}), "utf-8")
    arguments = {
        "kube-apiserver": [
            f"--audit-policy-file={policy}",
            f"--audit-log-path={audit_log(folder)}",
        ],
        # The one that start-up waits for.
        "kube-controller-manager": ["--controllers=serviceaccount-controller"],
    }
    with ControlPlane(folder=folder, arguments=arguments) as plane:
        for child in plane._children:
            if child.name in {"kube-controller-manager", "kube-scheduler"}:
                child.terminate()
        plane.install_crds("vpa")
        plane.kubectl("apply", "-f", str(_ROLE))
        for user in (USER, COUNTED):
            binding = ("clusterrolebinding", user, "--clusterrole=scaleguard-webhook")
            plane.kubectl("create", *binding, f"--user={user}", check=False)
        yield plane


def audit_log(folder: Path) -> Path:
    """Where an API server says who asked what."""
    return folder / "audit.log"
