"""`scaleguard doctor` before the chart's installation: healthy, then one thing broken at a time."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from certs.authority import make_authority
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports
from tests.e2e.chart import (
    CHART,
    NAMESPACE,
    RELEASE,
    Controller,
    Helm,
    Webhook,
    argument,
    eventually,
    lead_here,
)
from tests.e2e.mount import Mount

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

PROGRAM = [sys.executable, "-m", "webhook", "doctor"]
MUTATING = f"mutatingwebhookconfiguration/{RELEASE}"
VALIDATING = f"validatingwebhookconfiguration/{RELEASE}"

LEAF = "certificate"

Raw = dict[str, Any]


class Told(NamedTuple):
    """What the doctor said."""

    status: int
    checks: dict[str, Any]

    def said(self, check: str, state: str) -> str:
        """The messages of a check with a state, and their fixes."""
        return "\n".join(
            f"{one['message']} | {one['fix']} | {one['command']}"
            for one in self.checks[check]["verdicts"]
            if one["state"] == state
        )

    @property
    def faulty(self) -> set[str]:
        """The checks that found a fault."""
        return {name for name, one in self.checks.items() if one["state"] == "fault"}


class Installed:
    """The chart before a real API server; the webhook runs as a local process."""

    def __init__(self, plane: ControlPlane, folder: Path, webhook: Webhook, helm: Helm) -> None:
        self.plane, self.folder, self.webhook, self.helm = plane, folder, webhook, helm

    def run(
        self, *options: str, kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        where = ["--kubeconfig", str(kubeconfig or self.plane.kubeconfig)]
        dialled = ["--webhook-url", f"https://127.0.0.1:{self.webhook.port}"]
        command = [*PROGRAM, *where, *dialled, *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def doctor(self, *options: str, kubeconfig: Path | None = None) -> Told:
        done = self.run("-o", "json", *options, kubeconfig=kubeconfig)
        assert done.returncode in {0, 1}, done.stderr
        document = json.loads(done.stdout)
        return Told(done.returncode, {one["check"]: one for one in document["checks"]})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("doctor")
    with ControlPlane(kwok=True) as plane:
        plane.install_crds("vpa", "keda")
        plane.add_node("plain")
        plane.kubectl("create", "namespace", NAMESPACE)
        helm = Helm(folder, plane.kubeconfig)
        port = free_ports(1)[0]
        # With its hooks: kwok's Jobs end well, whatever they run.
        # Rotations in seconds: rounds are a quarter of the overlap.
        values = f"service.port={port},certificates.overlapSeconds=8"
        where = ("--namespace", NAMESPACE, "--set", values)
        notes = helm("install", RELEASE, str(CHART), *where)
        lead_here(plane)
        for name in (RELEASE, f"{RELEASE}-controller"):
            wait = ("rollout", "status", f"deployment/{name}", "--timeout=60s")
            plane.kubectl("-n", NAMESPACE, *wait)
        controller = Controller(plane, folder, free_ports(1)[0])
        with controller, Webhook(plane, folder, port, notes) as webhook:
            yield Installed(plane, folder, webhook, helm)


def admin(plane: ControlPlane, *arguments: str) -> Raw:
    found: Raw = json.loads(plane.kubectl(*arguments, "-o", "json").stdout)
    return found


@contextmanager
def deleted(plane: ControlPlane, *names: str) -> Iterator[list[Raw]]:
    """Objects without a namespace, away for a while; what is yielded is put in their place."""
    raws = [admin(plane, "get", name) for name in names]
    for raw in raws:
        raw["metadata"] = {key: raw["metadata"][key] for key in ("name", "labels")}
    changed = json.loads(json.dumps(raws))
    plane.kubectl("delete", *names)
    try:
        yield changed
    finally:
        for raw in raws:
            plane.kubectl("delete", f"{raw['kind'].lower()}/{raw['metadata']['name']}", check=False)
            plane.kubectl("create", "-f", "-", input=json.dumps(raw))


def create(plane: ControlPlane, *raws: Raw) -> None:
    for raw in raws:
        plane.kubectl("create", "-f", "-", input=json.dumps(raw))


def test_a_healthy_installation_has_no_fault(installed: Installed) -> None:
    told = installed.doctor()
    assert (told.status, told.faulty) == (0, set())
    assert {name for name, one in told.checks.items() if one["state"] == "ok"} == {
        *("configurations", "namespaces", "order", "deployments", "certificate", "readiness"),
        *("canary", "rights", "audit"),
    }
    assert "a GPU pod comes back fitted" in told.said("canary", "ok")
    assert "comes back with a warning" in told.said("canary", "ok")
    assert "InPlaceOrRecreate" in told.said("vpa", "ok")


def test_in_a_pipe_there_are_no_colours(installed: Installed) -> None:
    done = installed.run("--only", "configurations,metrics")
    assert "\x1b" not in done.stdout
    head, fine, *_, last = done.stdout.splitlines()
    assert head == f"{installed.plane.server}  scaleguard is {NAMESPACE}/{RELEASE}"
    assert fine.startswith("  ✓ configurations  scaleguard: pods.scaleguard.io, ")
    assert last == "2 checks: 1 fine, 1 warning"


def test_the_emergency_exit_was_taken(installed: Installed) -> None:
    with deleted(installed.plane, MUTATING, VALIDATING):
        told = installed.doctor("--only", "configurations,canary,namespaces")
    assert (told.status, told.faulty) == (1, {"configurations", "canary"})
    said = told.said("configurations", "fault")
    assert f"there is no ValidatingWebhookConfiguration {RELEASE}: no autoscaler is judged" in said
    assert f"helm upgrade {RELEASE} CHART -n {NAMESPACE} --reset-then-reuse-values" in said
    assert "the API server did not ask" in told.said("canary", "fault")


def test_a_namespace_that_the_webhook_needs_is_judged(installed: Installed) -> None:
    with deleted(installed.plane, MUTATING) as changed:
        selector = changed[0]["webhooks"][0]["namespaceSelector"]["matchExpressions"][0]
        selector["values"].remove(NAMESPACE)
        create(installed.plane, *changed)
        told = installed.doctor("--only", "configurations,namespaces")
    assert told.faulty == {"namespaces"}
    said = told.said("namespaces", "fault")
    assert f"its namespaceSelector does not leave out {NAMESPACE}, and what starts there" in said
    assert "helm upgrade" in said


def test_another_authority_in_a_configuration(installed: Installed, tmp_path: Path) -> None:
    """Under a name that nobody puts right again."""
    stranger = base64.b64encode(make_authority(datetime.now(UTC)).certificate).decode()
    with deleted(installed.plane, MUTATING) as changed:
        changed[0]["webhooks"][0]["clientConfig"]["caBundle"] = stranger
        changed[0]["metadata"]["name"] = "scaleguard-edited"
        create(installed.plane, *changed)
        try:
            told = installed.doctor("--only", "configurations,certificate,canary,readiness")
        finally:
            installed.plane.kubectl("delete", MUTATING.partition("/")[0], "scaleguard-edited")
    assert told.faulty == {"certificate", "canary"}
    said = told.said("certificate", "fault")
    assert "its caBundle does not trust https://127.0.0.1:" in said
    assert f"kubectl -n {NAMESPACE} logs" in said
    assert "a GPU pod comes back as it was sent" in told.said("canary", "fault")
    other = tmp_path / "other.crt"
    other.write_bytes(base64.b64decode(stranger))
    told = installed.doctor("--only", "certificate", "--webhook-ca", str(other))
    assert "--webhook-ca: its caBundle does not trust" in told.said("certificate", "fault")


def test_a_right_that_is_missing(installed: Installed) -> None:
    plane, name = installed.plane, f"clusterrole/{RELEASE}:{NAMESPACE}"
    with deleted(plane, name) as changed:
        for rule in changed[0]["rules"]:
            if "nodes" in rule["resources"]:
                rule["resources"].remove("nodes")
        create(plane, *changed)
        told = installed.doctor("--only", "rights")
    assert told.faulty == {"rights"}
    said = told.said("rights", "fault")
    assert f"ServiceAccount {RELEASE} may not list nodes, watch nodes" in said
    assert f"--as system:serviceaccount:{NAMESPACE}:{RELEASE}" in said


def test_with_hardly_any_rights_most_is_not_looked_at(installed: Installed) -> None:
    stranger = installed.plane.user("stranger")
    done = installed.run(kubeconfig=stranger)
    assert done.returncode == 2
    assert "you may not list mutatingwebhookconfigurations" in done.stderr
    assert "name it with --namespace and --release" in done.stderr
    told = installed.doctor("--namespace", NAMESPACE, "--release", RELEASE, kubeconfig=stranger)
    assert told.said("deployments", "unseen").startswith(
        f"you may not list deployments.apps in namespace {NAMESPACE}"
    )
    assert "you may not create pods" in told.said("canary", "unseen")
    assert told.said("readiness", "ok")
    assert told.faulty == set()


def test_the_webhooks_own_account_sees_what_helm_test_looks_at(installed: Installed) -> None:
    account = installed.webhook.folder / "webhook.kubeconfig"
    only = ("--only", "configurations,namespaces,certificate,readiness")
    told = installed.doctor(
        *only, "--namespace", NAMESPACE, "--release", RELEASE, kubeconfig=account
    )
    assert {one["state"] for one in told.checks.values()} == {"ok"}


def test_helm_waited_for_the_job_and_took_it_away(installed: Installed) -> None:
    name = f"{RELEASE}-ready"
    involved = f"--field-selector=involvedObject.kind=Job,involvedObject.name={name}"
    events = admin(installed.plane, "-n", NAMESPACE, "get", "events", involved)["items"]
    assert {"SuccessfulCreate", "Completed"} <= {one["reason"] for one in events}
    gone = installed.plane.kubectl("-n", NAMESPACE, "get", "job", name, check=False)
    assert "NotFound" in gone.stderr


@pytest.mark.parametrize("template", ["job-ready.yaml", "tests/pod-doctor.yaml"])
def test_what_helm_runs_finds_nothing_in_the_way(
    installed: Installed, template: str, tmp_path: Path
) -> None:
    """The command of the chart's pod, with the account and the Secret of that pod."""
    only = ("-s", f"templates/{template}", "--namespace", NAMESPACE)
    rendered = yaml.safe_load(installed.helm("template", RELEASE, str(CHART), *only))
    spec = rendered["spec"] if rendered["kind"] == "Pod" else rendered["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == RELEASE
    (container,), (volume,) = spec["containers"], spec["volumes"]
    own = {"webhook-ca": str(tmp_path / "ca.crt"), "wait": "5"}
    arguments = [argument(one, own) for one in container["args"]]
    account = installed.webhook.folder / "webhook.kubeconfig"
    with Mount(installed.plane, NAMESPACE, volume, tmp_path):
        done = installed.run(*arguments, kubeconfig=account)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not looked at" not in done.stdout
    assert container["command"] == ["scaleguard", "doctor"]


@pytest.mark.parametrize("what", [(), ("--authority",)], ids=["leaf", "authority"])
def test_the_controller_renews_what_it_is_asked_for(
    installed: Installed, what: tuple[str, ...]
) -> None:
    before = (installed.webhook.certificates / "tls.crt").read_bytes()
    kubeconfig = ["--kubeconfig", str(installed.plane.kubeconfig)]
    command = [sys.executable, "-m", "webhook", "certs", "rotate", "-n", NAMESPACE, *kubeconfig]
    command += [*what, "--wait", "90", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the controller has begun" in done.stderr
    assert "a new certificate is there to be served" in done.stderr
    assert ("authorities that are trusted have changed" in done.stderr) == bool(what)
    certificates = json.loads(done.stdout)["certificates"]
    assert [one["role"] for one in certificates] == [*("authority",) * (1 + bool(what)), LEAF]
    assert not any(one["problems"] for one in certificates)
    eventually(
        lambda: (installed.webhook.certificates / "tls.crt").read_bytes() != before,
        "the new certificate in the mount",
    )
    told = installed.doctor("--only", "certificate,readiness")
    assert (told.status, told.faulty) == (0, set())


def test_certificates_are_inspected(installed: Installed) -> None:
    where = ["-n", NAMESPACE, "--kubeconfig", str(installed.plane.kubeconfig), "-o", "json"]
    command = [sys.executable, "-m", "webhook", "certs", "inspect", *where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["place"] == f"Secret {NAMESPACE}/{RELEASE}-certificate"
    *_, leaf = told["certificates"]
    assert f"{RELEASE}.{NAMESPACE}.svc" in leaf["dnsNames"]
    assert [one["state"] for one in told["trust"]] == ["ok"]
    assert "trusted by every caBundle" in told["trust"][0]["message"]


def test_a_vpa_that_is_not_there(installed: Installed) -> None:
    plane = installed.plane
    plane.kubectl("delete", "crd", "verticalpodautoscalers.autoscaling.k8s.io")
    plane.kubectl("delete", "crd", "verticalpodautoscalercheckpoints.autoscaling.k8s.io")
    try:
        told = installed.doctor("--only", "vpa")
    finally:
        plane.install_crds("vpa")
    assert told.status == 0
    assert told.said("vpa", "warning").startswith("VPA is not installed: scaleguard makes no VPAs")


def test_it_waits_until_the_webhook_answers_and_says_so_when_it_does_not(
    installed: Installed,
) -> None:
    """Last: the webhook is killed, and begins again while the doctor waits."""
    child = installed.webhook.child
    child.terminate()
    child.reap(time.monotonic() + 15)
    told = installed.doctor("--only", "certificate,readiness,canary")
    assert told.faulty == {"readiness", "canary"}
    assert "no pod of the webhook is ready" in told.said("readiness", "fault")
    assert "Connection refused" in told.said("certificate", "unseen")
    installed.plane.kubectl(
        *("patch", VALIDATING, "--type=json", "-p"),
        '[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}]',
    )
    told = installed.doctor("--only", "canary")
    said = told.said("canary", "fault")
    assert 'failed calling webhook "autoscalers.scaleguard.io"' in said
    assert "HPA: no pod of the webhook is ready" in said
    started = time.monotonic()
    told = installed.doctor("--only", "readiness", "--wait", "5")
    assert told.status == 1
    assert time.monotonic() - started > 2
    child.start()
    told = installed.doctor("--only", "readiness,certificate,canary", "--wait", "60")
    assert (told.status, told.faulty) == (0, set())
