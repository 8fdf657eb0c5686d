"""Whether what stands behind a metric's name selects other pods than those of a workload.

PromQL's matchers (`{namespace="shop", pod=~"web-.*"}`), Datadog's tags (`{kube_namespace:shop}`)
and Cloud Monitoring's filters (`resource.labels.namespace_name="shop"`) are looked at, and only
what is plain in them: a value with a variable or a function, or a pattern that takes a reader, may
mean anything.
"""

import re

from webhook.core.autoscalers.target import WELL_KNOWN, WorkloadKey

# Room for the rest of a name behind what was found, and for the matchers that one selector has.
LONGEST_NAME = 256
LONGEST_SELECTOR = 1024

_REST = re.compile(r"[\w:.|/]* ?")
_MATCHER = re.compile(r'(?<![\w.])([A-Za-z_][\w.]*)\s?(=~|!=|!~|=|:)\s?"?([^",}\n]*)')
_PATTERN = re.compile(r"[.*+?\[\]{}\\^]")

# A variable, a group of a pattern, a function of Cloud Monitoring's (`starts_with("web-")`).
_TAKES_A_READER = frozenset("$(")

# What these stand behind may be absent.
_OPTIONAL = frozenset("*?{")

_NAMESPACES = frozenset(
    {"namespace", "exported_namespace", "kubernetes_namespace", "kube_namespace", "namespace_name"}
)
_PODS = frozenset({"pod", "pod_name", "exported_pod", "kubernetes_pod_name", "podname"})
_WORKLOADS = {
    "deployment": "Deployment",
    "kube_deployment": "Deployment",
    "statefulset": "StatefulSet",
    "kube_stateful_set": "StatefulSet",
}
_SERVICES = frozenset({"job", "app", "service", "app_kubernetes_io_name"})

# The usage of the whole node.
ROOT_OF_CADVISOR = ("id", ("/", True))

# Operators whose values are patterns, or may be (Datadog's).
_LOOSE = frozenset({"=~", ":"})

# In Cloud Monitoring a filter names the metric as a value among the labels.
_FILTER = "metric.type"


def is_read(label: str) -> bool:
    """Whether it matters what a label is compared with."""
    name = label.rpartition(".")[2].lower()
    return name in _NAMESPACES | _PODS | _WORKLOADS.keys() | _SERVICES | {ROOT_OF_CADVISOR[0]}


def means_others(expression: str, end: int, target: WorkloadKey | None) -> bool:
    """Whether the selector behind a name, found up to `end`, plainly means others."""
    if target is None:
        return False
    rest = _REST.match(expression, end, end + LONGEST_NAME)
    at = rest.end() if rest is not None else end
    if expression.startswith("{", at):
        # One that is not closed says nothing: so all of them together are read once, not each to
        # its bound.
        selector = expression[at : expression.find("}", at, at + LONGEST_SELECTOR) + 1]
    elif len(expression) <= LONGEST_SELECTOR and _FILTER in expression:
        selector = expression
    else:
        return False
    for found in _MATCHER.finditer(selector):
        label, operator, value = found.group(1, 2, 3)
        if operator[0] != "!" and value and _TAKES_A_READER.isdisjoint(value):
            alternatives = _alternatives(value) if operator in _LOOSE else [(value, True)]
            name = label.rpartition(".")[2].lower()
            if not any(_may_select(name, one, target) for one in alternatives):
                return True
    return False


def _may_select(label: str, alternative: "_Alternative", target: WorkloadKey) -> bool:
    """Whether a label with such a value may be that of the workload's pods."""
    if label in _NAMESPACES:
        return _may_be(alternative, target.namespace)
    if label in _WORKLOADS:
        return target.kind == _WORKLOADS[label] and _may_be(alternative, target.name)
    if label in _PODS and target.kind in WELL_KNOWN:
        return _may_be_pod(alternative, target.name)
    if label in _SERVICES:
        return _is_akin(alternative, target.name)
    return (label, alternative) != ROOT_OF_CADVISOR


_Alternative = tuple[str, bool]
"""How a value begins, and whether that is all of it."""


def _alternatives(pattern: str) -> list[_Alternative]:
    """The beginnings of what a pattern matches; one that is empty where it is no plain pattern."""
    return [_beginning(one) for one in pattern.split("|")]


def _beginning(pattern: str) -> _Alternative:
    found = _PATTERN.search(pattern)
    if found is None:
        return pattern, True
    begins = pattern[: found.start()]
    return begins[:-1] if found.group() in _OPTIONAL else begins, False


def _may_be(alternative: _Alternative, name: str) -> bool:
    begins, is_all = alternative
    return begins == name if is_all else name.startswith(begins)


def _may_be_pod(alternative: _Alternative, workload: str) -> bool:
    """Whether it may be a pod of a workload, which is called after it: `web-5d4f-x7k`, `web-0`.

    CloudWatch calls the workload itself a PodName.
    """
    begins, is_all = alternative
    pods = f"{workload}-"
    if is_all:
        return begins == workload or begins.startswith(pods)
    return begins.startswith(pods) or pods.startswith(begins)


def _is_akin(alternative: _Alternative, workload: str) -> bool:
    """Whether the name of a service may be that of a workload: one is part of the other."""
    begins, _ = alternative
    return begins in workload or workload in begins
