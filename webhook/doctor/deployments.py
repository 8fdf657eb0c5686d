"""Whether what is to run does run, and if not, what its pods say."""

from collections.abc import Iterator, Sequence

from webhook.core.fields import Raw, integer, mapping, members, strings, text
from webhook.core.objects import reference
from webhook.doctor.installation import COMPONENT, Installation
from webhook.doctor.verdict import Verdict, fault, ok, warning

_NEEDED = "webhook"
_MOST_MESSAGE_CHARACTERS = 200

# What a container is while it starts, and no reason to worry.
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})


def judge_deployments(
    installation: Installation, deployments: Sequence[Raw], pods: Sequence[Raw]
) -> list[Verdict]:
    """Judge the Deployments of a release; `pods` may be empty where nobody may read them."""
    verdicts: list[Verdict] = []
    running: list[str] = []
    for raw in deployments:
        judged = _judge(installation, raw, pods)
        verdicts += judged
        if not judged:
            running.append(f"{reference(raw).name} {_available(raw)}/{_wanted(raw)}")
    if _NEEDED not in {_component(raw) for raw in deployments}:
        message = f"there is no Deployment of the webhook in namespace {installation.namespace}"
        verdicts.append(fault(message, "put it back", installation.upgrade))
    return verdicts or [ok(", ".join(running))]


def _judge(installation: Installation, raw: Raw, pods: Sequence[Raw]) -> list[Verdict]:
    available, wanted = _available(raw), _wanted(raw)
    name = reference(raw).name
    if available >= wanted > 0:
        return []
    why = next(_reasons(raw, pods), "")
    message = f"Deployment {name}: {available} of {wanted} replicas are available"
    if _component(raw) == _NEEDED and available == 0:
        message += _price(installation)
    kubectl = f"kubectl -n {installation.namespace}"
    fix = "mend what its pods say" if why else "see what its pods say"
    command = f"{kubectl} describe pods -l {COMPONENT}={_component(raw)}"
    if wanted == 0:
        fix, command = "scale it up", f"{kubectl} scale deployment/{name} --replicas=2"
    said = f"{message}: {why}" if why else message
    return [fault(said, fix, command) if available == 0 else warning(said, fix, command)]


def _price(installation: Installation) -> str:
    closed = [
        text(webhook, "name")
        for raw in installation.configurations
        for _, webhook in members(raw, "webhooks")
        if text(webhook, "failurePolicy") == "Fail"
    ]
    if closed:
        return f", and {', '.join(closed)} REFUSES what it is asked about (failurePolicy Fail)"
    return ", and nothing is judged (failurePolicy Ignore)"


def _reasons(raw: Raw, pods: Sequence[Raw]) -> Iterator[str]:
    """What hinders a Deployment: what its pods say, then what it says of itself."""
    for pod in pods:
        if _component(pod) == _component(raw):
            yield from _of_pod(pod)
    for _, condition in members(mapping(raw, "status"), "conditions"):
        if text(condition, "type") == "ReplicaFailure" and text(condition, "status") == "True":
            yield text(condition, "message")[:_MOST_MESSAGE_CHARACTERS]


def _of_pod(pod: Raw) -> Iterator[str]:
    status = mapping(pod, "status")
    for _, container in members(status, "containerStatuses"):
        waiting = mapping(container, "state", "waiting")
        if text(waiting, "reason") and text(waiting, "reason") not in _STARTING:
            yield _brief(pod, text(waiting, "reason"), text(waiting, "message"))
    for _, condition in members(status, "conditions"):
        if text(condition, "type") == "PodScheduled" and text(condition, "status") == "False":
            yield _brief(pod, text(condition, "reason"), text(condition, "message"))


def _brief(pod: Raw, reason: str, message: str) -> str:
    said = f"pod {reference(pod).name}: {reason}"
    return f"{said}: {message[:_MOST_MESSAGE_CHARACTERS]}" if message else said


def _component(raw: Raw) -> str:
    return strings(raw, "metadata", "labels").get(COMPONENT, "")


def _available(raw: Raw) -> int:
    return integer(mapping(raw, "status"), "availableReplicas") or 0


def _wanted(raw: Raw) -> int:
    wanted = integer(mapping(raw, "spec"), "replicas")
    return 1 if wanted is None else wanted
