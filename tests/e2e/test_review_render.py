"""`scaleguard review` renders charts and kustomizations itself, with the real helm and kubectl."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.build import binary
from tests.unit.offline.manifests import HPA, VPA

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

GATE = '{{- if .Capabilities.APIVersions.Has "autoscaling.k8s.io/v1" }}'
GATED_VPA = f"{GATE}{VPA}{{{{- end }}}}\n"
NAMED_HPA = HPA.replace("Deployment, name: web", "Deployment, name: {{ .Values.target }}")
STRICT_HPA = NAMED_HPA.replace(".Values.target", "required `a target` .Values.absent")
LIBRARY = "apiVersion: v2\nname: common\nversion: 0.1.0\ntype: library\n"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with helm and kubectl on it."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("helm", "kubectl"):
        (folder / name).symlink_to(binary(name))
    return f"{folder}:/usr/bin:/bin"


def run(path: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "webhook", "review", *map(str, arguments)],
        env={"PATH": path, "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )


def review(path: str, *arguments: str | Path, status: int) -> dict[str, Any]:
    ended = run(path, *arguments, "-o", "json")
    assert ended.returncode == status, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def places(found: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    return [
        (Path(one["source"]["file"]).relative_to(folder).as_posix(), one["action"])
        for one in found["results"]
    ]


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with a dependency, a CRD, and a VPA that only a cluster with VPA's kinds gets."""
    put(
        tmp_path / "web",
        Chart_yaml="apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies: "
        "[{name: sub, version: 0.1.0}]\n",
        values_yaml="target: web\n",
        templates__hpa_yaml=NAMED_HPA,
        crds__crd_yaml="apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n",
        charts__sub__Chart_yaml="apiVersion: v2\nname: sub\nversion: 0.1.0\n",
        charts__sub__templates__vpa_yaml=GATED_VPA,
    )
    return tmp_path / "web"


def test_a_chart_and_its_dependency_conflict(path: str, chart: Path) -> None:
    found = review(path, chart, status=1)
    assert sorted(places(found, chart)) == [
        ("charts/sub/templates/vpa.yaml", "deny"),
        ("templates/hpa.yaml", "deny"),
    ]
    assert {one["source"]["rendered"] for one in found["results"]} == {f"{chart}/Chart.yaml"}
    assert found["skipped"] == []


def test_values_are_given_and_missed(path: str, chart: Path) -> None:
    put(chart, other_yaml="target: other\n")
    review(path, chart, "--helm-values", chart / "other.yaml", status=0)
    put(chart, templates__hpa_yaml=STRICT_HPA)
    ended = run(path, chart)
    assert ended.returncode == 2
    assert "a chart that cannot be rendered: " in ended.stdout
    assert "a target" in ended.stdout


def test_dependencies_that_were_not_fetched_are_named(path: str, chart: Path) -> None:
    (chart / "charts").rename(chart / "elsewhere")
    ended = run(path, chart)
    assert ended.returncode == 2
    assert "dependencies of the chart are missing: sub; run `helm dependency build`" in ended.stdout


def test_a_library_chart_is_no_whole(path: str, tmp_path: Path) -> None:
    put(tmp_path / "common", Chart_yaml=LIBRARY)
    ended = run(path, tmp_path, "-v")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "a chart that is no whole: it is rendered only as a part" in ended.stdout


def test_overlays_are_worlds_of_their_own(path: str, tmp_path: Path) -> None:
    put(
        tmp_path,
        base__kustomization_yaml="resources: [hpa.yaml]",
        base__hpa_yaml=HPA,
        dev__kustomization_yaml="resources: [../base]",
        prod__kustomization_yaml="resources: [../base, vpa.yaml]\nnamePrefix: prod-",
        prod__vpa_yaml=VPA,
    )
    found = review(path, tmp_path, status=1)
    assert places(found, tmp_path) == [
        ("dev/kustomization.yaml", "allow"),
        ("prod/kustomization.yaml", "deny"),
        ("prod/kustomization.yaml", "deny"),
    ]
    assert review(path, tmp_path, "--no-render", status=1)["summary"]["denied"] == 2


def test_nothing_is_fetched(path: str, tmp_path: Path) -> None:
    put(tmp_path, kustomization_yaml='resources: ["https://scaleguard.invalid/a.yaml"]')
    ended = run(path, tmp_path)
    assert ended.returncode == 2
    assert "it asks for something over the network, which reviews do not" in ended.stdout


def test_kustomize_build_is_piped_in(path: str, tmp_path: Path) -> None:
    put(tmp_path, kustomization_yaml="resources: [a.yaml]", a_yaml=f"{HPA}---{VPA}")
    script = 'kubectl kustomize "$1" | "$2" -m webhook review -'
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script, "-", str(tmp_path), sys.executable],
        env={"PATH": path, "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "2 objects: 2 denied" in ended.stdout
