"""Whether the webhook configurations say what makes the API server ask, and wait, and trust."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from cryptography import x509

from webhook.core.fields import Raw, decoded, integer, mapping, members, text
from webhook.core.objects import reference
from webhook.core.self_protection import Namespaces, self_protection
from webhook.doctor.installation import CONFIGURATION_KINDS, Installation
from webhook.doctor.verdict import Verdict, fault, ok, warning

# What the chart allows; every write of an autoscaler waits for so long where nobody answers.
MOST_TIMEOUT_SECONDS = 3
_DEFAULT_TIMEOUT_SECONDS = 10  # of the API server

_ABSENT = {
    "MutatingWebhookConfiguration": "GPU pods are not fitted",
    "ValidatingWebhookConfiguration": "no autoscaler is judged",
}

Bundles = Mapping[str, bytes]
"""The authorities that each webhook entry trusts, as PEM, by the entry's place."""


def bundles(installation: Installation) -> Bundles:
    """Return the caBundle of each entry, empty where there is none or it is no base64."""
    return {
        place: decoded(text(mapping(webhook, "clientConfig"), "caBundle"))
        for place, webhook in _entries(installation)
    }


def judge_configurations(installation: Installation, now: datetime) -> list[Verdict]:
    """Judge what the configurations say."""
    verdicts = list(_absent(installation))
    for place, webhook in _entries(installation):
        verdicts += _bundle(place, webhook, installation, now)
        verdicts += _address(place, webhook, installation)
        verdicts += _waiting(place, webhook, installation)
    if verdicts:
        return verdicts
    names = ", ".join(text(webhook, "name") for _, webhook in _entries(installation))
    return [ok(f"{installation.configuration_name}: {names}")]


def judge_namespaces(installation: Installation, namespaces: Namespaces) -> list[Verdict]:
    """Judge whether what scaleguard needs is left out of its own judgement."""
    said = self_protection(installation.configurations, namespaces, installation.namespace)
    fix = "put the chart's namespaceSelector back"
    if said:
        return [fault(one, fix, installation.upgrade) for one in said]
    return [ok(f"kube-system, kube-node-lease and {installation.namespace} are left out")]


def _entries(installation: Installation) -> Iterator[tuple[str, Raw]]:
    for raw in installation.configurations:
        ref = reference(raw)
        for _, webhook in members(raw, "webhooks"):
            yield f"{ref.kind} {ref.name}, webhook {text(webhook, 'name')}", webhook


def _absent(installation: Installation) -> Iterator[Verdict]:
    kinds = {reference(raw).kind for raw in installation.configurations}
    name = installation.configuration_name
    fix = "`helm upgrade` puts it back, if somebody took the emergency exit"
    for kind in CONFIGURATION_KINDS:
        if kind in kinds:
            continue
        message = f"there is no {kind} {name}: {_ABSENT[kind]}"
        if kind == "MutatingWebhookConfiguration" and kinds:
            fix_or_value = f"{fix}; nothing is wrong where webhooks.pods.enabled is false"
            yield warning(message, fix_or_value, installation.upgrade)
        else:
            yield fault(message, fix, installation.upgrade)


def _bundle(
    place: str, webhook: Raw, installation: Installation, now: datetime
) -> Iterator[Verdict]:
    bundle = text(mapping(webhook, "clientConfig"), "caBundle")
    fix = (
        "the controller puts it there within a minute (cert-manager's cainjector, where that does)"
    )
    command = installation.certificates_log
    if not bundle:
        yield fault(f"{place}: there is no caBundle: no certificate is trusted", fix, command)
        return
    try:
        authorities = x509.load_pem_x509_certificates(decoded(bundle))
    except ValueError:
        yield fault(f"{place}: the caBundle holds no PEM certificates", fix, command)
        return
    ends = max(one.not_valid_after_utc for one in authorities)
    if now >= ends:
        yield fault(f"{place}: the caBundle expired at {ends:%Y-%m-%dT%H:%M:%SZ}", fix, command)


def _address(place: str, webhook: Raw, installation: Installation) -> Iterator[Verdict]:
    client = mapping(webhook, "clientConfig")
    service = mapping(client, "service")
    if not service:
        where = text(client, "url") or "nowhere"
        fix = "name the Service, as the chart does"
        yield warning(f"{place}: asks {where} and no Service", fix, installation.upgrade)
    elif text(service, "path") in {"", "/"}:
        fix = "the controller puts the path there within a minute: its log says what hinders"
        message = f"{place}: the Service is asked without a path: 404"
        yield fault(message, fix, installation.certificates_log)


def _waiting(place: str, webhook: Raw, installation: Installation) -> Iterator[Verdict]:
    seconds = integer(webhook, "timeoutSeconds") or _DEFAULT_TIMEOUT_SECONDS
    if seconds > MOST_TIMEOUT_SECONDS:
        yield warning(
            f"{place}: the API server waits {seconds} s where nobody answers",
            f"set timeoutSeconds to {MOST_TIMEOUT_SECONDS} or less",
            installation.upgrade,
        )
