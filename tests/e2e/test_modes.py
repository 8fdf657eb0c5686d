"""Mode audit before a real API server, a switch to enforce, and what differs in a namespace."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard
from tests.e2e.kubectl import GPU, apply, found, wait_until
from tests.e2e.manifests import hpa, vpa

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

# The namespace in which `Guard` looks whether it is asked is enforced from the start.
AUDIT = """
mode: audit
namespaces:
  - selector: {matchLabels: {kubernetes.io/metadata.name: default}}
    mode: enforce
"""
ENFORCE = """
mode: enforce
namespaces:
  - selector: {matchExpressions: [{key: stage, operator: In, values: [lab]}]}
    rules: {hpa-vpa-same-metric: warn}
"""
AUDITED = [
    {"group": "", "resources": ["pods"]},
    {"group": "autoscaling"},
    {"group": "autoscaling.k8s.io"},
]


class Audited:
    """A control plane that writes down what was asked of its API server."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "audit.log"
        policy = folder / "policy.json"
        rules = [{"level": "Metadata", "resources": AUDITED}, {"level": "None"}]
        said = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}
        policy.write_text(json.dumps(said | {"omitStages": ["RequestReceived"]}), "utf-8")
        options = [f"--audit-policy-file={policy}", f"--audit-log-path={self.log}"]
        self.plane = ControlPlane(arguments={"kube-apiserver": options})

    def annotations(self, resource: str, namespace: str) -> dict[str, str]:
        """What webhooks noted about the creation of the one object of this resource."""
        events = map(json.loads, self.log.read_text("utf-8").splitlines())
        (annotations,) = [
            event["annotations"]
            for event in events
            if event["verb"] == "create"
            and event["objectRef"]["resource"] == resource
            and event["objectRef"].get("namespace") == namespace
        ]
        noted: dict[str, str] = annotations
        return noted


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    made = Audited(tmp_path_factory.mktemp("audited"))
    with made.plane as plane:
        plane.install_crds("vpa")
        for name in ("shop", "lab"):
            plane.kubectl("create", "namespace", name)
            plane.kubectl("label", "namespace", name, f"stage={name}")
            wait_until(partial(found, plane, "serviceaccount", name, "default"))
        yield made


def pod(namespace: str) -> Raw:
    container = {"name": "a", "image": "vllm", "resources": {"limits": {GPU: 1}}}
    metadata = {"name": "llama", "namespace": namespace}
    spec = {"containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def decisions(guard: Guard) -> list[Raw]:
    lines = [json.loads(line) for line in guard.log if line.startswith("{")]
    return [line["decision"] for line in lines if "decision" in line]


def test_from_audit_to_enforce(audited: Audited, tmp_path: Path) -> None:
    plane, config = audited.plane, tmp_path / "config.yaml"
    config.write_text(AUDIT, encoding="utf-8")
    conflict = hpa("web", "web", namespace="shop"), vpa("web", "web", namespace="shop")
    with Guard(plane, arguments=["--config", str(config), "--log-format", "json"]) as guard:
        assert apply(plane, *conflict, pod("shop")) == "", "nothing is refused, nothing is said"
        made = json.loads(plane.kubectl("get", "pod", "llama", "-n", "shop", "-o", "json").stdout)
        assert GPU not in {one["key"] for one in made["spec"]["tolerations"]}
        assert "scaleguard.io" not in json.dumps(made["metadata"].get("labels", {}))
        assert "cpu" not in made["spec"]["containers"][0]["resources"]["requests"]

        told = [one for one in decisions(guard) if one["namespace"] == "shop"]
        assert [(one["kind"], one["allowed"], one["mode"], one["would"]) for one in told] == [
            ("VerticalPodAutoscaler", True, "audit", "deny"),
            ("Pod", True, "audit", "patch"),
        ]
        counted = guard.metrics()
        kind = 'kind="VerticalPodAutoscaler"'
        labels = f'action="audit",{kind},rule="hpa-vpa-same-metric",would="deny"'
        assert f"scaleguard_findings_total{{{labels}}} 1.0" in counted
        assert 'scaleguard_mutations_total{class="inference",would="patch"} 1.0' in counted

        noted = audited.annotations("verticalpodautoscalers", "shop")
        assert noted["autoscalers.scaleguard.io/would"] == "deny"
        said = noted["autoscalers.scaleguard.io/findings"]
        assert said.startswith("[hpa-vpa-same-metric] ")
        assert noted["autoscalers.scaleguard.io/decision"] == told[0]["id"]
        fitted = audited.annotations("pods", "shop")
        assert fitted["pods.scaleguard.io/would"] == "patch"
        assert fitted["pods.scaleguard.io/patch"].startswith(f"tolerations: {GPU}; requests: ")

        config.write_text(ENFORCE, encoding="utf-8")
        applied = 'scaleguard_config_reloads_total{result="applied"} 1.0'
        wait_until(lambda: applied in guard.metrics())
        plane.kubectl("delete", "vpa,pod", "--all", "-n", "shop", "--force")
        refused = apply(plane, vpa("web", "web", namespace="shop"), check=False)
        assert "denied the request: [hpa-vpa-same-metric]" in refused
        apply(plane, pod("shop"))
        made = json.loads(plane.kubectl("get", "pod", "llama", "-n", "shop", "-o", "json").stdout)
        assert GPU in {one["key"] for one in made["spec"]["tolerations"]}

        lab = hpa("web", "web", namespace="lab"), vpa("web", "web", namespace="lab")
        assert "Warning: [hpa-vpa-same-metric]" in apply(plane, *lab), "only a warning there"
