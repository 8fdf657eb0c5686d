"""Who else changes pods, and in which order: by the names of the configurations."""

from collections.abc import Iterator, Mapping, Sequence

from webhook.core.fields import Raw, mapping, members, sequence, text
from webhook.core.objects import reference
from webhook.core.selector import read_selector
from webhook.core.self_protection import selects
from webhook.doctor.installation import LABEL, OURS, Installation
from webhook.doctor.verdict import Verdict, fault, ok, warning

# VPA pkg/admission-controller/config.go: the entry's name is the same wherever VPA runs.
_VPA_WEBHOOK = "vpa.k8s.io"


def judge_order(installation: Installation, others: Sequence[Raw]) -> list[Verdict]:
    """Judge who is asked before and after ours; source: the API server sorts by name.

    `others` are all mutating webhook configurations, ours among them.
    """
    ours = {reference(raw).name or "" for raw in installation.configurations}
    mine = [raw for raw in others if reference(raw).name in ours and any(_on_pods(raw))]
    if not mine:
        return [ok("none of our webhooks changes pods")]
    name = reference(mine[0]).name or ""
    later = [raw for raw in others if (reference(raw).name or "") > name and any(_on_pods(raw))]
    verdicts = [*_before_vpa(name, others), *_reinvoked(mine[0], later)]
    if verdicts:
        return verdicts
    names = ", ".join(reference(raw).name or "" for raw in later)
    after = f", before {names}" if names else ""
    return [ok(f"{name} sees pods{after}, and again where one of them changed them")]


def judge_starting(
    installation: Installation, others: Sequence[Raw], labels: Mapping[str, str]
) -> list[Verdict]:
    """Judge whether our own pods wait for somebody else's webhook; `labels` are of our namespace.

    `others` are the configurations of both kinds.
    """
    pod = {LABEL: OURS}
    ours = {(one.kind, one.name) for one in map(reference, installation.configurations)}
    return [
        warning(
            f"{ref.kind} {ref.name}, webhook {text(webhook, 'name')}: our own pods cannot start "
            "while it does not answer (failurePolicy Fail)",
            f"leave namespace {installation.namespace} out of its namespaceSelector, or see to it "
            "that its pods never wait for ours",
        )
        for raw in others
        for ref in [reference(raw)]
        if (ref.kind, ref.name) not in ours
        for webhook in _on_pods(raw)
        if text(webhook, "failurePolicy") != "Ignore"
        and selects(webhook, installation.namespace, labels)
        and read_selector(mapping(webhook, "objectSelector")).matches(pod)
    ]


def _before_vpa(name: str, others: Sequence[Raw]) -> Iterator[Verdict]:
    for raw in others:
        vpa = reference(raw).name or ""
        entries = [text(webhook, "name") for _, webhook in members(raw, "webhooks")]
        if _VPA_WEBHOOK in entries and vpa < name:
            yield fault(
                f"VPA's {vpa} is asked before {name}: it sees GPU pods before they are fitted",
                "mutating webhooks are asked in the order of their configurations' names: give "
                f"VPA's one that comes after {name}",
            )


def _reinvoked(mine: Raw, later: Sequence[Raw]) -> Iterator[Verdict]:
    for webhook in _on_pods(mine):
        if later and text(webhook, "reinvocationPolicy") != "IfNeeded":
            names = ", ".join(reference(raw).name or "" for raw in later)
            yield warning(
                f"{text(webhook, 'name')} does not see again what {names} add to pods: containers "
                "that are injected are not fitted",
                "set reinvocationPolicy: IfNeeded, as the chart does",
            )


def _on_pods(raw: Raw) -> Iterator[Raw]:
    """The entries of a configuration that are asked when pods are created."""
    for _, webhook in members(raw, "webhooks"):
        if any(map(_names_pods, sequence(webhook, "rules"))):
            yield webhook


def _names_pods(rule: object) -> bool:
    asked = {name: mapping({"rule": rule}, "rule").get(name) for name in _POD_CREATED}
    return all(
        isinstance(values, list) and meant & {one for one in values if isinstance(one, str)}
        for name, values in asked.items()
        for meant in [_POD_CREATED[name]]
    )


_POD_CREATED = {
    "apiGroups": {"", "*"},
    "resources": {"pods", "*", "*/*"},
    "operations": {"CREATE", "*"},
}
