"""The chart, with the real helm and a real control plane."""

import base64
import json
import re
import ssl
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.e2e.chart import (
    CHART,
    NAMESPACE,
    RELEASE,
    Helm,
    ca_bundles,
    eventually,
    everything,
    paths,
    plane_for_charts,
)

TEMPLATES, DASHBOARD = "templates", "configmap-dashboard.yaml"
CI_VALUES = sorted((CHART / "ci").glob("*-values.yaml"))

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with plane_for_charts() as running:
        yield running


@pytest.fixture
def helm(plane: ControlPlane, tmp_path: Path) -> Helm:
    return Helm(tmp_path, plane.kubeconfig)


@pytest.mark.parametrize("values", CI_VALUES, ids=lambda path: path.stem)
def test_the_chart_is_well_made(values: Path, tmp_path: Path) -> None:
    assert "0 chart(s) failed" in Helm(tmp_path)("lint", "--strict", str(CHART), "-f", str(values))


def test_two_sources_of_rules_are_refused_in_words(tmp_path: Path) -> None:
    """A schema could only say that `not` failed."""
    both = ("--set", "policies.configMap=house", "--set", r"policies.files.a\.rego=package a")
    with pytest.raises(AssertionError, match=r"policies: give `files`, .* not both"):
        Helm(tmp_path)("template", str(CHART), *both)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("secret=a,clientCertificates.configMap=b", r"give `secret` or `configMap`, not both"),
        ("names={a}", r"names: say with `secret` or `configMap` whose certificates these are"),
    ],
)
def test_authorities_of_clients_have_one_source(tmp_path: Path, values: str, said: str) -> None:
    with pytest.raises(AssertionError, match=f"clientCertificates.*{said}"):
        Helm(tmp_path)("template", str(CHART), "--set", f"clientCertificates.{values}")


def test_the_values_on_the_page_are_taken(tmp_path: Path) -> None:
    page = (CHART.parents[1] / "docs" / "install.md").read_text("utf-8")
    examples = re.findall(r"<!-- file: values.yaml -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 5
    for example in examples:
        (tmp_path / "values.yaml").write_text(example, "utf-8")
        Helm(tmp_path)("template", str(CHART), "-f", str(tmp_path / "values.yaml"))


def test_the_table_of_rights_is_what_the_chart_grants(tmp_path: Path) -> None:
    rendered = Helm(tmp_path)("template", RELEASE, str(CHART), "--kube-version", "1.37.0")
    documents = list(yaml.safe_load_all(rendered))
    bound = {document["roleRef"]["name"] for document in documents if "roleRef" in document}
    granted = {
        (group, resource, verb)
        for document in documents
        if document["kind"] in {"ClusterRole", "Role"} and document["metadata"]["name"] in bound
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    page = CHART.parents[1] / "docs" / "install.md"
    rights = page.read_text("utf-8").partition("\n## Rights\n")[2]
    rows = re.findall(r"^\| `(.*?)` \| (.*?) \| (.*?) \|", rights, re.MULTILINE)
    documented = {
        (group.removeprefix('""'), resource, verb)
        for group, resources, verbs in rows
        for resource in re.findall(r"`(\w+)`", resources)
        for verb in re.findall(r"`(\w+)`", verbs)
    }
    assert documented == granted


MONITORS = {"PodMonitor", "PrometheusRule"}
OFF = {*MONITORS, "ServiceMonitor", "HorizontalPodAutoscaler", "VerticalPodAutoscaler"}


def test_alerts_and_dashboard_are_taken_as_they_are_written(
    plane: ControlPlane, helm: Helm
) -> None:
    values = str(CHART / "ci" / "monitoring-values.yaml")
    rendered = helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, "-f", values)
    made = {one["kind"]: one for one in yaml.safe_load_all(rendered) if one["kind"] in MONITORS}
    assert made.keys() == MONITORS
    for one in made.values():
        strictly = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
        assert not plane.kubectl(*strictly, input=json.dumps(one)).stderr
        assert one["metadata"]["labels"]["release"] == "monitoring"
    written = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text("utf-8"))
    (group,) = made["PrometheusRule"]["spec"]["groups"]
    for alert, told in zip(written["groups"][0]["rules"], group["rules"], strict=True):
        url = told["annotations"].pop("runbook_url")
        anchor = alert["annotations"].pop("runbook_url").removeprefix("docs/runbook.md")
        assert url == f"https://runbooks.example.com/scaleguard{anchor}"
        assert told == alert
    shown = helm("template", RELEASE, str(CHART), "-f", values, "-s", f"{TEMPLATES}/{DASHBOARD}")
    dashboard = yaml.safe_load(shown)
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    file = CHART / "dashboards" / "scaleguard.json"
    assert json.loads(dashboard["data"]["scaleguard.json"]) == json.loads(file.read_text("utf-8"))


def find_the_metrics(documents: list[Any], selector: dict[str, str], port: str) -> None:
    templates = [one["spec"]["template"] for one in documents if one["kind"] == "Deployment"]
    assert len(templates) == 3
    for template in templates:
        assert selector.items() <= template["metadata"]["labels"].items()
        ports = {one["name"] for one in template["spec"]["containers"][0]["ports"]}
        assert port in ports


def test_the_pod_monitor_finds_the_port_of_each_component(tmp_path: Path) -> None:
    on = ("--set", "podMonitor.enabled=true,audit.enabled=true")
    documents = list(yaml.safe_load_all(Helm(tmp_path)("template", RELEASE, str(CHART), *on)))
    (monitor,) = [one for one in documents if one["kind"] == "PodMonitor"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    find_the_metrics(documents, monitor["spec"]["selector"]["matchLabels"], endpoint["port"])


def test_the_service_monitor_finds_one_service_and_it_each_component(
    plane: ControlPlane, helm: Helm
) -> None:
    values = str(CHART / "ci" / "service-monitor-values.yaml")
    documents = list(yaml.safe_load_all(helm("template", RELEASE, str(CHART), "-f", values)))
    (monitor,) = [one for one in documents if one["kind"] == "ServiceMonitor"]
    strictly = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    assert not plane.kubectl("-n", "default", *strictly, input=json.dumps(monitor)).stderr
    (endpoint,) = monitor["spec"]["endpoints"]
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    services = [one for one in documents if one["kind"] == "Service"]
    (service,) = [one for one in services if wanted <= one["metadata"]["labels"].items()]
    (port,) = service["spec"]["ports"]
    assert port["name"] == endpoint["port"]
    find_the_metrics(documents, service["spec"]["selector"], port["targetPort"])
    with pytest.raises(AssertionError, match="each has everything scraped; enable one of them"):
        helm("template", RELEASE, str(CHART), "-f", values, "--set", "podMonitor.enabled=true")


def test_the_sidecar_of_grafana_finds_the_dashboard_as_its_chart_has_it(tmp_path: Path) -> None:
    only = ("--show-only", f"{TEMPLATES}/{DASHBOARD}", "--set", "grafanaDashboard.enabled=true")
    made = yaml.safe_load(Helm(tmp_path)("template", RELEASE, str(CHART), *only))
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_nothing_of_that_is_made_unless_it_is_wanted(tmp_path: Path) -> None:
    rendered = Helm(tmp_path)("template", RELEASE, str(CHART))
    made = list(yaml.safe_load_all(rendered))
    assert not OFF & {one["kind"] for one in made}
    assert not any("dashboard" in one["metadata"]["name"] for one in made)


@pytest.mark.parametrize("values", CI_VALUES, ids=lambda path: path.stem)
def test_it_installs_and_leaves_nothing_behind(
    values: Path, plane: ControlPlane, helm: Helm
) -> None:
    before = everything(plane)
    helm.install("-f", str(values))
    assert len(everything(plane) - before) >= 10
    helm.uninstall()
    eventually(lambda: everything(plane) == before, "the garbage collector")


@pytest.mark.parametrize("side", ["true", "false"])
def test_an_upgrade_leaves_alone_what_the_program_wrote(
    side: str, plane: ControlPlane, helm: Helm
) -> None:
    def written() -> tuple[set[str], set[str], str]:
        secrets = plane.kubectl(*secret, "-o", "jsonpath={.data}").stdout
        return ca_bundles(plane), paths(plane), secrets

    secret = ("-n", NAMESPACE, "get", "secret", f"{RELEASE}-certificate")
    helm.install(f"--server-side={side}")
    bundle = base64.b64encode(plane.layout.authority.read_bytes()).decode()
    entries = (("validating", "autoscalers"), ("validating", "workloads"), ("mutating", "pods"))
    for kind, entry in entries:
        service = {"name": RELEASE, "namespace": NAMESPACE, "path": "/a-path"}
        client = {"caBundle": bundle, "service": service}
        change = {"name": f"{entry}.scaleguard.io", "clientConfig": client}
        patch = json.dumps({"webhooks": [change]})
        plane.kubectl("patch", f"{kind}webhookconfiguration", RELEASE, "--patch", patch)
    data = json.dumps({"data": {"tls.crt": bundle}})
    plane.kubectl("-n", NAMESPACE, "patch", "secret", f"{RELEASE}-certificate", "--patch", data)
    mine = written()
    assert mine[:2] == ({bundle}, {"/a-path"})
    helm.upgrade(f"--server-side={side}", "--set", "webhooks.autoscalers.timeoutSeconds=1")
    assert written() == mine
    helm("rollback", RELEASE, "1", "--namespace", NAMESPACE)
    assert written() == mine
    helm.uninstall()


def flow(plane: ControlPlane, account: str, path: str) -> str:
    """The uid of the FlowSchema by which the API server queued a request of a ServiceAccount."""
    token = plane.kubectl("-n", NAMESPACE, "create", "token", account).stdout.strip()
    context = ssl.create_default_context(cafile=str(plane.layout.authority))
    connection = HTTPSConnection(urlsplit(plane.server).netloc, timeout=10, context=context)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().headers["X-Kubernetes-PF-FlowSchema-UID"]
    finally:
        connection.close()


def test_requests_of_webhook_and_controller_are_queued_apart_from_those_of_others(
    plane: ControlPlane, helm: Helm
) -> None:
    def uid(name: str) -> str:
        return plane.kubectl("get", "flowschema", name, "-o", "jsonpath={.metadata.uid}").stdout

    leases = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/scaleguard-controller"
    helm.install("--set", "audit.enabled=true")
    ours, everybodys = uid(RELEASE), uid("service-accounts")
    eventually(lambda: flow(plane, RELEASE, leases) == ours, "the API server's look at it")
    for path in (leases, "/api/v1/nodes?watch=true&timeoutSeconds=1", "/apis"):
        assert flow(plane, RELEASE, path) == ours
        assert flow(plane, f"{RELEASE}-controller", path) == ours
        assert flow(plane, f"{RELEASE}-audit", path) == everybodys
    level = ("get", "prioritylevelconfiguration", "workload-high", "-o", "name")
    assert plane.kubectl(*level).stdout
    helm.uninstall()
    eventually(lambda: flow(plane, "default", leases) == everybodys, "the same")


def test_it_installs_where_the_api_server_queues_nothing(tmp_path: Path) -> None:
    off = ["--enable-priority-and-fairness=false"]
    off.append("--runtime-config=flowcontrol.apiserver.k8s.io/v1=false")
    with ControlPlane(arguments={"kube-apiserver": off}) as bare:
        bare.kubectl("create", "namespace", NAMESPACE)
        assert "flowschemas" not in bare.kubectl("api-resources", "-o", "name").stdout
        Helm(tmp_path, bare.kubeconfig).install()
