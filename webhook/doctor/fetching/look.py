"""What every check starts from."""

from dataclasses import dataclass
from datetime import datetime

from webhook.core.fields import Raw, mapping, members, strings, text
from webhook.core.objects import reference
from webhook.doctor.fetching.cluster import SECRETS, Cluster, UnseenError
from webhook.doctor.fetching.dialling import Address
from webhook.doctor.installation import Installation


@dataclass(frozen=True, slots=True)
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


def secret_of(look: Look) -> Raw:
    """Return the Secret with the certificate; raises `UnseenError`."""
    installation = look.installation
    name = f"{installation.name}-certificate"
    found = look.cluster.get(SECRETS, installation.namespace, name)
    if found is None:
        raise UnseenError(f"there is no Secret {installation.namespace}/{name}")
    return found


def account_of(deployment: Raw) -> str:
    """The ServiceAccount of a Deployment's pods."""
    return text(mapping(deployment, "spec", "template", "spec"), "serviceAccountName") or "default"


def mentions_audit(deployment: Raw) -> bool:
    """Whether a Deployment's program delivers to the audit."""
    containers = members(mapping(deployment, "spec", "template", "spec"), "containers")
    return any(
        str(one).startswith("--audit-url")
        for _, container in containers
        for one in container.get("args") or ()
    )


def labels_of(namespaces: list[Raw]) -> dict[str, dict[str, str]]:
    """The labels of namespaces by their names."""
    return {reference(raw).name or "": strings(raw, "metadata", "labels") for raw in namespaces}
