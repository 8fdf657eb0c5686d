"""Metrics that read cpu or memory usage under another name."""

import re
from collections.abc import Iterator

from webhook.core.pod import CPU, MEMORY

# Longest expression that is searched: a PromQL query is far shorter, and the work stays bounded.
LONGEST_EXPRESSION = 8192

# cAdvisor's usage series, the recording rules of kubernetes-mixin on them, and the names under
# which adapters serve them (a suffix such as `_rate`).
_USAGE = {
    CPU: re.compile(
        r"container_cpu_usage|node_namespace_pod_container:container_cpu|pod_cpu_usage"
    ),
    MEMORY: re.compile(
        r"container_memory_(?:working_set|rss|usage)"
        r"|node_namespace_pod_container:container_memory|pod_memory_(?:working_set|usage)"
    ),
}
_REQUESTS = "kube_pod_container_resource_requests"


def resources_behind(expression: str) -> Iterator[tuple[str, bool]]:
    """Yield (resource, is relative to the request) for each resource that an expression reads."""
    searched = expression[:LONGEST_EXPRESSION]
    for resource, usage in _USAGE.items():
        if usage.search(searched):
            yield resource, _REQUESTS in searched
