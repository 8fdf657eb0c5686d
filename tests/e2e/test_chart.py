"""The chart, with the real helm and a real control plane."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

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
    plane_for_charts,
)

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
    def written() -> tuple[set[str], str]:
        return ca_bundles(plane), plane.kubectl(*secret, "-o", "jsonpath={.data}").stdout

    secret = ("-n", NAMESPACE, "get", "secret", f"{RELEASE}-certificate")
    helm.install(f"--server-side={side}")
    bundle = base64.b64encode(plane.layout.authority.read_bytes()).decode()
    entries = (("validating", "autoscalers"), ("validating", "workloads"), ("mutating", "pods"))
    for kind, entry in entries:
        change = {"name": f"{entry}.scaleguard.io", "clientConfig": {"caBundle": bundle}}
        patch = json.dumps({"webhooks": [change]})
        plane.kubectl("patch", f"{kind}webhookconfiguration", RELEASE, "--patch", patch)
    data = json.dumps({"data": {"tls.crt": bundle}})
    plane.kubectl("-n", NAMESPACE, "patch", "secret", f"{RELEASE}-certificate", "--patch", data)
    mine = written()
    assert mine[0] == {bundle}
    helm.upgrade(f"--server-side={side}", "--set", "webhooks.autoscalers.timeoutSeconds=1")
    assert written() == mine
    helm("rollback", RELEASE, "1", "--namespace", NAMESPACE)
    assert written() == mine
    helm.uninstall()
