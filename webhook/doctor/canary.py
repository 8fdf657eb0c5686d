"""Objects that are created by dry run, to see whether the API server asks, and what comes of it.

Nothing is stored. A GPU pod has to come back fitted: the way to /mutate. An HPA that can never
change anything has to come back with a warning: the way to /validate, in one object.
"""

from typing import Any

from webhook.core.fields import annotation, text
from webhook.core.mode import Mode
from webhook.core.mutations.marks import MUTATIONS_ANNOTATION
from webhook.doctor.calling import why_not_called
from webhook.doctor.installation import Installation
from webhook.doctor.verdict import Verdict, fault, ok, unseen, warning

NAME = "scaleguard-doctor"
RULE = "hpa-no-effect"
_GPU = "nvidia.com/gpu"
_NOT_CALLED = "failed calling webhook"
_OURS = ".scaleguard.io"
_DENIED = 'autoscalers.scaleguard.io" denied the request'


def pod() -> dict[str, Any]:
    """A GPU pod that the strictest Pod Security Standard lets in."""
    container = {
        "name": "app",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"limits": {_GPU: "1"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME},
        "spec": {"containers": [container]},
    }


def hpa() -> dict[str, Any]:
    """An HPA with as many replicas at most as at least."""
    target = {"type": "Utilization", "averageUtilization": 80}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
            "minReplicas": 1,
            "maxReplicas": 1,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def judge_pod(
    status: int, body: dict[str, Any], installation: Installation, mode: Mode | None
) -> Verdict:
    """Judge what came back for the GPU pod; `mode` is the configuration's, None if unknown."""
    if not _is_created(status):
        return _refused("GPU pod", status, body, installation)
    said = annotation(body, MUTATIONS_ANNOTATION)
    if said:
        return ok(f"a GPU pod comes back fitted ({said})")
    if mode is Mode.AUDIT:
        return unseen("a GPU pod comes back as it was sent: mode audit changes nothing")
    return _unasked("a GPU pod comes back as it was sent", mode)


def judge_hpa(  # noqa: PLR0913 - the answer, and what explains it
    status: int,
    body: dict[str, Any],
    warnings: tuple[str, ...],
    installation: Installation,
    mode: Mode | None,
    *,
    is_heard: bool = True,
) -> Verdict:
    """Judge what came back for the HPA; `is_heard`: whether the configuration lets that rule warn.

    Any word of any rule shows that the webhook was asked.
    """
    if _DENIED in text(body, "message"):
        return ok("an HPA without effect is refused, as configured")
    if not _is_created(status):
        return _refused("HPA", status, body, installation)
    if any(one.startswith("[") for one in warnings):
        return ok("an HPA without effect comes back with a warning")
    if mode is Mode.AUDIT or not is_heard:
        return unseen(f"an HPA comes back without a warning: {RULE} is configured to be silent")
    return _unasked("an HPA without effect comes back without a warning", mode)


def _is_created(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - as HTTP groups them


def _unasked(what: str, mode: Mode | None) -> Verdict:
    known = "" if mode is not None else " (unless config.mode is audit, which nobody may read here)"
    why = "the API server did not ask, or got no answer and went on (failurePolicy Ignore)"
    return fault(
        f"{what}: {why}{known}",
        "the other checks say why; where all of them are fine, see whether the API server shows a "
        "certificate where clientCertificates asks for one, and look for what it counts",
        "kubectl get --raw /metrics | grep apiserver_admission_webhook_fail_open_count",
    )


def _refused(what: str, status: int, body: dict[str, Any], installation: Installation) -> Verdict:
    message = text(body, "message") or f"HTTP {status}"
    if _NOT_CALLED in message:
        entry = message.partition('"')[2].partition('"')[0]
        if entry.endswith(_OURS):
            why = why_not_called(message, installation)
            return fault(f"{what}: {why.said}: {message}", why.fix, why.command)
        return warning(f"{what}: another webhook does not answer: {message}", f"see to {entry}")
    return unseen(
        f"{what}: refused before or beside scaleguard: {message}",
        "name with --try-in a namespace in which you may create pods and HPAs",
    )
