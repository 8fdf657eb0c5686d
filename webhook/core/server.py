"""Whether pods are servers: whether somebody sends them requests, or they fetch their work."""

from collections.abc import Callable, Iterator

from webhook.core import classify
from webhook.core.ai_pod import AiPod
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.fields import annotation, mapping, members, text
from webhook.core.kinds import Kinds, WorkloadClass
from webhook.core.monitoring import is_for_monitoring
from webhook.core.pod import Container
from webhook.core.workload import MadePod

# What may measure anything, requests as well as the length of a queue: types of an HPA's metrics,
# and of KEDA's triggers (2.21, pkg/scaling/scalers_builder.go).
_ANYTHING = frozenset(
    {
        *("External", "Object", "aws-cloudwatch", "azure-app-insights", "azure-log-analytics"),
        *("azure-monitor", "datadog", "dynatrace", "elastic-forecast", "external"),
        *("external-push", "gcp-stackdriver", "graphite", "huawei-cloudeye", "influxdb"),
        *("kubernetes-resource", "kubernetes-workload", "loki", "metrics-api", "new-relic"),
        *("openstack-metric", "predictkube", "prometheus", "solarwinds", "splunk"),
        *("splunk-observability", "sumologic"),
    }
)
# What is about pods, or about the time of day. All other triggers of KEDA are work that pods fetch:
# queues, streams, tables.
_NO_WORK = frozenset({"Pods", "cron"})

_SCRAPED_PORT = "prometheus.io/port"
_NETWORK_PROBES = ("httpGet", "tcpSocket", "grpc")


def fetches_work(scaler: Scaler) -> bool:
    """Whether pods are scaled by work that they fetch by themselves."""
    return bool(scaler.source_types - _ANYTHING - _NO_WORK)


def why_a_server(
    scaler: Scaler, made: MadePod, recognised: Callable[[], AiPod | None], kinds: Kinds
) -> str | None:
    """Say by what a pod is a server that a Service should select; None where it may be none.

    Workers, too, have ports for metrics and answer liveness probes, so these say nothing. Where
    the scaler's metric may be a queue, an open port does not say enough: it has to be that of an
    inference server. What listens on its node is reached there, without a Service.
    """
    main = made.main
    if main is None or _is_on_its_node(made):
        return None
    port = next(_ports(made, main), None)
    if scaler.source_types & _ANYTHING and not (port and _inference(made, recognised(), kinds)):
        return None
    if port is not None:
        return f"container {main.name} has port {port}"
    readiness = mapping(main.raw, "readinessProbe")
    if any(mapping(readiness, name) for name in _NETWORK_PROBES):
        return f"container {main.name} answers a readiness probe"
    return _inference(made, recognised(), kinds)


def _is_on_its_node(made: MadePod) -> bool:
    return mapping(made.pod, "spec").get("hostNetwork") is True or any(
        port.get("hostPort") for one in made.containers for _, port in members(one.raw, "ports")
    )


def _ports(made: MadePod, container: Container) -> Iterator[str]:
    """Yield the ports that are for more than monitoring, as a person calls them."""
    scraped = annotation(made.pod, _SCRAPED_PORT)
    for _, port in members(container.raw, "ports"):
        name, number = text(port, "name"), str(port.get("containerPort"))
        if not is_for_monitoring(name) and (name or number != scraped):
            yield f"{name} ({number})" if name else number


def _inference(made: MadePod, ai_pod: AiPod | None, kinds: Kinds) -> str | None:
    """Say by what a pod is an inference server: a person's word, or the image of a server.

    A GPU in a Deployment is not enough: that may as well work off a queue.
    """
    if ai_pod is None or ai_pod.workload_class is not WorkloadClass.INFERENCE:
        return None
    evidence = ai_pod.evidence if not ai_pod.evidence.guessed else None
    found = evidence or classify.by_image(made.containers, kinds)
    return f"it is an inference server: {found.why}" if found is not None else None
