"""What `report -o openreports` writes, before a real API server with the real CRDs."""

import json
from dataclasses import replace

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.unit.audit.batches import DAY, owned, record
from webhook.audit.findings import Found
from webhook.audit.forms import openreports
from webhook.core.objects import ObjectRef
from webhook.core.record import Record, RecordKind

pytestmark = pytest.mark.controlplane


def found(one: Record) -> Found:
    return Found("c", "r", one.fingerprint, 3, DAY, 2 * DAY + 0.5, "d1", one.as_json())


def everything() -> list[Found]:
    """One of each kind and action, one in no namespace, and texts that YAML could trip over."""
    told = [
        record("web", "shop"),
        record("warned", "shop", kind=RecordKind.WARNING, action="warn"),
        record("withheld", "shop", kind=RecordKind.AUDIT, action="audit", would="deny"),
        record("exempt", "shop", kind=RecordKind.EXEMPTION, action="audit"),
        record("patched", "shop", kind=RecordKind.MUTATION, action="patch", rule=""),
        record("odd", "shop", message="- a: 'b'\n\tc \N{SNOWMAN} \x1b[1m", user="null", path="y"),
        owned("llama-1", "llama", "ml"),
        replace(record(), object=ObjectRef("v1", "Pod", "ml", None, "llama-")),
        replace(record(), object=ObjectRef("v1", "Node", None, "n")),
    ]
    many = [record(f"w{number}", "many", message="x" * 4000) for number in range(400)]
    return [found(one) for one in (*told, *many)]


def test_a_real_api_server_takes_them(plane: ControlPlane) -> None:
    """Nothing is refused, and no field is dropped as unknown or changed."""
    plane.install_crds("openreports")
    for namespace in ("shop", "ml", "many"):
        plane.kubectl("create", "namespace", namespace, check=False)
    written = openreports.render(everything())
    applied = ("apply", "--server-side", "--validate=strict", "-f", "-")
    said = plane.kubectl(*applied, input=written)
    assert not said.stderr
    reports = list(yaml.safe_load_all(written))
    assert len(reports) > 6
    for report in reports:
        where = report["metadata"].get("namespace")
        place = ("-n", where) if where else ()
        name = f"{report['kind'].lower()}.openreports.io"
        got = plane.kubectl(*place, "get", name, report["metadata"]["name"], "-o", "json").stdout
        kept = json.loads(got)
        assert {key: kept[key] for key in ("source", "summary", "results")} == {
            key: report[key] for key in ("source", "summary", "results")
        }
    listed = plane.kubectl("get", "reports", "-n", "shop", "--no-headers").stdout.split()
    assert listed[:6] == ["scaleguard", "1", "3", "1", "0", "1"], listed
    plane.kubectl("delete", "reports,clusterreports", "--all", "-A", "--wait=false")
