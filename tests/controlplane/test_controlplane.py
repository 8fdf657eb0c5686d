"""The control plane itself: it comes up, plays a cluster, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.controlplane import build, catalogue, cluster, toolchain

if TYPE_CHECKING:
    from collections.abc import Iterator

_GPU = "nvidia.com/gpu"
_TAINT = {"key": _GPU, "value": "true", "effect": "NoSchedule"}


def test_a_program_in_kubebuilder_assets_is_taken_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "etcd"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert build.binary("etcd") == own


def test_without_go_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SCALEGUARD_TEST_CACHE", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    toolchain.go_identity.cache_clear()
    with pytest.raises(build.ToolchainError, match=r"Install Go 1\.\d+"):
        build.binary("opa")


def test_every_group_has_a_version_and_every_package_a_tool_line() -> None:
    for program in catalogue.PROGRAMS.values():
        assert catalogue.module_version(program.group).startswith("v")
        text = (catalogue.MODULES / program.group / "go.mod").read_text(encoding="utf-8")
        assert program.package in text.split("require", 1)[0]


@pytest.fixture(scope="module")
def plane() -> Iterator[cluster.ControlPlane]:
    with cluster.ControlPlane(kwok=True) as running:
        running.install_crds("vpa", "keda")
        running.add_node("gpu", allocatable={_GPU: "4"}, taints=[_TAINT])
        yield running


def _pod(name: str, tolerations: list[dict[str, str]]) -> str:
    container = {"name": "main", "image": "x", "resources": {"limits": {_GPU: "1"}}}
    spec = {"containers": [container], "tolerations": tolerations}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    return json.dumps(pod)


@pytest.mark.controlplane
@pytest.mark.slow
def test_controllers_make_the_pods_of_a_deployment(plane: cluster.ControlPlane) -> None:
    plane.kubectl("create", "deployment", "web", "--image=x", "--replicas=2")
    condition = "--for=jsonpath={.status.replicas}=2"
    plane.kubectl("wait", condition, "deployment/web", "--timeout=30s")


@pytest.mark.controlplane
@pytest.mark.slow
def test_the_scheduler_puts_only_a_tolerating_pod_on_a_tainted_node(
    plane: cluster.ControlPlane,
) -> None:
    plane.kubectl("create", "-f", "-", input=_pod("intolerant", []))
    tolerations = [{"key": _GPU, "operator": "Exists"}]
    plane.kubectl("create", "-f", "-", input=_pod("tolerant", tolerations))
    plane.kubectl("wait", "--for=condition=Ready", "pod/tolerant", "--timeout=30s")
    reason = "--for=jsonpath={.status.conditions[0].reason}=Unschedulable"
    plane.kubectl("wait", reason, "pod/intolerant", "--timeout=30s")


@pytest.mark.controlplane
@pytest.mark.slow
def test_rbac_holds_for_other_users(plane: cluster.ControlPlane) -> None:
    done = plane.kubectl("get", "pods", kubeconfig=plane.user("jane"), check=False)
    assert done.returncode == 1
    assert 'User "jane" cannot list resource "pods"' in done.stderr


@pytest.mark.controlplane
@pytest.mark.slow
def test_the_crds_are_the_real_ones(plane: cluster.ControlPlane) -> None:
    names = plane.kubectl("get", "crds", "-o", "name").stdout
    assert "verticalpodautoscalers.autoscaling.k8s.io" in names
    assert "scaledobjects.keda.sh" in names


@pytest.mark.controlplane
@pytest.mark.slow
def test_a_component_that_fails_is_named_with_its_log() -> None:
    arguments = {"kube-apiserver": ["--no-such-flag"]}
    with pytest.raises(cluster.ControlPlaneError, match=r"(?s)kube-apiserver ended.*no-such-flag"):
        cluster.ControlPlane(arguments=arguments).start()


@pytest.mark.controlplane
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_nothing_outlives_a_killed_process(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(cluster.__file__)), "up", f"--folder={tmp_path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("export KUBECONFIG=")
        assert _mentioning(str(tmp_path))
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while _mentioning(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _mentioning(str(tmp_path)) == []


def _mentioning(text: str) -> list[int]:
    """Return the ids of the processes with this text in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in line:
            found.append(int(entry.name))
    return found
