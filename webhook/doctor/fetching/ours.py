"""Checks of what belongs to scaleguard itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from webhook.cluster.resources import NAMESPACES
from webhook.cluster.rights import (
    Right,
    audit_rights,
    configuration_rights,
    controller_rights,
    secret_rights,
    webhook_rights,
)
from webhook.core.fields import Raw, decoded, strings
from webhook.core.objects import reference
from webhook.core.self_protection import ESSENTIAL_NAMESPACES
from webhook.doctor.certificate import Served, judge_certificate, not_dialled
from webhook.doctor.configurations import bundles, judge_configurations, judge_namespaces
from webhook.doctor.deployments import judge_deployments
from webhook.doctor.fetching.cluster import DEPLOYMENTS, PODS, UnseenError
from webhook.doctor.fetching.dialling import NoAnswerError, ask, served
from webhook.doctor.fetching.look import (
    Look,
    account_of,
    has_option,
    labels_of,
    served_secret,
)
from webhook.doctor.installation import COMPONENT, SELECTOR, Installation
from webhook.doctor.readiness import judge_readiness, judge_silence
from webhook.doctor.rights import judge_rights
from webhook.doctor.verdict import Verdict, fault, ok, unseen
from webhook.knowledge import knowledge

_AT_ONCE = 8  # reviews of rights: more would queue at the API server

_INSTALL = "helm install scaleguard CHART -n scaleguard --create-namespace"


def configurations(look: Look) -> list[Verdict]:
    """Look at the webhook configurations."""
    if look.found is None:
        message = "no webhook configuration and no Deployment is scaleguard's: nothing is judged"
        return [fault(message, "install it", _INSTALL)]
    return judge_configurations(look.configured, look.now)


def namespaces(look: Look) -> list[Verdict]:
    """Look at the namespaces that must not be judged."""
    needed = (*ESSENTIAL_NAMESPACES, look.configured.namespace)
    labels: dict[str, dict[str, str]] = {}
    for name in needed:
        # Without its labels its name is known, and that is what the chart selects by.
        with suppress(UnseenError):
            raw = look.cluster.get(NAMESPACES, None, name)
            labels |= labels_of([raw] if raw is not None else [])
    return judge_namespaces(look.installation, labels)


def certificate(look: Look) -> list[Verdict]:
    """Look at the certificate: dialled, or as the Secret has it."""
    installation, trusted = look.installation, dict(bundles(look.installation))
    if look.authority:
        trusted["--webhook-ca"] = look.authority
    if look.address is not None:
        leaf, refused = served(look.address, installation.dns_name, trusted.values())
        found = Served(str(look.address), leaf, refused)
    else:
        try:
            secret = served_secret(look.cluster, installation)
        except UnseenError as error:
            return [not_dialled(str(error))]
        chain = decoded(strings(secret, "data").get("tls.crt", ""))
        found = Served(f"Secret {reference(secret).name}", chain)
    verdicts = judge_certificate(found, trusted, installation, look.now)
    if look.withheld:
        verdicts.append(unseen(f"whom the API server trusts is not known: {look.withheld}"))
    return verdicts


def readiness(look: Look) -> list[Verdict]:
    """Ask the webhook whether it is ready: dialled, or through the API server."""
    installation = look.installation
    if look.address is not None:
        try:
            status, body = ask(look.address, installation.dns_name, "/readyz")
        except NoAnswerError as error:
            return [judge_silence(str(error), installation)]
        return judge_readiness(status, body, installation, str(look.address))
    place = installation.namespace, installation.name, installation.port
    status, body = look.cluster.through_proxy(*place, "/readyz")
    return judge_readiness(status, body, installation, "through the API server")


def deployments(look: Look) -> list[Verdict]:
    """Look at what is to run."""
    pods: list[Raw] = []
    with suppress(UnseenError):
        pods = look.cluster.all(PODS, look.installation.namespace, _release(look))
    return judge_deployments(look.installation, [*_deployments(look).values()], pods)


def audit(look: Look) -> list[Verdict]:
    """Ask the audit whether it is ready, where it is installed."""
    installed = _deployments(look).get("audit")
    if installed is None:
        return [ok("not installed: what is refused is told once, and kept nowhere")]
    installation = look.installation
    name = reference(installed).name or ""
    place = installation.namespace, name, installation.port
    status, body = look.cluster.through_proxy(*place, "/readyz")
    audited = Installation(installation.namespace, name)
    return judge_readiness(status, body, audited, name)


def rights(look: Look) -> list[Verdict]:
    """Ask the API server what the ServiceAccounts may do."""
    installation, verdicts = look.installation, []
    for component, deployment in _deployments(look).items():
        account = account_of(deployment)
        needed = list(_needed(component, deployment, installation))
        if not needed:
            continue

        def may(right: Right, account: str = account) -> bool:
            return look.cluster.allowed(installation.namespace, account, right)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            has = list(pool.map(may, needed))
        missing = [right for right, is_there in zip(needed, has, strict=True) if not is_there]
        verdicts.append(judge_rights(account, missing, len(needed), installation))
    if not verdicts:
        raise UnseenError("there is no Deployment that would need rights")
    return verdicts


def _needed(component: str, deployment: Raw, installation: Installation) -> Iterator[Right]:
    namespace = installation.namespace
    kinds = knowledge().kinds
    if component == "webhook":
        yield from webhook_rights(kinds, namespace)
        yield from configuration_rights(installation.configuration_name, "get")
    elif component == "controller":
        yield from configuration_rights(installation.configuration_name, "get", "patch")
        # Which of the Secrets are its own: without names for a leaf somebody else makes that.
        own = ("authority", "certificate") if has_option(deployment, "--tls-name") else ()
        names = [f"{installation.name}-{what}" for what in (*own, "path")]
        yield from secret_rights(namespace, *names)
        if not has_option(deployment, "--only-certificates"):
            scans = has_option(deployment, "--audit-url")
            yield from controller_rights(kinds, namespace, scans=scans)
    elif component == "audit":
        yield from audit_rights()


def _deployments(look: Look) -> dict[str, Raw]:
    """The Deployments of the release, by their components; raises `UnseenError`."""
    listed = look.cluster.all(DEPLOYMENTS, look.installation.namespace, _release(look))
    return {strings(raw, "metadata", "labels").get(COMPONENT, ""): raw for raw in listed}


def _release(look: Look) -> str:
    return f"{SELECTOR},app.kubernetes.io/instance={look.installation.release}"
