"""Which programs the tests need, and the Go module of each.

Every group is a Go module of its own under ``modules/``: versions that one program wants
cannot then change what another is built with. The versions themselves stand in go.mod only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent / "modules"


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its name, the folder under ``modules/`` and the Go package it is built from."""

    name: str
    group: str
    package: str


_KUBERNETES = "k8s.io/kubernetes"
_VPA = "k8s.io/autoscaler/vertical-pod-autoscaler"

PROGRAMS: dict[str, Program] = {
    program.name: program
    for program in (
        Program("opa", "opa", "github.com/open-policy-agent/opa"),
        Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
        Program("kube-apiserver", "kubernetes", f"{_KUBERNETES}/cmd/kube-apiserver"),
        Program(
            "kube-controller-manager", "kubernetes", f"{_KUBERNETES}/cmd/kube-controller-manager"
        ),
        Program("kube-scheduler", "kubernetes", f"{_KUBERNETES}/cmd/kube-scheduler"),
        Program("kubectl", "kubernetes", f"{_KUBERNETES}/cmd/kubectl"),
        Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
        Program("karpenter", "karpenter", "sigs.k8s.io/karpenter/kwok"),
        Program("keda-operator", "keda", "github.com/kedacore/keda/v2/cmd/operator"),
        Program("helm", "helm", "helm.sh/helm/v4/cmd/helm"),
        Program("vpa-recommender", "vpa", f"{_VPA}/pkg/recommender"),
        Program("vpa-updater", "vpa", f"{_VPA}/pkg/updater"),
        Program("vpa-admission-controller", "vpa", f"{_VPA}/pkg/admission-controller"),
        Program("vegeta", "vegeta", "github.com/tsenart/vegeta/v12"),
    )
}

# The module that gives a group its version, and that its manifests are taken from.
GROUP_MODULES: dict[str, str] = {
    "cert-manager": "github.com/cert-manager/cert-manager",
    "etcd": "go.etcd.io/etcd/server/v3",
    "helm": "helm.sh/helm/v4",
    "karpenter": "sigs.k8s.io/karpenter",
    "keda": "github.com/kedacore/keda/v2",
    "kubernetes": _KUBERNETES,
    "kwok": "sigs.k8s.io/kwok",
    "opa": "github.com/open-policy-agent/opa",
    "openreports": "github.com/openreports/reports-api",
    "policyreports": "github.com/kyverno/kyverno",
    "prometheus-operator": "github.com/prometheus-operator/prometheus-operator",
    "vegeta": "github.com/tsenart/vegeta/v12",
    "vpa": _VPA,
}

# Where the CustomResourceDefinitions lie inside the group's module.
CRD_PATTERNS: dict[str, tuple[str, ...]] = {
    "cert-manager": ("deploy/crds/*.yaml",),
    "karpenter": ("pkg/apis/crds/*.yaml", "kwok/apis/crds/*.yaml"),
    "keda": ("config/crd/bases/*.yaml",),
    "openreports": ("config/crd/*.yaml",),
    "policyreports": ("config/crds/policyreport/*.yaml",),
    "prometheus-operator": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    "vpa": ("deploy/vpa-v1-crd-gen.yaml",),
}


def module_version(group: str) -> str:
    """Return the version of the group's module, such as ``v1.37.2``, from its go.mod."""
    module = GROUP_MODULES[group]
    text = (MODULES / group / "go.mod").read_text(encoding="utf-8")
    found = re.search(rf"^(?:require)?\s+{re.escape(module)} (v\S+)", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"modules/{group}/go.mod does not require {module}")
    return found.group(1)


def linker_flags(group: str) -> str:
    """Return the ``-ldflags`` for a group's programs."""
    # -s -w: nobody debugs these, and without the tables linking is quicker and the cache smaller.
    flags = ["-s", "-w"]
    version = module_version(group)
    if group == "kubernetes":
        # Without these the server calls itself v0.0.0 and clients refuse features by version.
        major, minor, _ = version.removeprefix("v").split(".", 2)
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            flags += [
                f"-X {package}.gitVersion={version}",
                f"-X {package}.gitMajor={major}",
                f"-X {package}.gitMinor={minor}",
            ]
    elif group == "helm":
        flags.append(f"-X helm.sh/helm/v4/internal/version.version={version}")
    return " ".join(flags)


def select(names: list[str]) -> list[Program]:
    """Return the programs meant by names of programs or groups, or by ``all``, each once."""
    chosen: dict[str, Program] = {}
    for name in names:
        matches = [
            program for program in PROGRAMS.values() if name in ("all", program.name, program.group)
        ]
        if not matches:
            raise KeyError(f"no program or group is called {name!r}; --list shows them")
        chosen.update({program.name: program for program in matches})
    return list(chosen.values())
