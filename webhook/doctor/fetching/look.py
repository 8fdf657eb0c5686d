"""What every check starts from."""

from contextlib import suppress
from datetime import datetime

from webhook.core.fields import Raw, mapping, members, sequence, strings, text
from webhook.core.frozen import frozen
from webhook.core.objects import reference
from webhook.doctor.fetching.cluster import DEPLOYMENTS, SECRETS, Cluster, UnseenError
from webhook.doctor.fetching.dialling import Address
from webhook.doctor.installation import Installation


@frozen
class Look:
    """Whom to ask, and about what."""

    cluster: Cluster
    found: Installation | None
    now: datetime
    withheld: str = ""
    """Which right is missing to see the webhook configurations; empty where it is there."""
    address: Address | None = None
    """Of the webhook, where it can be dialled; else the API server is asked to."""
    authority: bytes = b""
    """PEM that the certificate has to be trusted by, beside every caBundle."""
    try_in: str | None = None
    """The namespace of dry runs; None: `default`, or the first that is judged."""

    @property
    def installation(self) -> Installation:
        """The installation; raises `UnseenError` where there is none."""
        if self.found is None:
            raise UnseenError("no installation of scaleguard is found in this cluster")
        return self.found

    @property
    def configured(self) -> Installation:
        """The installation with its webhook configurations; raises `UnseenError`."""
        if self.withheld:
            raise UnseenError(self.withheld)
        return self.installation


def served_secret(cluster: Cluster, installation: Installation) -> Raw:
    """Return the Secret with the certificate that is served; raises `UnseenError`."""
    namespace, deployment = installation.namespace, None
    with suppress(UnseenError):
        deployment = cluster.get(DEPLOYMENTS, namespace, installation.name)
    name = _mounted(deployment or {}) or f"{installation.name}-certificate"
    found = cluster.get(SECRETS, namespace, name)
    if found is None:
        raise UnseenError(f"there is no Secret {namespace}/{name}")
    return found


def _mounted(deployment: Raw) -> str:
    """The name of the Secret of which a Deployment mounts tls.crt: may be somebody's own."""
    for _, volume in members(mapping(deployment, "spec", "template", "spec"), "volumes"):
        for _, source in members(mapping(volume, "projected"), "sources"):
            secret = mapping(source, "secret")
            if any(text(item, "key") == "tls.crt" for _, item in members(secret, "items")):
                return text(secret, "name")
    return ""


def account_of(deployment: Raw) -> str:
    """The ServiceAccount of a Deployment's pods."""
    return text(mapping(deployment, "spec", "template", "spec"), "serviceAccountName") or "default"


def has_option(deployment: Raw, name: str) -> bool:
    """Whether a Deployment's program runs with an option."""
    containers = members(mapping(deployment, "spec", "template", "spec"), "containers")
    return any(
        str(argument).partition("=")[0] == name
        for _, container in containers
        for argument in sequence(container, "args")
    )


def labels_of(namespaces: list[Raw]) -> dict[str, dict[str, str]]:
    """The labels of namespaces by their names."""
    return {reference(raw).name or "": strings(raw, "metadata", "labels") for raw in namespaces}
