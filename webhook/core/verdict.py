"""What a rule said, before modes, exemptions and the ratchet have their say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from webhook.core.finding import Action


@dataclass(frozen=True, slots=True)
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


Ask = Callable[[dict[str, Any]], list[Verdict]]
"""Judge a document by the rules. Raises `CannotJudge` when the rules give no answer."""


class CannotJudge(Exception):  # noqa: N818 - an outcome with a name of its own, not a fault of ours
    """The third outcome beside findings and bad requests: no judgement could be had."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Settings:
    """What configuration says about judging."""

    rules: Mapping[str, Rule]
    """Every rule that is loaded, in the order in which findings are listed."""
    actions: Mapping[str, Action] = field(default_factory=dict)
    """Configured actions; rules that are not listed have their default."""
    strictness: str = "literal"
    gke_rightsizing: bool = False
    startup_boost: Action = Action.WARN

    def for_rules(self) -> dict[str, Any]:
        """The `settings` of the document that rules read."""
        return {
            "strictness": self.strictness,
            "gkeRightsizing": self.gke_rightsizing,
            "startupBoost": self.startup_boost.value,
        }
