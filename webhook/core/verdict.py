"""What a rule said, before modes, exemptions and the ratchet have their say."""

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Any

from webhook.core.finding import Action
from webhook.core.frozen import frozen
from webhook.core.mode import Mode
from webhook.core.selector import Selector


@frozen
class Verdict:
    """One member of a rule's `findings`."""

    rule: str
    action: Action
    message: str
    remedy: str
    overlap: int | None = None
    """The overlap of the document that it is about; None for what concerns the object alone."""
    path: str | None = None
    resource_name: str | None = None
    containers: tuple[str, ...] = ()
    fix: str | None = None
    """The name of the fix that ends what the object says alone."""


Ask = Callable[[dict[str, Any]], list[Verdict]]
"""Judge a document by the rules. Raises `CannotJudge` when the rules give no answer."""


class CannotJudge(Exception):  # noqa: N818 - an outcome with a name of its own, not a fault of ours
    """The third outcome beside findings and bad requests: no judgement could be had."""


@frozen
class Rule:
    """What the catalogue says of one rule."""

    rule: str
    title: str
    default: Action
    remedy: str = ""
    description: str = ""
    links: tuple[str, ...] = ()
    order: int = 0
    """Its place among the rules: what is refused first, hints last."""
    path: str = ""
    """Its file."""


@frozen
class NamespaceSettings:
    """What the configuration says about judging in some namespaces."""

    selector: Selector
    actions: Mapping[str, Action] = field(default_factory=dict)
    """Laid over those for everybody."""
    mode: Mode | None = None
    """None: that of everybody."""


@frozen
class Settings:
    """What configuration says about judging."""

    rules: Mapping[str, Rule]
    """Every rule that is loaded, in the order in which findings are listed."""
    actions: Mapping[str, Action] = field(default_factory=dict)
    """Configured actions; rules that are not listed have their default."""
    strictness: str = "literal"
    gke_rightsizing: bool = False
    startup_boost: Action = Action.WARN
    mode: Mode = Mode.ENFORCE
    namespaces: tuple[NamespaceSettings, ...] = ()
    """Exceptions, in the order in which they are tried: the first that matches is the only one."""

    def among(self, labels: Mapping[str, str]) -> "Settings":
        """What holds in a namespace with these labels."""
        for here in self.namespaces:
            if here.selector.matches(labels):
                actions = {**self.actions, **here.actions}
                return replace(self, actions=actions, mode=here.mode or self.mode, namespaces=())
        return self

    def for_rules(self) -> dict[str, Any]:
        """The `settings` of the document that rules read."""
        return {
            "strictness": self.strictness,
            "gkeRightsizing": self.gke_rightsizing,
            "startupBoost": self.startup_boost.value,
        }
