"""The audit run as the chart says, with the rights of the chart."""

import base64
import json
import ssl
import time
from collections.abc import Iterator
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from certs.inspection import inspect
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports
from tests.e2e.chart import CHART, NAMESPACE, RELEASE, Controller, Helm, InChart, plane_for_charts
from tests.unit.audit.batches import record

NAME = f"{RELEASE}-audit"
HOST = f"{NAME}.{NAMESPACE}.svc"
AUDIENCE = "scaleguard-audit"

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]


class Audit(InChart):
    """The audit, with the leaf that the controller makes for both Services."""

    def __init__(self, plane: ControlPlane, folder: Path, port: int) -> None:
        self.port = port
        self.bundle: str | None = None
        certificates = folder / "certificates"
        own = {
            "bind": f"127.0.0.1:{port}",
            "cert-dir": str(certificates),
            "data": str(folder / "data"),
            "drain-seconds": "0",
        }
        super().__init__(plane, folder, "audit", NAME, own)

    def status(self) -> int:
        """What /readyz answers; 0 for no answer."""
        try:
            return self.ask("GET", "/readyz")[0]
        except (OSError, HTTPException):
            return 0

    def ask(
        self, method: str, path: str, token: str = "", body: object = None
    ) -> tuple[int, dict[str, Any]]:
        if self.bundle is None:
            data = self._get("secret", f"{RELEASE}-certificate")["data"]
            self.bundle = base64.b64decode(data["ca.crt"]).decode()
        context = ssl.create_default_context(cadata=self.bundle)
        context.check_hostname = False  # the name is that of the Service, and is looked at below
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with plane_for_charts() as running:
        yield running


@pytest.fixture(scope="module")
def audit(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    folder = tmp_path_factory.mktemp("audit")
    helm = Helm(folder, plane.kubeconfig)
    helm.install("--set", "audit.enabled=true")
    ports = free_ports(2)
    with Controller(plane, folder, ports[0]), Audit(plane, folder, ports[1]) as running:
        yield running
    helm.uninstall()


def token(plane: ControlPlane, account: str) -> str:
    made = ("create", "token", account, f"--audience={AUDIENCE}")
    return plane.kubectl("-n", NAMESPACE, *made).stdout.strip()


def test_webhook_and_controller_deliver_and_who_is_given_the_role_reads(
    audit: Audit, plane: ControlPlane
) -> None:
    for account in (RELEASE, f"{RELEASE}-controller"):
        told = [{"record": record().as_json(), "decisions": [[account, time.time()]]}]
        body = {"cluster": "c", "replica": account, "records": told}
        assert audit.ask("POST", "/v1/records", token(plane, account), body) == (
            200,
            {"new": 1, "repeated": 0},
        )
    assert audit.ask("POST", "/v1/records", token(plane, NAME), {"records": []})[0] == 403

    plane.kubectl("-n", NAMESPACE, "create", "serviceaccount", "sre")
    sre = token(plane, "sre")
    assert audit.ask("GET", "/v1/findings", sre)[0] == 403
    role = ("--clusterrole", f"{RELEASE}-findings", "--serviceaccount", f"{NAMESPACE}:sre")
    plane.kubectl("create", "clusterrolebinding", "sre", *role)
    time.sleep(11)  # for as long a right, or that there is none, is remembered
    status, seen = audit.ask("GET", "/v1/findings", sre)
    assert (status, [one["count"] for one in seen["findings"]]) == (200, [2])


def test_the_audit_has_no_right_to_write(audit: Audit, plane: ControlPlane) -> None:
    """What it may create are questions; they are answered, and nothing is kept of them."""
    who = f"--as=system:serviceaccount:{NAMESPACE}:{NAME}"
    listed = plane.kubectl("auth", "can-i", "--list", "-n", NAMESPACE, who, "--no-headers").stdout
    writes = {
        line.split()[0]
        for line in listed.splitlines()
        if not line.lstrip().startswith("[")  # paths, which everybody may get
        and any(verb in line for verb in ("create", "update", "patch", "delete", "*"))
    }
    reviews = {
        *("tokenreviews.authentication.k8s.io", "subjectaccessreviews.authorization.k8s.io"),
        *(
            "selfsubjectreviews.authentication.k8s.io",
            "selfsubjectrulesreviews.authorization.k8s.io",
        ),
        "selfsubjectaccessreviews.authorization.k8s.io",
    }
    assert writes <= reviews
    assert audit.status() == 200


def test_webhook_and_audit_serve_with_one_leaf(audit: Audit, plane: ControlPlane) -> None:
    assert audit.status() == 200
    served = inspect(ssl.get_server_certificate(("127.0.0.1", audit.port)).encode())
    assert served.dns_names == (f"{RELEASE}.{NAMESPACE}.svc", HOST)
    found = plane.kubectl("-n", NAMESPACE, "get", "deployment", NAME, "-o", "json").stdout
    volumes = {one["name"]: one for one in json.loads(found)["spec"]["template"]["spec"]["volumes"]}
    secret = volumes["certificates"]["secret"]
    assert secret["secretName"] == f"{RELEASE}-certificate"
    assert {one["key"] for one in secret["items"]} == {"tls.crt", "tls.key"}


def test_the_webhook_records_only_where_there_is_an_audit(tmp_path: Path) -> None:
    helm = Helm(tmp_path)

    def pod(*more: str) -> tuple[list[str], dict[str, Any]]:
        only = ("--show-only", "templates/deployment.yaml")
        written = yaml.safe_load(helm("template", RELEASE, str(CHART), *only, *more))
        spec = written["spec"]["template"]["spec"]
        mounts = {one["name"] for one in spec["containers"][0]["volumeMounts"]}
        assert mounts == {one["name"] for one in spec["volumes"]}
        arguments = [one for one in spec["containers"][0]["args"] if "audit" in one]
        return arguments, {one["name"]: one for one in spec["volumes"]}

    arguments, volumes = pod()
    assert arguments == []
    assert not {"spool", "audit-token", "audit-authority"} & volumes.keys()
    arguments, volumes = pod("--set", "audit.enabled=true")
    assert "--audit-spool=/var/spool/scaleguard" in arguments
    assert "--audit-url=https://scaleguard-audit.default.svc:443" in arguments
    (source,) = volumes["audit-token"]["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == AUDIENCE
    assert volumes["audit-authority"]["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    assert volumes["audit-authority"]["secret"]["optional"] is True
    assert volumes["spool"]["emptyDir"]["sizeLimit"] == "600Mi"


def test_the_controller_keeps_reports_only_where_there_is_an_audit(tmp_path: Path) -> None:
    helm = Helm(tmp_path)

    def controller(*more: str) -> tuple[list[str], set[str]]:
        documents = list(yaml.safe_load_all(helm("template", RELEASE, str(CHART), *more)))
        (arguments,) = [
            container["args"]
            for one in documents
            if one["kind"] == "Deployment"
            for container in one["spec"]["template"]["spec"]["containers"]
            if container["name"] == "controller"
        ]
        bound = {
            one["roleRef"]["name"].rpartition(":")[2]
            for one in documents
            if one["kind"] == "ClusterRoleBinding"
            and one["subjects"][0]["name"] == "scaleguard-controller"
        }
        return [one for one in arguments if "audit" in one or "reports" in one], bound

    assert controller() == ([], {"controller"})
    arguments, bound = controller("--set", "audit.enabled=true")
    assert "--audit-url=https://scaleguard-audit.default.svc:443" in arguments
    assert "--audit-token-file=/var/run/scaleguard-audit/token" in arguments
    assert "--reports-every=60" in arguments
    assert bound == {"controller", "reports"}
    arguments, bound = controller("--set", "audit.enabled=true,audit.reports.enabled=false")
    assert "--reports-every=0" in arguments
    assert bound == {"controller"}


def test_the_controller_tells_how_things_stand_only_where_there_is_an_audit(tmp_path: Path) -> None:
    helm = Helm(tmp_path)

    def controller(*more: str) -> tuple[list[str], dict[str, Any], set[str]]:
        templates = ("deployment-controller", "clusterrole-controller")
        only = [part for one in templates for part in ("--show-only", f"templates/{one}.yaml")]
        written = helm("template", RELEASE, str(CHART), *only, *more)
        made = {one["kind"]: one for one in yaml.safe_load_all(written)}
        spec = made["Deployment"]["spec"]["template"]["spec"]
        mounts = {one["name"] for one in spec["containers"][0]["volumeMounts"]}
        assert mounts == {one["name"] for one in spec["volumes"]}
        rights = {name for rule in made["ClusterRole"]["rules"] for name in rule["resources"]}
        return spec["containers"][0]["args"], {one["name"]: one for one in spec["volumes"]}, rights

    more_rights = {"resourcequotas", "services", "poddisruptionbudgets"}
    arguments, volumes, rights = controller()
    assert not [one for one in arguments if "audit" in one]
    assert not {"audit-token", "audit-authority"} & volumes.keys()
    assert not more_rights & rights
    arguments, volumes, rights = controller("--set", "audit.enabled=true,audit.clusterName=prod")
    assert [one for one in arguments if "--audit" in one or "cluster" in one] == [
        "--audit-url=https://scaleguard-audit.default.svc:443",
        "--audit-ca=/etc/scaleguard-audit/ca.crt",
        "--audit-token-file=/var/run/scaleguard-audit/token",
        "--cluster-name=prod",
    ]
    (source,) = volumes["audit-token"]["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == AUDIENCE
    assert volumes["audit-authority"]["secret"]["optional"] is True
    assert more_rights <= rights


def test_several_replicas_of_a_file_are_refused_in_words(tmp_path: Path) -> None:
    both = ("--set", "audit.enabled=true,audit.replicas=2")
    with pytest.raises(AssertionError, match=r"audit\.replicas: several of them need PostgreSQL"):
        Helm(tmp_path)("template", str(CHART), *both)
