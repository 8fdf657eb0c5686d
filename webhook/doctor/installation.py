"""Which installation is looked at: found by the labels that the chart puts on its objects."""

from collections.abc import Sequence

from webhook.core.fields import Raw, integer, mapping, members, strings, text
from webhook.core.frozen import frozen
from webhook.core.objects import reference

LABEL = "app.kubernetes.io/name"
OURS = "scaleguard"
SELECTOR = f"{LABEL}={OURS}"
COMPONENT = "app.kubernetes.io/component"
INSTANCE = "app.kubernetes.io/instance"

CONFIGURATION_KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")

_HTTPS_PORT = 443


@frozen
class Installation:
    """A release, as it is found in a cluster."""

    namespace: str
    name: str
    """Of the Deployment, the Service and most other objects of the webhook."""
    configurations: tuple[Raw, ...] = ()
    port: int = _HTTPS_PORT
    """Of the Service."""

    @property
    def configuration_name(self) -> str:
        """What both webhook configurations are called, as the chart names them."""
        return self.name if self.name.startswith(OURS) else f"{OURS}-{self.name}"

    @property
    def dns_name(self) -> str:
        """What the certificate has to be valid for: the API server minds this name."""
        return f"{self.name}.{self.namespace}.svc"

    @property
    def release(self) -> str:
        """The name of the release, as Helm knows it."""
        labels = [strings(one, "metadata", "labels") for one in self.configurations]
        return next((one[INSTANCE] for one in labels if INSTANCE in one), self.name)

    @property
    def certificates_log(self) -> str:
        """The command that shows what the controller says, which keeps the certificates."""
        return f"kubectl -n {self.namespace} logs deployment/{self.name}-controller --tail=50"

    @property
    def upgrade(self) -> str:
        """The command that puts back what the chart made."""
        return f"helm upgrade {self.release} CHART -n {self.namespace} --reset-then-reuse-values"


def found(configurations: Sequence[Raw], deployments: Sequence[Raw]) -> list[Installation]:
    """Return the installations of which anything is there, by namespace and name."""
    places: dict[tuple[str, str], list[Raw]] = {}
    for raw in deployments:
        ref = reference(raw)
        if strings(raw, "metadata", "labels").get(COMPONENT) == "webhook":
            places.setdefault((ref.namespace or "", ref.name or ""), [])
    for raw in configurations:
        for place in _services(raw):
            places.setdefault(place, []).append(raw)
    return [
        Installation(*place, tuple(raws), _port(raws)) for place, raws in sorted(places.items())
    ]


def _services(raw: Raw) -> list[tuple[str, str]]:
    """The Services that a configuration names, each once."""
    services = (mapping(one, "clientConfig", "service") for _, one in members(raw, "webhooks"))
    named = [(text(one, "namespace"), text(one, "name")) for one in services]
    return list(dict.fromkeys(place for place in named if all(place)))


def _port(configurations: Sequence[Raw]) -> int:
    ports = [
        integer(mapping(webhook, "clientConfig", "service"), "port")
        for raw in configurations
        for _, webhook in members(raw, "webhooks")
    ]
    return next((one for one in ports if one is not None), _HTTPS_PORT)
