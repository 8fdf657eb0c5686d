"""What exists is judged before a real API server, and told to a real audit: no webhook is there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.controlplane.cluster import ControlPlane
from tests.e2e.audit_process import AuditProcess
from tests.e2e.controller_process import ControllerProcess, grant
from tests.e2e.kubectl import apply, token
from tests.e2e.manifests import deployment, hpa, vpa
from tests.e2e.webhook_process import wait_until
from webhook.cli.main import cli

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

AUDIENCE = "scaleguard-audit"
ACCOUNT = "system:serviceaccount:guard:controller"
SECONDS = 60.0


class Scanned:
    """A cluster, and what the audit knows of it."""

    def __init__(self, plane: ControlPlane, audit: AuditProcess, folder: Path) -> None:
        self.plane, self.audit, self.folder = plane, audit, folder
        self.token = folder / "token"
        self.token.write_text(token(plane, "controller", "guard", AUDIENCE), encoding="utf-8")
        self.reader = token(plane, "reader", "guard", AUDIENCE)

    def controller(self, name: str, *arguments: str) -> ControllerProcess:
        return ControllerProcess(
            self.plane,
            self.folder / name,
            *("--audit-url", self.audit.url, "--audit-ca", str(self.audit.authority)),
            *("--audit-token-file", str(self.token), "--cluster-name", "here", *arguments),
        )

    def open(self, namespace: str) -> list[tuple[str, str, str]]:
        """Rule, action and object of what stands in a namespace."""
        path = f"/v1/findings?kind=scan&open=true&namespace={namespace}"
        status, answer = self.audit.ask("GET", path, self.reader)
        assert status == 200, answer
        records = [one["record"] for one in answer["findings"]]
        return sorted((one["rule"], one["action"], one["object"]["name"]) for one in records)

    def become(self, namespace: str, wanted: list[tuple[str, str, str]]) -> None:
        try:
            wait_until(lambda: self.open(namespace) == sorted(wanted), SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{self.open(namespace)} is not {wanted}") from error


@pytest.fixture(scope="module")
def scanned(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    grant(plane)
    plane.kubectl("create", "namespace", "guard")
    for account in ("controller", "reader"):
        plane.kubectl("create", "serviceaccount", account, "-n", "guard")
    reviews = "tokenreviews.authentication.k8s.io,subjectaccessreviews.authorization.k8s.io"
    for role, verbs, resources, whose in (
        ("scan-audit", "create", reviews, "--user=scan-audit"),
        ("scan-reader", "get,list", "findings.scaleguard.io", "--serviceaccount=guard:reader"),
    ):
        rule = {
            "apiGroups": [one.partition(".")[2] for one in resources.split(",")],
            "resources": [one.partition(".")[0] for one in resources.split(",")],
            "verbs": verbs.split(","),
        }
        kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
        apply(plane, {**kind, "metadata": {"name": role}, "rules": [rule]})
        plane.kubectl("create", "clusterrolebinding", role, f"--clusterrole={role}", whose)
    folder = tmp_path_factory.mktemp("scan")
    kubeconfig = plane.user("scan-audit")
    arguments = ["--kubeconfig", str(kubeconfig), "--writers", ACCOUNT]
    with AuditProcess(folder / "audit", *arguments) as audit:
        audit.wait_until_ready()
        yield Scanned(plane, audit, folder)


BOTH = [("hpa-vpa-same-metric", "deny", "web"), ("hpa-vpa-same-metric", "deny", "web")]


def conflict(plane: ControlPlane, namespace: str) -> None:
    """An HPA and a VPA on one metric of a workload that is no AI workload."""
    web = deployment("web", namespace=namespace)
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = {
        "requests": {"cpu": "1", "memory": "1Gi"}
    }
    apply(plane, web)
    apply(plane, hpa("web", "web", namespace=namespace))
    apply(plane, vpa("web", "web", namespace=namespace))


def test_what_was_there_before_is_found_and_is_over_by_itself(
    plane: ControlPlane, scanned: Scanned, namespace: str
) -> None:
    conflict(plane, namespace)
    apply(plane, deployment("llama", gpus=1, namespace=namespace))
    lacks = ("", "patch", "llama")
    with scanned.controller("first") as controller:
        scanned.become(namespace, [*BOTH, lacks])
        scan = "scaleguard_controller_scan"
        wait_until(lambda: controller.metric(f"{scan}_pass_seconds") > 0, SECONDS)
        assert controller.metric(f"{scan}_findings", rule="hpa-vpa-same-metric", action="deny") >= 2
        assert controller.metric(f"{scan}_deliveries_total", result="ok") >= 1
        assert "the scan has looked at" in controller.log()
        told = report(scanned, namespace)
        assert {one["record"]["kind"] for one in told} == {"scan"}
        (fit,) = (one["record"] for one in told if one["record"]["action"] == "patch")
        assert "nvidia.com/gpu" in fit["message"]
        assert fit["path"] == "spec.template"
        assert fit["fields"]["pods"][0]["containers"][0]["name"] == "app"
        (by_hpa,) = (
            one["record"]
            for one in told
            if one["record"]["object"]["kind"] == "HorizontalPodAutoscaler"
        )
        assert by_hpa["fields"]["spec"]["scaleTargetRef"]["name"] == "web"
        assert by_hpa["remedy"]

        memory = vpa("web", "web", controlled=["memory"], namespace=namespace)
        apply(plane, memory)
        scanned.become(namespace, [lacks])
        tolerant = deployment("llama", gpus=1, namespace=namespace)
        spec = tolerant["spec"]["template"]["spec"]
        spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists"}]
        spec["containers"][0]["resources"]["requests"] = {"cpu": "4", "memory": "16Gi"}
        apply(plane, tolerant)
        scanned.become(namespace, [])
        assert controller.metric(f"{scan}_looks_total", result="failed") == 0


def test_an_autoscaler_that_comes_later_meets_what_was_never_kept(
    plane: ControlPlane, scanned: Scanned, namespace: str
) -> None:
    squats = deployment("squats", namespace=namespace)
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    squats["spec"]["template"]["spec"]["tolerations"] = tolerations
    apply(plane, squats)
    apply(plane, deployment("web", namespace=namespace))
    with scanned.controller("later"):
        squatter = ("gpu-node-squatter", "warn", "squats")
        scanned.become(namespace, [squatter])
        # Its containers have no request that a percentage could be of: that is read of them.
        apply(plane, hpa("web", "web", namespace=namespace))
        missing = ("hpa-missing-request", "warn", "web")
        scanned.become(namespace, [squatter, missing])
        plane.kubectl("delete", "hpa", "web", "-n", namespace)
        plane.kubectl("delete", "deployment", "squats", "-n", namespace)
        scanned.become(namespace, [])
        planned = plane.kubectl("get", "vpa", "-n", namespace, "-o", "name").stdout
        assert planned == "", "these are no AI workloads"


def test_a_leader_that_is_lost_loses_nothing(
    plane: ControlPlane, scanned: Scanned, namespace: str
) -> None:
    with scanned.controller("one") as first, scanned.controller("two") as second:
        leads = "scaleguard_controller_leader"
        wait_until(lambda: first.metric(leads) + second.metric(leads) == 1, SECONDS)
        one, other = (first, second) if first.metric(leads) else (second, first)
        conflict(plane, namespace)
        scanned.become(namespace, BOTH)
        one.kill()
        # While nobody leads: one thing goes, another comes.
        plane.kubectl("delete", "vpa", "web", "-n", namespace)
        apply(plane, deployment("llama", gpus=1, namespace=namespace))
        scanned.become(namespace, [("", "patch", "llama")])
        assert other.metric(leads) == 1


def test_an_audit_that_was_away_knows_all_of_it_afterwards(
    plane: ControlPlane, scanned: Scanned, namespace: str
) -> None:
    with scanned.controller("away") as controller:
        conflict(plane, namespace)
        scanned.become(namespace, BOTH)
        scanned.audit.kill()
        plane.kubectl("delete", "vpa", "web", "-n", namespace)
        apply(plane, deployment("llama", gpus=1, namespace=namespace))
        failed = "scaleguard_controller_scan_deliveries_total"
        wait_until(lambda: controller.metric(failed, result="failed") > 0, SECONDS)
        scanned.audit.__enter__()
        scanned.audit.wait_until_ready()
        scanned.become(namespace, [("", "patch", "llama")])


def test_what_a_namespace_had_goes_with_it(plane: ControlPlane, scanned: Scanned) -> None:
    plane.kubectl("create", "namespace", "goes")
    with scanned.controller("goes"):
        conflict(plane, "goes")
        scanned.become("goes", BOTH)
        plane.kubectl("label", "namespace", "goes", "scaleguard.io/ignore=true")
        scanned.become("goes", [])
        plane.kubectl("label", "namespace", "goes", "scaleguard.io/ignore-")
        scanned.become("goes", BOTH)
        # As its controller would, which does not run here.
        plane.kubectl("delete", "namespace", "goes", "--wait=false")
        for kind in ("deployments", "hpa", "vpa"):
            plane.kubectl("delete", kind, "--all", "-n", "goes")
        scanned.become("goes", [])


def report(scanned: Scanned, namespace: str) -> list[Raw]:
    """What `scaleguard report` prints of what stands."""
    reader = scanned.folder / "reader"
    reader.write_text(scanned.reader, encoding="utf-8")
    done = CliRunner().invoke(
        cli,
        [
            *("report", "--url", scanned.audit.url, "--ca-file", str(scanned.audit.authority)),
            *("--token-file", str(reader), "--kind", "scan", "--open", "-n", namespace),
            *("-o", "json"),
        ],
    )
    if done.exception is not None:
        raise done.exception
    found: list[Raw] = json.loads(done.stdout)["findings"]
    return found
