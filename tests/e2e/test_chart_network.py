"""Who may connect where by the NetworkPolicies of the chart; no network here enforces them."""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.chart import CHART, NAMESPACE, RELEASE, Helm

pytestmark = [pytest.mark.controlplane]

ON = "networkPolicy.enabled=true"
FULL = str(CHART / "ci" / "network-values.yaml")
COMPONENTS = ("webhook", "controller", "audit")
Document = dict[str, Any]


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or an address outside of the cluster (no namespace)."""

    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    address: str = "10.244.0.9"


API_SERVER = End(address="10.0.0.5")
ELSEWHERE = End(address="192.0.2.1")
NEIGHBOUR = End(NAMESPACE, {"app": "neighbour"})
PROMETHEUS = End("monitoring", {"app.kubernetes.io/name": "prometheus"})
GRAFANA = End("monitoring", {"app.kubernetes.io/name": "grafana"})
INGRESS = End("ingress", {"app": "nginx"})
OPA = End("policy", {"app": "opa"})


def selects(selector: Document, labels: dict[str, str]) -> bool:
    for one in selector.get("matchExpressions", []):
        assert one["operator"] == "In"
        if labels.get(one["key"]) not in one["values"]:
            return False
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def means(peer: Document, end: End) -> bool:
    if "ipBlock" in peer:
        address, block = ip_address(end.address), peer["ipBlock"]
        left_out = any(address in ip_network(one) for one in block.get("except", []))
        return address in ip_network(block["cidr"]) and not left_out
    if "namespaceSelector" in peer:
        there = {"kubernetes.io/metadata.name": end.namespace}
        inside = end.namespace != "" and selects(peer["namespaceSelector"], there)
    else:
        inside = end.namespace == NAMESPACE
    return inside and selects(peer.get("podSelector", {}), end.labels)


class Release:
    """The chart as it is rendered with some values."""

    def __init__(self, folder: Path, *values: str) -> None:
        rendered = Helm(folder)("template", RELEASE, str(CHART), "-n", NAMESPACE, *values)
        documents = list(yaml.safe_load_all(rendered))
        self.policies = [one for one in documents if one["kind"] == "NetworkPolicy"]
        templates = [one["spec"]["template"] for one in documents if one["kind"] == "Deployment"]
        self.pods = {
            one["spec"]["containers"][0]["name"]: End(NAMESPACE, one["metadata"]["labels"])
            for one in templates
        }
        self.ports = {
            (container["name"], port["name"]): port["containerPort"]
            for one in templates
            for container in one["spec"]["containers"]
            for port in container["ports"]
        }

    def _allows(self, way: str, mine: End, other: End, port: int, protocol: str) -> bool:
        (policy,) = [
            one["spec"] for one in self.policies if selects(one["spec"]["podSelector"], mine.labels)
        ]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        side = {"ingress": "from", "egress": "to"}[way]
        return any(
            {"protocol": protocol, "port": port} in rule["ports"]
            and (not rule.get(side) or any(means(peer, other) for peer in rule[side]))
            for rule in policy.get(way, [])
        )

    def takes(self, component: str, port: str, other: End) -> bool:
        """Whether a component takes a connection on a port that it listens on."""
        number = self.ports[component, port]
        return self._allows("ingress", self.pods[component], other, number, "TCP")

    def reaches(self, component: str, other: End, port: int, protocol: str = "TCP") -> bool:
        return self._allows("egress", self.pods[component], other, port, protocol)


def test_there_is_one_for_each_component_and_none_unless_wanted(tmp_path: Path) -> None:
    assert Release(tmp_path).policies == []
    for on, components in (
        (ON, {"webhook", "controller"}),
        (f"{ON},controller.enabled=false", {"webhook", "controller"}),
        (f"{ON},audit.enabled=true", set(COMPONENTS)),
    ):
        release = Release(tmp_path, "--set", on)
        assert release.pods.keys() == components
        held = [
            [name for name, pod in release.pods.items() if selects(selector, pod.labels)]
            for selector in (one["spec"]["podSelector"] for one in release.policies)
        ]
        assert sorted(held) == sorted([name] for name in components)


def test_the_webhook_is_called_from_anywhere_or_from_where_the_api_server_is(
    tmp_path: Path,
) -> None:
    anywhere, known = Release(tmp_path, "--set", ON), Release(tmp_path, "-f", FULL)
    for end in (API_SERVER, ELSEWHERE, NEIGHBOUR):
        assert anywhere.takes("webhook", "https", end)
        assert known.takes("webhook", "https", end) == (end is API_SERVER)
    assert known.takes("webhook", "https", End(address="fd00::1"))
    labels = known.pods["webhook"].labels | {"app.kubernetes.io/component": "doctor"}
    assert known.takes("webhook", "https", End(NAMESPACE, labels))  # `helm test`


def test_the_audit_is_reached_by_who_delivers_and_who_reads(tmp_path: Path) -> None:
    closed = Release(tmp_path, "--set", f"{ON},audit.enabled=true")
    opened = Release(tmp_path, "-f", FULL)
    for release in (closed, opened):
        for name in ("webhook", "controller"):
            assert release.takes("audit", "https", release.pods[name])
            # Behind its Service, which has another port.
            assert release.reaches(name, release.pods["audit"], release.ports["audit", "https"])
        for end in (NEIGHBOUR, PROMETHEUS, API_SERVER, ELSEWHERE):
            assert not release.takes("audit", "https", end)
    assert opened.takes("audit", "https", INGRESS)
    assert not closed.takes("audit", "https", INGRESS)
    alone = Release(tmp_path, "-f", FULL, "--set", "controller.enabled=false")
    assert alone.takes("audit", "https", alone.pods["webhook"])
    assert not alone.takes("audit", "https", opened.pods["controller"])


@pytest.mark.parametrize("component", COMPONENTS)
def test_metrics_are_read_by_nobody_or_by_who_is_named(component: str, tmp_path: Path) -> None:
    closed = Release(tmp_path, "--set", f"{ON},audit.enabled=true")
    opened = Release(tmp_path, "-f", FULL)
    assert opened.takes(component, "metrics", PROMETHEUS)
    for end in (PROMETHEUS, GRAFANA, NEIGHBOUR, API_SERVER, ELSEWHERE, *closed.pods.values()):
        assert not closed.takes(component, "metrics", end)
        assert opened.takes(component, "metrics", end) == (end is PROMETHEUS)


@pytest.mark.parametrize("monitor", ["podMonitor", "serviceMonitor"])
def test_a_monitor_that_could_read_nothing_is_refused_in_words(
    monitor: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=r"networkPolicy\.metricsFrom: .* where Prometheus is"):
        Release(tmp_path, "--set", f"{ON},{monitor}.enabled=true")


def test_a_webhook_in_the_network_of_its_node_has_none_and_comes_from_there(
    tmp_path: Path,
) -> None:
    host = ("--set", f"{ON},hostNetwork.enabled=true,audit.enabled=true")
    with pytest.raises(AssertionError, match=r"networkPolicy\.pageFrom: .* ipBlock of the nodes"):
        Release(tmp_path, *host)
    release = Release(tmp_path, *host, "-f", str(CHART / "ci" / "host-network-values.yaml"))
    selectors = [one["spec"]["podSelector"] for one in release.policies]
    assert len(selectors) == 2
    assert not any(selects(one, release.pods["webhook"].labels) for one in selectors)
    assert release.takes("audit", "https", End(address="10.0.3.4"))
    assert not release.takes("audit", "https", ELSEWHERE)


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_reaches_names_and_the_api_server_and_no_other_port(
    component: str, tmp_path: Path
) -> None:
    usual = Release(tmp_path, "--set", f"{ON},audit.enabled=true")
    narrow = Release(tmp_path, "-f", FULL)
    for port in (53, 5353):
        assert usual.reaches(component, ELSEWHERE, port, "UDP")
        assert usual.reaches(component, ELSEWHERE, port, "TCP")
    assert usual.reaches(component, API_SERVER, 443)
    assert usual.reaches(component, API_SERVER, 6443)
    assert narrow.reaches(component, API_SERVER, 443)
    assert not narrow.reaches(component, API_SERVER, 6443)
    for port in (80, 5432, 8080, 8181, 8443):
        assert not usual.reaches(component, ELSEWHERE, port)
    for name, pod in usual.pods.items():
        if name != "audit":
            assert not usual.reaches(component, pod, usual.ports[name, "metrics"])


def test_postgresql_is_reached_by_the_audit_and_opa_by_who_judges(tmp_path: Path) -> None:
    database, other = End(address="10.20.0.7"), End(address="10.20.1.7")
    opa = ("--set-json", 'config={"policies":{"engine":"opa","opa":{"url":"http://opa"}}}')
    kept = ("--set", f"{ON},audit.enabled=true,audit.postgresql.secret=audit-database")
    anywhere, narrow = Release(tmp_path, *opa, *kept), Release(tmp_path, "-f", FULL)
    for component in COMPONENTS:
        keeps = component == "audit"
        for end in (database, other, NEIGHBOUR):
            assert anywhere.reaches(component, end, 5432) == keeps
            assert narrow.reaches(component, end, 6432) == (keeps and end is database)
        for end in (OPA, NEIGHBOUR):
            assert anywhere.reaches(component, end, 8181) != keeps
            assert narrow.reaches(component, end, 8282) == (not keeps and end is OPA)
