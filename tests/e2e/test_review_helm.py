"""`helm template … | scaleguard review -`, with the real helm and the real pipe."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.controlplane.build import binary
from tests.e2e.chart import CHART, RELEASE

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

CONFLICT = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ .Values.target }}}
  maxReplicas: 9
---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: web}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ .Values.target }}}
"""


def piped(folder: Path, chart: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Render a chart and review what came out, as a shell with pipefail does."""
    script = '"$1" template "$2" "$3" --kube-version 1.37.0 | "$4" -m webhook review - "${@:5}"'
    words = (str(binary("helm")), RELEASE, str(chart), sys.executable)
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", script, "-", *words, *options],
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with a conflict in it."""
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n", "utf-8")
    (folder / "values.yaml").write_text("target: web\n", "utf-8")
    (folder / "templates" / "all.yaml").write_text(CONFLICT, "utf-8")
    return folder


def test_the_chart_of_scaleguard_itself_is_clean(tmp_path: Path) -> None:
    ended = piped(tmp_path, CHART, "-v")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Deployment default/scaleguard" in ended.stdout
    assert "unreadable" not in ended.stdout
    assert ended.stdout.endswith("nothing to say\n")


def test_a_conflict_in_a_chart_is_found_and_its_stream_fixed(tmp_path: Path, chart: Path) -> None:
    denied = piped(tmp_path, chart, "-o", "github")
    assert denied.returncode == 1
    assert denied.stdout.count("::error title=hpa-vpa-same-metric") == 2
    fixed = piped(tmp_path, chart, "--fix")
    assert fixed.returncode == 0, fixed.stderr
    assert "# Source: web/templates/all.yaml" in fixed.stdout
    assert "controlledResources: [memory]" in fixed.stdout


def test_a_chart_that_renders_nothing_is_told_from_a_good_one(tmp_path: Path, chart: Path) -> None:
    (chart / "templates" / "all.yaml").write_text("{{ fail `no` }}", "utf-8")
    failed = piped(tmp_path, chart)
    assert failed.returncode == 2
    assert "standard input is empty" in failed.stdout
