"""Metrics that read cpu or memory usage of pods under another name.

A name proves less than a Resource metric does, so nobody parses expressions here: names are
searched as they are written, in all of an expression however long it is, and what stands in the
braces behind one is asked only whether it can mean other pods.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from webhook.core.autoscalers.scaler import AliasClaim, MetricClaim
from webhook.core.autoscalers.selectors import means_others
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.pod import CPU, MEMORY

# A name that stands in an expression more often than this counts without a look at each selector.
MOST_SELECTORS = 64

# What the usage of pods is called, and by whom: searched as plain text, in time that grows with the
# expression and nothing else (a body of 3 MB takes 0.1 s). What reads of nodes (`node_cpu_…`), of
# devices (`DCGM_…`), of throttling or of requests alone has other names.
USAGE = {
    CPU: (
        # cAdvisor, the kubelet, and kubernetes-mixin's recording rules; adapters add suffixes
        "container_cpu_usage",
        "pod_cpu_usage",
        "node_namespace_pod_container:container_cpu",
        # CloudWatch Container Insights
        "pod_cpu_utilization",
        "container_cpu_utilization",
        # Google Cloud Monitoring: by itself, through the Stackdriver adapter, as PromQL
        *(
            f"container{mark}cpu{mark}{name}"
            for mark in ("/", "|", "_")
            for name in ("core_usage_time", "request_utilization", "limit_utilization")
        ),
        # Datadog
        "kubernetes.cpu.usage",
        "container.cpu.usage",
        "docker.cpu.usage",
        # Azure Monitor
        "cpuUsageNanoCores",
        # what a server tells of its own process
        "process_cpu_seconds_total",
        "process_cpu_usage",
    ),
    MEMORY: (
        "container_memory_working_set",
        "container_memory_rss",
        "container_memory_usage",
        "pod_memory_working_set",
        "pod_memory_usage",
        "node_namespace_pod_container:container_memory",
        "pod_memory_utilization",
        "container_memory_utilization",
        *(
            f"container{mark}memory{mark}{name}"
            for mark in ("/", "|", "_")
            for name in ("used_bytes", "request_utilization", "limit_utilization")
        ),
        "kubernetes.memory.usage",
        "kubernetes.memory.working_set",
        "kubernetes.memory.rss",
        "container.memory.usage",
        "container.memory.working_set",
        "container.memory.rss",
        "docker.mem.rss",
        "memoryWorkingSetBytes",
        "memoryRssBytes",
        "process_resident_memory_bytes",
        "go_memstats_heap_inuse_bytes",
        "go_memstats_heap_alloc_bytes",
        "go_memstats_alloc_bytes",
        "go_memstats_sys_bytes",
        "nodejs_heap_size_used_bytes",
        "nodejs_heap_space_size_used_bytes",
        "nodejs_external_memory_bytes",
        "jvm_memory_used_bytes",
    ),
}

# The same text with something behind it: how fast is allocated is load, not usage.
_OTHERWISE = "go_memstats_alloc_bytes_total"

# In Azure Monitor the counters of nodes and containers share their names.
_AZURE_NODES = "K8SNode"
_AZURE = frozenset({"cpuUsageNanoCores", "memoryWorkingSetBytes", "memoryRssBytes"})

_RELATIVE = {
    "request": (
        "kube_pod_container_resource_requests",
        "kube_pod_resource_request",
        "request_utilization",
        "kubernetes.cpu.requests",
        "kubernetes.memory.requests",
        "container.cpu.request",
        "container.memory.request",
    ),
    "limit": (
        "kube_pod_container_resource_limits",
        "kube_pod_resource_limit",
        "limit_utilization",
        "_over_pod_limit",
        "_over_container_limit",
        "container_spec_cpu_quota",
        "container_spec_memory_limit_bytes",
        "kubernetes.cpu.limits",
        "kubernetes.memory.limits",
        "kubernetes.memory.usage_pct",
        "container.cpu.limit",
        "container.memory.limit",
    ),
}


class Expression(NamedTuple):
    """A name or query of something that is measured, and where it stands."""

    text: str
    path: str


def sorted_out(
    read: Iterable[MetricClaim | Expression], target: WorkloadKey | None
) -> tuple[tuple[MetricClaim, ...], tuple[AliasClaim, ...]]:
    """Part what a scaler reads into metrics of resources, and expressions that read resources."""
    metrics: list[MetricClaim] = []
    aliases: list[AliasClaim] = []
    for one in read:
        if isinstance(one, MetricClaim):
            metrics.append(one)
            continue
        for resource, relative_to in resources_behind(one.text, target):
            aliases.append(AliasClaim(resource, one.text, one.path, relative_to))
    return tuple(metrics), tuple(aliases)


def resources_behind(
    expression: str, target: WorkloadKey | None
) -> Iterator[tuple[str, str | None]]:
    """Yield (resource, what it is relative to) for each resource that an expression reads of pods.

    `target` is the workload that is scaled: what plainly selects other pods is left out.
    """
    for resource, names in USAGE.items():
        if any(_reads(expression, name, target) for name in names):
            yield resource, _relative_to(expression)


def names_usage(expression: str) -> bool:
    """Whether an expression names the usage of a resource, be it of other pods."""
    return any(name in expression for names in USAGE.values() for name in names)


def _reads(expression: str, name: str, target: WorkloadKey | None) -> bool:
    if name in _AZURE and _AZURE_NODES in expression:
        return False
    at = -1
    for _ in range(MOST_SELECTORS):
        at = expression.find(name, at + 1)
        if at < 0:
            return False
        other = expression.startswith(_OTHERWISE, at)
        if not other and not means_others(expression, at + len(name), target):
            return True
    return True


def _relative_to(expression: str) -> str | None:
    """Whether usage is divided by the request or the limit: by the names of those beside it."""
    return next(
        (
            relative
            for relative, names in _RELATIVE.items()
            if any(name in expression for name in names)
        ),
        None,
    )
