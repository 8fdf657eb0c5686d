"""The rights of the chart are those that are used: each of them, and no others.

Webhook, controller and audit run with the tokens of their ServiceAccounts before a real API server
with RBAC, and its audit log says what they asked for. What few clusters have, they are given here:
every kind of other projects, claims of devices, both kinds of Reports, Leases that were deleted.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports
from tests.e2e import permissive_crds
from tests.e2e.audit_process import AuditProcess
from tests.e2e.chart import NAMESPACE, RELEASE, Controller, Helm, Webhook, eventually, lead_here
from tests.e2e.chart_audit import ACCOUNT as AUDIT
from tests.e2e.chart_audit import audit_process, deliver, token_file
from tests.e2e.kubectl import apply, found
from tests.e2e.manifests import deployment, hpa, stream, vpa
from tests.e2e.refusals import scaled_object
from tests.e2e.rights import AuditLog, Right, granted
from tests.unit.audit.batches import record
from webhook.cluster.resources import BUILT_IN_VERSIONS, CLAIMS, Resource
from webhook.controller.report_forms import MANAGED_BY, MANAGER, NAME
from webhook.core.objects import ObjectRef
from webhook.knowledge import knowledge

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

WEBHOOK, CONTROLLER = RELEASE, f"{RELEASE}-controller"
ACCOUNTS = (WEBHOOK, CONTROLLER, AUDIT)
SHOP = "shop"
OURS = "scaleguard.io"
"""The group of rights that only guards and the audit ask for."""

REPORTS = {"openreports.io": ("v1alpha1", "Report"), "wgpolicyk8s.io": ("v1alpha2", "PolicyReport")}


@dataclass(frozen=True)
class Cluster:
    """The chart, installed, and what the API server wrote down."""

    plane: ControlPlane
    log: AuditLog
    audit: AuditProcess
    controller: Controller


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("rights")
    log = AuditLog(folder, NAMESPACE)
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane(arguments={"kube-apiserver": log.arguments}))
        plane.install_crds("vpa", "keda", "openreports", "policyreports")
        for namespace in (NAMESPACE, SHOP):
            plane.kubectl("create", "namespace", namespace)
        webhook_port, controller_port = free_ports(2)
        helm = Helm(folder, plane.kubeconfig)
        helm.install("--set", f"service.port={webhook_port},audit.enabled=true")
        lead_here(plane)
        permissive_crds.install(plane, of_others(plane))
        leave_reports(plane)
        audit = stack.enter_context(audit_process(plane, folder))
        audit.wait_until_ready()
        controller = Controller(plane, folder, controller_port)
        deliver(controller, CONTROLLER, audit)
        stack.enter_context(controller)
        webhook = Webhook(plane, folder, webhook_port, "")
        deliver(webhook, WEBHOOK, audit)
        stack.enter_context(webhook)
        yield Cluster(plane, log, audit, controller)


def of_others(plane: ControlPlane) -> list[Resource]:
    """The resources of the ClusterRoles that no CRD of a project was installed for."""
    rights = granted(plane, NAMESPACE, WEBHOOK) | granted(plane, NAMESPACE, CONTROLLER)
    wanted = {(one.group, one.resource) for one in rights if one.group != OURS}
    return [permissive_crds.known(*one) for one in sorted(wanted - permissive_crds.served(plane))]


def leave_reports(plane: ControlPlane) -> None:
    """Reports of a controller that was there before, of which nothing stands any more."""
    for group, (version, kind) in REPORTS.items():
        metadata = {"name": NAME, "labels": {MANAGED_BY: MANAGER}}
        raw = {"apiVersion": f"{group}/{version}", "kind": f"Cluster{kind}", "metadata": metadata}
        apply(plane, raw, raw | {"kind": kind, "metadata": metadata | {"namespace": SHOP}})


def test_each_right_is_used_and_no_other(cluster: Cluster) -> None:
    plane = cluster.plane
    plane.kubectl("-n", NAMESPACE, "delete", "leases", "--all")
    refuse(plane)
    scale_every_kind(plane)
    claim_devices(plane)
    change_a_workload(plane)
    report(cluster)
    # A guard of the chart asks for this one where a VPA is given the label (test_guards.py).
    guarded = {Right(OURS, "verticalpodautoscalers", "manage")}
    rights = {account: granted(plane, NAMESPACE, account) for account in ACCOUNTS}
    assert guarded <= rights[CONTROLLER]

    def used() -> dict[str, set[Right]]:
        log = cluster.log
        return {each: log.used(each) | log.asked_for(each, by=AUDIT) for each in ACCOUNTS}

    def unused() -> dict[str, list[Right]]:
        now = used()
        return {each: sorted(rights[each] - now[each] - guarded) for each in ACCOUNTS}

    deadline = time.monotonic() + 40
    while any(unused().values()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert unused() == {account: [] for account in ACCOUNTS}, "never used"
    beyond = {account: sorted(those - rights[account]) for account, those in used().items()}
    assert beyond == {account: [] for account in ACCOUNTS}, "used without a right of the chart's"


def test_nothing_was_refused_to_them_and_what_is_no_resource_is_everybodys(
    cluster: Cluster,
) -> None:
    assert [one for account in ACCOUNTS for one in cluster.log.forbidden(account)] == []
    assert cluster.log.paths(AUDIT) == set()
    for account in (WEBHOOK, CONTROLLER):
        # By system:discovery, which every ServiceAccount has.
        assert all(path.startswith(("/api", "/version")) for path in cluster.log.paths(account))


def refuse(plane: ControlPlane) -> None:
    """Refuse because of each kind, twice: the second time counts at the Event that is there."""
    pod_autoscaler = {
        "apiVersion": "autoscaling.aibrix.ai/v1alpha1",
        "kind": "PodAutoscaler",
        "metadata": {"name": "aibrix", "namespace": SHOP},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "aibrix"},
            "scalingStrategy": "KPA",
            "minReplicas": 1,
            "maxReplicas": 10,
            "metricsSources": [
                {"metricSourceType": "resource", "targetMetric": "cpu", "targetValue": "50"}
            ],
        },
    }
    acting = {
        "of-a-vpa": vpa("of-a-vpa", "of-a-vpa", namespace=SHOP),
        "of-an-hpa": hpa("of-an-hpa", "of-an-hpa", namespace=SHOP),
        "keda": scaled_object("keda", "keda", SHOP),
        "aibrix": pod_autoscaler,
    }
    apply(plane, *(deployment(name, namespace=SHOP) for name in acting), *acting.values())
    for name in (*acting, *acting):
        make = hpa if name == "of-a-vpa" else vpa
        refused = json.dumps(make("refused", name, namespace=SHOP))
        said = plane.kubectl("create", "-f", "-", input=refused, check=False).stderr
        assert "denied the request" in said, (name, said)


def scale_every_kind(plane: ControlPlane) -> None:
    """Write an object of each kind that the webhook may read one by one, and scalers of it."""
    written = []
    rights = granted(plane, NAMESPACE, WEBHOOK)
    for kind in knowledge().kinds:
        group = kind.group_kind.group
        if Right(group, kind.plural, "get") not in rights:
            continue
        # Two groups have StatefulSets.
        name = f"{kind.plural}.{group}".strip(".")
        target = {"apiVersion": f"{group}/v1".strip("/"), "kind": kind.group_kind.kind}
        if group not in BUILT_IN_VERSIONS:
            metadata = {"name": name, "namespace": SHOP}
            written.append(target | {"metadata": metadata, "spec": {"replicas": 1}})
        scaled = hpa(name, name, namespace=SHOP)
        sized = vpa(name, name, controlled=["memory"], namespace=SHOP)
        scaled["spec"]["scaleTargetRef"] = sized["spec"]["targetRef"] = target | {"name": name}
        written += [scaled, sized]
    assert len(written) > 60
    plane.kubectl("create", "-f", "-", input=stream(*written))


def claim_devices(plane: ControlPlane) -> None:
    """Write pods whose devices are claimed, by name and by template; alone, and of a workload."""
    request = {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}
    spec = {"devices": {"requests": [request]}}
    claims = [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": kind.kind,
            "metadata": {"name": "gpus", "namespace": SHOP},
            "spec": {"spec": spec} if kind.kind.endswith("Template") else spec,
        }
        for kind in CLAIMS
    ]
    workload = deployment("claims", namespace=SHOP)
    pod = workload["spec"]["template"]["spec"]
    pod["resourceClaims"] = [
        {"name": "one", "resourceClaimName": "gpus"},
        {"name": "own", "resourceClaimTemplateName": "gpus"},
    ]
    pod["containers"][0]["resources"] = {"claims": [{"name": "one"}, {"name": "own"}]}
    alone = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone", "namespace": SHOP}}
    apply(plane, *claims, workload, alone | {"spec": pod})


def change_a_workload(plane: ControlPlane) -> None:
    """Have the controller make a VPA and take it away, twice: it says the same of the same."""

    def has_vpa() -> bool:
        return found(plane, "vpa", SHOP, "scaleguard-deployment-llama")

    annotate = ("-n", SHOP, "annotate", "deployment", "llama")
    for _ in range(2):
        apply(plane, deployment("llama", gpus=1, namespace=SHOP))
        eventually(has_vpa, "the VPA")
        plane.kubectl(*annotate, "scaleguard.io/vpa=off")
        eventually(lambda: not has_vpa(), "taking it away")
        plane.kubectl(*annotate, "scaleguard.io/vpa-")


def report(cluster: Cluster) -> None:
    """Have what was refused told in the one kind of Reports, and once that is gone in the other."""

    def tell(name: str) -> None:
        """Deliver what was refused in a namespace, and in none."""
        nowhere = replace(record(), object=ObjectRef("v1", "Node", None, name))
        records = [
            {"record": one.as_json(), "decisions": [[f"{name}-{number}", time.time()]]}
            for number, one in enumerate((record(name, SHOP), nowhere))
        ]
        writer = token_file(cluster.controller, CONTROLLER).read_text(encoding="utf-8")
        body = {"cluster": "", "replica": "r", "records": records}
        assert cluster.audit.ask("POST", "/v1/records", writer, body)[0] == 200

    def is_told(group: str) -> bool:
        kind = REPORTS[group][1].lower()
        names = (f"{kind}s.{group}", f"cluster{kind}s.{group}")
        return all(found(cluster.plane, one, SHOP, NAME) for one in names)

    said = cluster.controller.child.tail
    tell("first")
    eventually(lambda: is_told("openreports.io"), "a report", said)
    gone = ("reports.openreports.io", "clusterreports.openreports.io")
    cluster.plane.kubectl("delete", "crd", *gone)
    tell("second")
    eventually(lambda: is_told("wgpolicyk8s.io"), "the other one", said)
