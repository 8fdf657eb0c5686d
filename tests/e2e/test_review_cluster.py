"""`scaleguard review --against-cluster`: files judged against what a real API server holds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.unit.offline.manifests import DEPLOYMENT, HPA, VPA, in_namespace, stream

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

MEMORY_VPA = f"""{VPA}  resourcePolicy:
    containerPolicies: [{{containerName: "*", controlledResources: [memory]}}]
"""


@pytest.fixture
def running(plane: ControlPlane, namespace: str, tmp_path: Path) -> str:
    """A namespace with a Deployment and a VPA on both of its resources."""
    file = tmp_path / "running.yaml"
    file.write_text(stream(DEPLOYMENT, VPA), "utf-8")
    plane.kubectl("apply", "-n", namespace, "-f", str(file))
    return namespace


def run(plane: ControlPlane, file: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "webhook", "review", str(file), "--against-cluster"]
    command += ["--kubeconfig", str(plane.kubeconfig), "-o", "json", *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, json.loads(ended.stdout), ended.stderr


def written(folder: Path, namespace: str, *documents: str) -> Path:
    file = folder / "files.yaml"
    file.write_text(stream(*(in_namespace(one, namespace) for one in documents)), "utf-8")
    return file


def test_a_file_meets_what_runs(plane: ControlPlane, running: str, tmp_path: Path) -> None:
    status, found, told = run(plane, written(tmp_path, running, HPA))
    assert (status, told) == (1, "")
    (result,) = found["results"]
    (finding,) = result["findings"]
    assert finding["rule"] == "hpa-vpa-same-metric"
    assert [(one["kind"], one["namespace"]) for one in finding["related"]] == [
        ("VerticalPodAutoscaler", running)
    ]


def test_a_file_takes_the_place_of_what_runs(
    plane: ControlPlane, running: str, tmp_path: Path
) -> None:
    status, found, _ = run(plane, written(tmp_path, running, HPA, MEMORY_VPA))
    assert status == 0, found
    assert [one["findings"] for one in found["results"]] == [[], []]


def test_a_namespace_that_is_still_to_be_made(plane: ControlPlane, tmp_path: Path) -> None:
    status, found, told = run(plane, written(tmp_path, "still-to-be-made", HPA))
    assert (status, told) == (0, "")
    assert (found["skipped"], found["summary"]["objects"]) == ([], 1)
