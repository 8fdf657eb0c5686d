"""The audit in the cluster: Reports that the controller keeps, before a real API server.

Controller and audit are processes, each with the rights of the chart and no others.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.e2e.audit_process import AuditProcess
from tests.e2e.controller_process import USER, ControllerProcess, grant
from tests.e2e.webhook_process import wait_until
from tests.unit.audit.batches import record
from tests.unit.audit.test_standings import WEB, found
from webhook.audit.stood import Telling
from webhook.core.standing import Standing

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

FOLDER = Path(__file__).resolve().parent
ACCOUNT = ("scaleguard-controller", "-n", "scaleguard")
REPORT, POLICY_REPORT = "reports.openreports.io", "policyreports.wgpolicyk8s.io"
LLAMA = WEB._replace(namespace="ml", name="llama")


class Cluster:
    """A control plane, an audit that is told things, and what stands in the cluster of it."""

    def __init__(self, plane: ControlPlane, audit: AuditProcess, folder: Path) -> None:
        self.plane = plane
        self.audit = audit
        self.folder = folder
        self.token = folder / "token"
        made = plane.kubectl("create", "token", *ACCOUNT, "--audience=scaleguard-audit")
        self.token.write_text(made.stdout, encoding="utf-8")

    def deliver(self, path: str, body: Raw) -> None:
        token = self.token.read_text(encoding="utf-8").strip()
        assert self.audit.ask("POST", path, token, body)[0] == 200

    def refuse(self, namespace: str, *names: str) -> None:
        now = time.time()
        records = [
            {
                "record": record(name, namespace).as_json(),
                "decisions": [[f"{namespace}-{name}", now - number]],
            }
            for number, name in enumerate(names)
        ]
        self.deliver("/v1/records", {"cluster": "c", "replica": "r", "records": records})

    def stands(self, *told: Standing) -> None:
        self.deliver("/v1/standings", Telling("c", "leader", time.time(), told).as_json())

    def controller(self) -> ControllerProcess:
        return ControllerProcess(
            self.plane,
            self.folder / "controller",
            *("--lease-namespace", "default", "--reports-every", "1", "--cluster-name", "c"),
            *("--audit-url", self.audit.url, "--audit-ca", str(self.audit.authority)),
            *("--audit-token-file", str(self.token)),
        )

    def reports(self, resource: str = REPORT) -> dict[str, Raw]:
        """Ours, by namespace."""
        mine = "app.kubernetes.io/managed-by=scaleguard-controller"
        listed = self.plane.kubectl("get", resource, "-A", "-l", mine, "-o", "json", check=False)
        items = json.loads(listed.stdout)["items"] if listed.returncode == 0 else []
        return {one["metadata"]["namespace"]: one for one in items}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as running:
        for namespace in ("scaleguard", "shop", "ml", "many"):
            running.kubectl("create", "namespace", namespace)
        running.kubectl("create", "serviceaccount", *ACCOUNT)
        running.kubectl("apply", "-f", str(FOLDER / "audit_rbac.yaml"))
        running.kubectl("apply", "-f", str(FOLDER / "reports_rbac.yaml"))
        role = yaml.safe_load((FOLDER / "reports_rbac.yaml").read_text("utf-8"))["metadata"]["name"]
        binding = ("clusterrolebinding", role, f"--clusterrole={role}", f"--user={USER}")
        running.kubectl("create", *binding)
        grant(running)
        yield running


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("audit")
    arguments = ("--kubeconfig", str(plane.user("audit")), "--writers", USER)
    with AuditProcess(folder, *arguments) as audit:
        audit.wait_until_ready()
        yield Cluster(plane, audit, folder)


def names(report: Raw) -> set[str]:
    return {result["resources"][0]["name"] for result in report["results"]}


def test_reports_follow_what_the_audit_knows(cluster: Cluster) -> None:
    plane = cluster.plane
    cluster.refuse("shop", "refused")
    cluster.refuse("gone", "nowhere")  # the namespace does not exist any more
    with cluster.controller() as controller:
        # Its own scan finds nothing here, and ends what it was not told of.
        wait_until(lambda: "the scan has looked at 0 workloads" in controller.log())
        cluster.stands(
            Standing(WEB, (found("web"),)), Standing(LLAMA, (found("llama", "ml", action="warn"),))
        )
        rounds = "scaleguard_reports_rounds_total"
        wait_until(lambda: controller.metric(rounds, result="absent") > 0)
        # A CRD that appears is found within seconds.
        plane.install_crds("policyreports")
        wait_until(lambda: cluster.reports(POLICY_REPORT).keys() == {"shop", "ml"}, 40)
        old = cluster.reports(POLICY_REPORT)["shop"]
        assert names(old) == {"refused", "web"}
        shown = plane.kubectl("get", "policyreports", "-n", "shop", "--no-headers").stdout.split()
        assert shown[0] == "scaleguard-current"
        # And everything moves to the kind that takes its place.
        plane.install_crds("openreports")
        wait_until(lambda: cluster.reports().keys() == {"shop", "ml"}, 40)
        wait_until(lambda: not cluster.reports(POLICY_REPORT))
        assert cluster.reports()["shop"]["results"] == old["results"]
        report = cluster.reports()["ml"]
        assert report["summary"] == {"pass": 0, "fail": 0, "warn": 1, "error": 0, "skip": 0}
        (result,) = report["results"]
        assert result["policy"] == "hpa-vpa-same-metric"
        assert "user" not in result["properties"]

        # Another one's stays; what is over goes, and with the last of it the Report.
        other = {
            "apiVersion": "openreports.io/v1alpha1",
            "kind": "Report",
            "metadata": {"name": "another", "namespace": "ml"},
        }
        plane.kubectl("apply", "-f", "-", input=json.dumps(other))
        cluster.stands(Standing(WEB), Standing(LLAMA))
        wait_until(lambda: cluster.reports().keys() == {"shop"})
        assert names(cluster.reports()["shop"]) == {"refused"}
        assert "another" in plane.kubectl("get", REPORT, "-n", "ml").stdout

        # At rest nothing is written, and a namespace that is gone is not asked for in each round.
        requests = "scaleguard_reports_requests_total"
        before = controller.metric(requests)
        done = controller.metric(rounds, result="ok")
        wait_until(lambda: controller.metric(rounds, result="ok") > done + 3)
        assert controller.metric(requests) == before
        assert controller.metric("scaleguard_reports_kept") == 1
        assert controller.metric(requests, verb="apply", result="not_found") > 0
        assert "a fault of" not in controller.log()

    # Who takes over finds what is there as it has to be.
    version = cluster.reports()["shop"]["metadata"]["resourceVersion"]
    with cluster.controller() as controller:
        wait_until(lambda: controller.metric(rounds, result="ok") > 1, 40)
        assert controller.metric(requests, verb="apply", result="ok") == 0
        assert cluster.reports()["shop"]["metadata"]["resourceVersion"] == version


def test_a_large_report_is_bounded_and_counts_all(cluster: Cluster) -> None:
    cluster.plane.install_crds("openreports")
    many = [f"w{number:03}" for number in range(700)]
    cluster.refuse("many", *many)
    with cluster.controller():
        wait_until(lambda: "many" in cluster.reports(), 40)
    report = cluster.reports()["many"]
    bare = {key: value for key, value in report.items() if key != "metadata"}
    assert len(json.dumps(bare).encode()) <= 256 * 1024
    listed = len(report["results"])
    assert 100 < listed <= 500
    assert report["summary"]["fail"] == 700
    assert names(report) == set(many[:listed])  # the newest
    said = report["metadata"]["annotations"]["scaleguard.io/left-out"]
    assert said.startswith(f"{700 - listed} older results are counted and not listed")


def test_the_audit_itself_may_write_nothing(cluster: Cluster) -> None:
    for resource in (REPORT, POLICY_REPORT):
        asked = ("auth", "can-i", "create", resource, "-A", "--as=audit")
        assert cluster.plane.kubectl(*asked, check=False).stdout.strip() == "no"
