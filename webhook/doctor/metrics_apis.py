"""Whether HPAs get the numbers that they scale by: the aggregated APIs that serve them."""

from webhook.core.fields import Raw, mapping, members, text
from webhook.doctor.verdict import Verdict, fault, ok, warning

RESOURCE_METRICS = "v1beta1.metrics.k8s.io"
EXTERNAL_METRICS = "v1beta1.external.metrics.k8s.io"


def judge_resource_metrics(service: Raw | None) -> list[Verdict]:
    """Judge the APIService of cpu and memory, without which no HPA on them acts."""
    if service is None:
        message = f"there is no APIService {RESOURCE_METRICS}: no HPA on cpu or memory acts"
        command = (
            "kubectl apply -f https://github.com/kubernetes-sigs/metrics-server/releases/latest/"
            "download/components.yaml"
        )
        return [warning(message, "install the metrics server", command)]
    return [_judge(RESOURCE_METRICS, service, "no HPA on cpu or memory acts, and VPA is blind")]


def judge_external_metrics(service: Raw | None) -> list[Verdict]:
    """Judge the APIService of external metrics, where KEDA is installed: it serves them."""
    if service is None:
        message = f"there is no APIService {EXTERNAL_METRICS}, which KEDA makes"
        return [warning(message, "restart KEDA's operator")]
    return [_judge(EXTERNAL_METRICS, service, "no ScaledObject acts but on cpu and memory")]


def _judge(name: str, service: Raw, price: str) -> Verdict:
    for _, condition in members(mapping(service, "status"), "conditions"):
        if text(condition, "type") == "Available":
            if text(condition, "status") == "True":
                return ok(f"{name} is available")
            why = text(condition, "message") or text(condition, "reason")
            return fault(
                f"{name} is not available, {price}: {why}",
                "see what its Service and pods say",
                f"kubectl describe apiservice {name}",
            )
    return warning(f"whether {name} is available is not known yet", "ask again in a minute")
