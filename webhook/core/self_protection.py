"""Whether what scaleguard needs to run would have to wait for scaleguard.

A namespace is left out of judgement where the namespaceSelector of each webhook says so, and that
can be edited by whoever may write webhook configurations. Then the pods of the webhook, the
controller, the audit and its database are asked about while nobody is there to answer.
"""

from collections.abc import Iterable, Mapping

from webhook.core.fields import Raw, mapping, members, text
from webhook.core.namespace import NAME_LABEL
from webhook.core.objects import reference
from webhook.core.selector import read_selector

ESSENTIAL_NAMESPACES = ("kube-system", "kube-node-lease")
"""What a cluster needs to come up."""

Namespaces = Mapping[str, Mapping[str, str]]
"""The labels of namespaces by their names; of one that is not there, its name is known."""


def self_protection(
    configurations: Iterable[Raw], namespaces: Namespaces, release_namespace: str
) -> list[str]:
    """Say which webhooks are asked about namespaces that they need themselves, in a fixed order."""
    needed = dict.fromkeys((*ESSENTIAL_NAMESPACES, release_namespace))
    return [
        f"{configuration.kind} {configuration.name}, webhook {text(webhook, 'name')}: its "
        f"namespaceSelector does not leave out {', '.join(asked)}, and {_price(webhook)}"
        for raw in configurations
        for configuration in [reference(raw)]
        for _, webhook in members(raw, "webhooks")
        if (asked := [name for name in needed if selects(webhook, name, namespaces.get(name, {}))])
    ]


def selects(webhook: Raw, namespace: str, labels: Mapping[str, str]) -> bool:
    """Whether a webhook is asked about objects of a namespace; without a selector, of each."""
    selector = read_selector(mapping(webhook, "namespaceSelector"))
    return selector.matches({**labels, NAME_LABEL: namespace})


def _price(webhook: Raw) -> str:
    if text(webhook, "failurePolicy") == "Ignore":
        return "what starts there waits for the webhook that it may be needed for"
    return "nothing can start there while no webhook answers: failurePolicy is Fail"
