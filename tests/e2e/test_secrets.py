"""What is secret in a manifest is nowhere afterwards: thirty secrets, planted where people do."""

import base64
import itertools
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from click.testing import CliRunner

from tests.controlplane.cluster import ControlPlane
from tests.e2e.audited import Audited, audited
from tests.e2e.controller_process import USER
from tests.e2e.manifests import deployment, hpa, vpa
from tests.e2e.patient_client import PatientClient
from tests.e2e.refusals import owned_pod, prepare, scaled_object
from tests.e2e.webhook_process import wait_until
from webhook.cli.main import cli
from webhook.cluster.resources import HPAS, SCALED_OBJECTS, VPAS

pytestmark = [pytest.mark.controlplane, pytest.mark.postgres, pytest.mark.slow]

Raw = dict[str, Any]

RIGHTS = Path(__file__).with_name("reports_rbac.yaml")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass
class Planted:
    """Makes secrets, each with the place at which it stands."""

    known: dict[str, str] = field(default_factory=dict)

    def __call__(self, place: str) -> str:
        made = f"s3cr3t{secrets.token_hex(12)}"
        self.known[made] = place
        return made

    def found_in(self, text: str) -> list[str]:
        """The places whose secrets are in a text, as they are or in base64."""
        return [
            place
            for secret, place in self.known.items()
            if secret in text or base64.b64encode(secret.encode()).decode().rstrip("=") in text
        ]


def annotated(raw: Raw, plant: Planted) -> Raw:
    """Put secrets into annotations, as pipelines and kubectl do."""
    kind = raw["kind"]
    annotations = {
        "example.com/token": plant(f"{kind}: annotation"),
        LAST_APPLIED: json.dumps({"env": plant(f"{kind}: last applied")}),
    }
    raw["metadata"].setdefault("annotations", {}).update(annotations)
    return raw


def containers(plant: Planted, kind: str) -> list[Raw]:
    """A container with secrets wherever one can write something."""
    return [
        {
            "name": "app",
            "image": "app",
            "command": ["serve", "--password", plant(f"{kind}: command")],
            "args": [f"--api-key={plant(f'{kind}: args')}"],
            "env": [
                {"name": "TOKEN", "value": plant(f"{kind}: env")},
                {"name": "URL", "value": f"redis://u:{plant(f'{kind}: url in env')}@cache/0"},
            ],
            "lifecycle": {"preStop": {"exec": {"command": [plant(f"{kind}: lifecycle")]}}},
            "livenessProbe": {
                "httpGet": {
                    "port": 80,
                    "httpHeaders": [{"name": "Authorization", "value": plant(f"{kind}: probe")}],
                }
            },
            "readinessProbe": {"exec": {"command": ["login", plant(f"{kind}: readiness")]}},
            "resources": {"limits": {"nvidia.com/gpus": 1}},
        }
    ]


def pod_spec(plant: Planted, kind: str) -> Raw:
    volume = {"driver": "csi.example.com", "volumeAttributes": {"key": plant(f"{kind}: volume")}}
    return {
        "containers": containers(plant, kind),
        "initContainers": [
            {"name": "get", "image": "get", "args": [f"https://u:{plant(f'{kind}: init')}@models/"]}
        ],
        "volumes": [{"name": "models", "csi": volume}],
    }


def scaler(plant: Planted, namespace: str) -> Raw:
    """A ScaledObject that conflicts, with triggers that log in somewhere."""
    raw = annotated(scaled_object("leaky", "web", namespace), plant)
    raw["spec"]["triggers"] += [
        {
            "type": "prometheus",
            "metadata": {
                "serverAddress": f"https://u:{plant('trigger: URL')}@prometheus:9090",
                "query": f'sum(rate(x{{token="{plant("trigger: query")}"}}[1m]))',
                "threshold": "5",
                "customHeaders": f"Authorization={plant('trigger: headers')}",
            },
        },
        {
            "type": "rabbitmq",
            "metadata": {
                "host": f"amqp://u:{plant('trigger: host')}@mq:5672/v",
                "password": plant("trigger: password"),
                "queueName": "q",
                "mode": "QueueLength",
                "value": "5",
            },
        },
    ]
    return raw


@pytest.fixture
def path(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Audited]:
    """All of it, and Reports are kept in the cluster."""
    plane.install_crds("openreports")
    role = yaml.safe_load(RIGHTS.read_text("utf-8"))["metadata"]["name"]
    plane.kubectl("apply", "-f", str(RIGHTS))
    plane.kubectl(
        *("create", "clusterrolebinding", "keeps-reports", f"--clusterrole={role}"),
        *(f"--user={USER}", "--serviceaccount=default:webhook"),
    )
    with audited(plane, tmp_path) as running:
        prepare(plane, namespace)
        yield running
    plane.kubectl("delete", "clusterrolebinding", "keeps-reports")
    plane.kubectl("delete", "crd", "reports.openreports.io", "clusterreports.openreports.io")


def test_no_secret_is_anywhere(
    path: Audited, plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    plant = Planted()
    pod = annotated(owned_pod("leaky", namespace), plant)
    pod["spec"] = pod_spec(plant, "Pod")
    workload = annotated(deployment("leaky", namespace=namespace), plant)
    workload["spec"]["template"]["spec"] = pod_spec(plant, "Deployment")
    asked = [
        (f"/api/v1/namespaces/{namespace}/pods", pod),
        (f"/apis/apps/v1/namespaces/{namespace}/deployments", workload),
        (HPAS.path(namespace), annotated(hpa("leaky", "web", namespace=namespace), plant)),
        (VPAS.path(namespace), annotated(vpa("leaky", "api", namespace=namespace), plant)),
        (SCALED_OBJECTS.path(namespace), scaler(plant, namespace)),
    ]
    assert len(plant.known) >= 30
    said = []
    with closing(PatientClient(plane)) as client:
        for place, raw in asked:
            answer = client.create(place, raw)
            if answer.is_done:  # who sent it gets it back, with what we warned of
                said.append(" ".join(answer.warnings))
            else:
                assert answer.is_denied, answer
                said.append(answer.body["message"])
    assert sum("; decision " in one for one in said) == 4, said
    wait_until(lambda: len(findings(path, "denial")) >= 4, 60, "they were not delivered")
    wait_until(lambda: "leaky" in events(plane), 60, "no event tells of them")
    wait_until(lambda: "leaky" in reports(plane), 60, "no Report tells of them")
    wait_until(lambda: "leaky" in standings(path), 60, "the scan does not tell of them")
    time.sleep(1)  # whatever else is written of them by then

    everywhere = {"answers": "\n".join(said), **traces(path, tmp_path)}
    everywhere |= {"events": events(plane), "reports in the cluster": reports(plane)}
    for where, text in everywhere.items():
        assert "leaky" in text or where == "metrics", f"{where} tells nothing of them"
        assert plant.found_in(text) == [], where


def findings(path: Audited, kind: str) -> list[Raw]:
    _, said = path.audit.ask("GET", f"/v1/findings?limit=1000&kind={kind}", path.reader)
    found: list[Raw] = said["findings"]
    return found


def events(plane: ControlPlane) -> str:
    return plane.kubectl("get", "events", "-A", "-o", "json").stdout


def reports(plane: ControlPlane) -> str:
    return plane.kubectl("get", "reports.openreports.io", "-A", "-o", "json").stdout


def standings(path: Audited) -> str:
    return json.dumps(path.audit.ask("GET", "/v1/standings?limit=1000", path.reader))


def traces(path: Audited, folder: Path) -> dict[str, str]:
    """Everything that is left of a request: by where."""
    (folder / "reader").write_text(path.reader, "utf-8")
    server = ("--url", path.audit.url, "--ca-file", str(path.audit.authority))
    common = (*server, "--token-file", str(folder / "reader"))
    told = {
        f"report {form}": CliRunner().invoke(cli, ["report", *common, "-o", form]).stdout
        for form in ("table", "json", "csv", "html", "openreports")
    }
    logs = [one.log() for one in path.replicas.processes]
    logs += [path.audit.log(), path.controller.log()]
    ports = [
        path.audit.metrics_port,
        path.controller.metrics_port,
        *(one.metrics_port for one in path.replicas.processes),
    ]
    spools = itertools.chain.from_iterable(
        one.folder.joinpath("spool").glob("*[.-]*") for one in path.replicas.processes
    )
    return {
        "store": store(path),
        "findings": json.dumps(path.audit.ask("GET", "/v1/findings?limit=1000", path.reader)),
        "standings": standings(path),
        "logs": "\n".join(logs),
        "metrics": "\n".join(map(metrics, ports)),
        "spool": "\n".join(one.read_bytes().decode("latin-1") for one in spools),
        **told,
    }


def store(path: Audited) -> str:
    """All rows of all tables."""
    with psycopg.connect(path.database) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return "\n".join(
            str(row)
            for (name,) in tables
            for row in connection.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608
        )


def metrics(port: int) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection):
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
