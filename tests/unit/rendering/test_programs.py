"""Programs that render: found on the PATH, bounded, and without the network."""

import os
import time
from pathlib import Path

import pytest

from webhook.rendering import programs
from webhook.rendering.programs import CannotRenderError, Programs, on_the_path, output_of
from webhook.rendering.roots import Root

CHART = Root("web/Chart.yaml", "web")
KUSTOMIZATION = Root("over/kustomization.yaml", None)


def program(folder: Path, name: str, script: str) -> str:
    """Put a program of our own on the disk."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return str(path)


def run(folder: Path, script: str) -> bytes:
    return output_of(CHART, Programs(helm=(program(folder, "helm", script), "template")), ())


def test_programs_are_found_and_kubectl_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert on_the_path() == Programs()
    assert on_the_path().names == frozenset()
    kubectl = program(tmp_path, "kubectl", "")
    assert on_the_path() == Programs(kustomize=(kubectl, "kustomize"))
    kustomize, helm = (program(tmp_path, name, "") for name in ("kustomize", "helm"))
    assert on_the_path() == Programs((helm, "template"), (kustomize, "build"))
    assert on_the_path().names == {"helm", "kustomize"}


def test_what_helm_is_told(tmp_path: Path) -> None:
    helm = program(tmp_path, "helm", 'printf "%s\\n" "$@"')
    told = output_of(CHART, Programs(helm=(helm, "template")), ("a.yaml", "b.yaml")).decode()
    words = told.split()
    assert words[:5] == ["template", "web", "web", "--namespace", "default"]
    assert words[-4:] == ["--values", "a.yaml", "--values", "b.yaml"]
    assert "autoscaling.k8s.io/v1/VerticalPodAutoscaler" in words
    assert "--include-crds" not in words


@pytest.mark.parametrize(
    ("chart", "release"),
    [("web", "web"), ("a-b-2", "a-b-2"), ("Web", "release-name"), ("a" * 54, "release-name")],
)
def test_the_release_is_called_as_the_chart_where_it_can_be(
    tmp_path: Path, chart: str, release: str
) -> None:
    helm = program(tmp_path, "helm", 'echo "$2 $3"')
    root = Root("-odd/Chart.yaml", chart)
    told = output_of(root, Programs(helm=(helm, "template")), ()).decode()
    assert told == f"{release} ./-odd\n"


def test_neither_network_nor_cluster_is_within_reach(tmp_path: Path) -> None:
    names = ("https_proxy", "HTTP_PROXY", "NO_PROXY", "GIT_ALLOW_PROTOCOL", "KUBECONFIG")
    words = " ".join(f'"${name}"' for name in names)
    told = run(tmp_path, f'printf "%s|" {words}').decode()
    assert told == f"http://127.0.0.1:9|http://127.0.0.1:9||file|{os.devnull}|"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Error: it is broken' >&2; exit 1", "it is broken"),
        ("printf 'Error: a\\n\\n b\\n' >&2; exit 1", "a; b"),
        ("exit 3", "helm failed without a word"),
        (
            "echo 'Error: found in Chart.yaml, but missing in charts/ directory: a, b' >&2; exit 1",
            "dependencies of the chart are missing: a, b; run `helm dependency build`",
        ),
        ("exec head -c 4000 /dev/zero", "it renders more than 0 MiB"),
        ("exec sleep 30", "helm was not done after 0 s"),
        ("sleep 30 & sleep 30", "helm was not done after 0 s"),
    ],
)
def test_what_goes_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(programs, "RENDER_SECONDS", 0.4 if "sleep" in script else 60.0)
    monkeypatch.setattr(programs, "LARGEST_BYTES", 1000)
    began = time.monotonic()
    with pytest.raises(CannotRenderError) as told:
        run(tmp_path, script)
    assert str(told.value) == reason
    assert time.monotonic() - began < 20


def test_the_network_is_named_and_kubectl_speaks_as_kustomize(tmp_path: Path) -> None:
    said = (
        """E1127 20:37:38.169844   32458 run.go:72] "command failed" err="Get: proxyconnect tcp"""
    )
    build = program(tmp_path, "kubectl", f"echo '{said}' >&2; exit 1")
    with pytest.raises(CannotRenderError) as told:
        output_of(KUSTOMIZATION, Programs(kustomize=(build, "kustomize")), ())
    assert str(told.value) == (
        "it asks for something over the network, which reviews do not; pipe it in: "
        "Get: proxyconnect tcp"
    )


def test_a_program_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(CannotRenderError, match=r"^kustomize cannot be started: No such file"):
        output_of(KUSTOMIZATION, Programs(kustomize=(str(tmp_path / "kustomize"), "build")), ())
