"""What an expression reads of pods, and whether it plainly means other pods than a workload's."""

import pytest

from webhook.core.autoscalers.alias import Expression, names_usage, resources_behind, sorted_out
from webhook.core.autoscalers.scaler import AliasClaim, MetricClaim, TargetType
from webhook.core.autoscalers.selectors import LONGEST_NAME, LONGEST_SELECTOR, is_read, means_others
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.pod import CPU, MEMORY

WEB = WorkloadKey("shop", "apps", "Deployment", "web")
ROLLOUT = WorkloadKey("shop", "argoproj.io", "Rollout", "web")


def reads(expression: str, target: WorkloadKey | None = WEB) -> list[tuple[str, str | None]]:
    return list(resources_behind(expression, target))


@pytest.mark.parametrize(
    "selector",
    [
        'namespace="shop"',
        'exported_namespace="shop"',
        'namespace=~"sh.*"',
        'namespace=~"api|shop"',
        'namespace=~"shops?"',
        'namespace=~"shopx*"',
        'namespace=~"shopx{0}"',
        'namespace=~"(api|shop)"',
        'namespace=~"api(-eu)|.*"',
        'namespace=~".+"',
        'namespace="$namespace"',
        'namespace=~"${namespace}"',
        'namespace!="api"',
        'namespace!~"api.*"',
        'namespace=""',
        'pod="web-5d4f-x7k"',
        'pod="web"',
        'pod=~"web-.*"',
        'pod=~"we.*"',
        'pod=~"web-5d4f-.*"',
        'pod=~"webs?-.*"',
        'pod =~ "web-.*"',
        'Pod="web-0"',
        'deployment="web"',
        'deployment=~"web|api"',
        'job="web"',
        'job="web-metrics"',
        'job=~"we.*"',
        'service="we"',
        'id="/kubepods/pod1"',
        'container="api"',
        'my_namespace="api"',
        'namespace="shop",pod=~"web-.*"',
    ],
)
def test_what_may_select_pods_of_the_workload(selector: str) -> None:
    expression = f"container_memory_rss{{{selector}}}"
    assert reads(expression) == [(MEMORY, None)]


@pytest.mark.parametrize(
    "selector",
    [
        'namespace="api"',
        'namespace="sho"',
        'namespace="shop|api"',
        'namespace=~"shop-.*"',
        'namespace=~"sho"',
        'namespace=~"api|sho"',
        'namespace=~"shapes?"',
        'namespace=~"shoxs?"',
        'namespace=~"api|shopping"',
        'kubernetes_namespace="api"',
        'kube_namespace="api"',
        "kube_namespace:api",
        'pod="web2-0"',
        'pod="we"',
        'pod=~"webs+-.*"',
        'pod=~"api-.*"',
        'POD="api-0"',
        'pod_name="api-0"',
        'deployment="api"',
        'statefulset="web"',
        'kube_stateful_set="web"',
        'job="api"',
        'app="api"',
        'id="/"',
        'namespace="shop",pod=~"api-.*"',
        'namespace="$namespace",pod="api-0"',
        'namespace = "api"',
    ],
)
def test_what_plainly_selects_others(selector: str) -> None:
    assert reads(f"container_memory_rss{{{selector}}}") == []


def test_pods_of_other_kinds_may_have_any_name() -> None:
    expression = 'container_memory_rss{pod=~"api-.*"}'
    assert reads(expression, WEB) == []
    assert reads(expression, ROLLOUT) == [(MEMORY, None)]
    assert reads('container_memory_rss{deployment="web"}', ROLLOUT) == []


def test_without_a_workload_nobody_is_another() -> None:
    assert reads('container_memory_rss{namespace="api"}', None) == [(MEMORY, None)]


def test_the_selector_stands_behind_the_rest_of_the_name() -> None:
    name = "container_memory_working_set"
    for rest in ("", "_bytes", "_bytes ", "/x|y.z:sum"):
        assert reads(f'{name}{rest}{{namespace="api"}}') == []
    for rest in ("[5m]", "  ", ") by (x)", "_" * LONGEST_NAME + "_"):
        assert reads(f'{name}{rest}{{namespace="api"}}') == [(MEMORY, None)]


def test_a_selector_is_read_to_its_bound() -> None:
    name, selector = "container_memory_rss", '{namespace="api"'
    for more, others in ((0, True), (1, False)):
        padding = " " * (LONGEST_SELECTOR - len(selector) - 1 + more)
        expression = f"{name}{selector}{padding}}}"
        assert means_others(expression, len(name), WEB) is others


def test_a_filter_of_cloud_monitoring_is_a_selector_to_its_bound() -> None:
    name = "kubernetes.io/container/memory/used_bytes"
    written = f'metric.type="{name}" resource.labels.namespace_name="api"'
    end = written.index(name) + len(name)
    assert means_others(written, end, WEB)
    assert means_others(written.ljust(LONGEST_SELECTOR), end, WEB)
    assert not means_others(written.ljust(LONGEST_SELECTOR + 1), end, WEB)
    assert not means_others(written.replace("metric.type", "type"), end - len("metric."), WEB)
    for function in ('starts_with("sh")', 'monitoring.regex.full_match("shop.*")'):
        assert not means_others(written.replace('"api"', function), end, WEB)


def test_each_place_of_a_name_is_looked_at() -> None:
    other, ours = 'container_memory_rss{pod="api-0"}', 'container_memory_rss{pod="web-0"}'
    assert reads(f"{other} + {ours}") == [(MEMORY, None)]
    assert reads(f"{ours} + {other}") == [(MEMORY, None)]
    assert reads(f"{other} + {other}") == []


def test_how_fast_is_allocated_is_not_how_much_is_used() -> None:
    assert reads("rate(go_memstats_alloc_bytes_total[5m])") == []
    assert reads("go_memstats_alloc_bytes") == [(MEMORY, None)]
    assert reads("rate(go_memstats_alloc_bytes_total[5m]) + go_memstats_alloc_bytes") == [
        (MEMORY, None)
    ]


def test_the_counters_of_azures_nodes_are_not_those_of_containers() -> None:
    for counter, resource in (
        ("cpuUsageNanoCores", CPU),
        ("memoryWorkingSetBytes", MEMORY),
        ("memoryRssBytes", MEMORY),
    ):
        query = f'Perf | where CounterName == "{counter}" and ObjectName == '
        assert reads(query + '"K8SContainer"') == [(resource, None)]
        assert reads(query + '"K8SNode"') == []
    assert reads("container_memory_rss K8SNode") == [(MEMORY, None)]


def test_both_resources_in_their_order_and_what_they_are_relative_to() -> None:
    usage = "container_memory_rss + container_cpu_usage_seconds_total"
    assert reads(usage) == [(CPU, None), (MEMORY, None)]
    for other, relative in (
        ("kube_pod_container_resource_requests", "request"),
        ("kube_pod_container_resource_limits", "limit"),
    ):
        assert reads(f"{usage} / {other}") == [(CPU, relative), (MEMORY, relative)]


def test_metrics_and_expressions_are_parted_in_their_order() -> None:
    claims = [
        MetricClaim(name, None, TargetType.UTILIZATION, "70%", f"metrics[{index}]")
        for index, name in enumerate((MEMORY, CPU))
    ]
    read = Expression("container_memory_rss", "metrics[2]")
    none = Expression("queue_length", "metrics[3]")
    assert sorted_out([claims[0], read, none, claims[1]], WEB) == (
        tuple(claims),
        (AliasClaim(MEMORY, "container_memory_rss", "metrics[2]", None),),
    )


def test_the_names_of_usage_are_told_whoevers_it_is() -> None:
    assert names_usage('sum(container_memory_rss{namespace="api"})')
    assert names_usage("process_cpu_usage")
    assert not names_usage("queue_length")


@pytest.mark.parametrize(
    ("label", "read"),
    [
        *((label, True) for label in ("namespace", "resource.labels.namespace_name", "Namespace")),
        *((label, True) for label in ("pod", "podname", "deployment", "kube_stateful_set")),
        *((label, True) for label in ("job", "app_kubernetes_io_name", "id")),
        *((label, False) for label in ("container", "le", "", "/", "namespace.x")),
    ],
)
def test_labels_that_say_whose_a_metric_is(label: str, *, read: bool) -> None:
    assert is_read(label) is read
