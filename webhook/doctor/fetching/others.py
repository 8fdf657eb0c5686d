"""Checks of what scaleguard stands beside: other webhooks, the VPA, KEDA, the metrics."""

from contextlib import suppress

from prometheus_client import CollectorRegistry

from webhook.cluster.bucket import Bucket
from webhook.cluster.errors import ApiError
from webhook.cluster.resources import NAMESPACES, SCALED_OBJECTS, VPAS
from webhook.cluster.rights import Right
from webhook.controller.modes import Modes
from webhook.controller.recorder import Counters
from webhook.controller.writer import Writer
from webhook.core.fields import Raw, members, text
from webhook.doctor import metrics_apis
from webhook.doctor.fetching.cluster import (
    API_SERVICES,
    CONFIGURATIONS,
    DEPLOYMENTS,
    MUTATING,
    VALIDATING,
    UnseenError,
)
from webhook.doctor.fetching.look import Look, labels_of
from webhook.doctor.fetching.trying import namespace_to_try
from webhook.doctor.keda import KedaFacts, judge_keda
from webhook.doctor.order import judge_order, judge_starting
from webhook.doctor.verdict import Verdict
from webhook.doctor.vpa import VpaFacts, judge_vpa

_VPA_WEBHOOK = "vpa.k8s.io"
_KEDA_WEBHOOK = "vscaledobject.kb.io"

# Two modes are tried.
_TRIES = 10


def order(look: Look) -> list[Verdict]:
    """Look at who else is asked about pods."""
    installation = look.configured
    every = {kind: look.cluster.all(kind) for kind in CONFIGURATIONS}
    labels: dict[str, dict[str, str]] = {}
    with suppress(UnseenError):
        raw = look.cluster.get(NAMESPACES, None, installation.namespace)
        labels = labels_of([raw] if raw is not None else [])
    own = labels.get(installation.namespace, {})
    return [
        *judge_order(installation, every[MUTATING]),
        *judge_starting(installation, [one for raws in every.values() for one in raws], own),
    ]


def vpa(look: Look) -> list[Verdict]:
    """Look at the VPA."""
    versions = look.cluster.versions(VPAS.group)
    if not versions:
        return judge_vpa(VpaFacts((), None))
    deployments, unread = _deployments(look)
    modes, untried = _modes(look)
    has_webhook = _has_entry(look, _VPA_WEBHOOK)
    return judge_vpa(VpaFacts(versions, deployments, unread, modes, untried, has_webhook))


def keda(look: Look) -> list[Verdict]:
    """Look at KEDA."""
    versions = look.cluster.versions(SCALED_OBJECTS.group)
    if not versions:
        return judge_keda(KedaFacts((), None))
    deployments, unread = _deployments(look)
    scaled: list[Raw] = []
    with suppress(UnseenError):
        scaled = look.cluster.all(SCALED_OBJECTS)
    return judge_keda(
        KedaFacts(versions, deployments, unread, _has_entry(look, _KEDA_WEBHOOK), scaled)
    )


def metrics(look: Look) -> list[Verdict]:
    """Look at the aggregated APIs that HPAs read."""
    found = look.cluster.get(API_SERVICES, None, metrics_apis.RESOURCE_METRICS)
    verdicts = metrics_apis.judge_resource_metrics(found)
    if look.cluster.versions(SCALED_OBJECTS.group):
        found = look.cluster.get(API_SERVICES, None, metrics_apis.EXTERNAL_METRICS)
        verdicts += metrics_apis.judge_external_metrics(found)
    return verdicts


def _deployments(look: Look) -> tuple[list[Raw] | None, str]:
    try:
        return look.cluster.all(DEPLOYMENTS), ""
    except UnseenError as error:
        return None, str(error)


def _has_entry(look: Look, name: str) -> bool | None:
    """Whether any webhook of this name is there; None where nobody may list them."""
    kind = MUTATING if name == _VPA_WEBHOOK else VALIDATING
    try:
        listed = look.cluster.all(kind)
    except UnseenError:
        return None
    return any(text(one, "name") == name for raw in listed for _, one in members(raw, "webhooks"))


def _modes(look: Look) -> tuple[frozenset[str] | None, str]:
    """Try the update modes as the controller does."""
    try:
        namespace = namespace_to_try(look)
        for verb in ("create", "patch"):
            right = Right(verb, VPAS.group, VPAS.plural, namespace)
            if not look.cluster.may(right):
                return None, f"you may not {right} in namespace {namespace}, not even by dry run"
        counters = Counters(CollectorRegistry())
        writer = Writer(look.cluster.api, Bucket(_TRIES, _TRIES), counters, lambda: True)
        return Modes(writer, namespace).accepted(), ""
    except (ApiError, UnseenError) as error:
        return None, str(error)
