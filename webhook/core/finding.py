"""What a judgement says: findings, their actions, their order."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from webhook.core.frozen import frozen
from webhook.core.objects import ObjectRef
from webhook.core.patch import Operation


class Action(StrEnum):
    """What becomes of a request for a finding, from the weakest to the strongest."""

    OFF = "off"
    AUDIT = "audit"
    WARN = "warn"
    DENY = "deny"

    strength: int
    """Comparable: off, audit, warn, deny."""

    def __init__(self, _value: str) -> None:
        self.strength = len(type(self).__members__)


def weaker(one: Action, other: Action) -> Action:
    """Return the weaker of two actions."""
    return min(one, other, key=lambda action: action.strength)


@frozen
class ObjectFix:
    """The one right remedy of a finding: operations on an object."""

    ref: ObjectRef
    patch: list[Operation]

    def as_json(self) -> dict[str, Any]:
        """The `fix` of a review."""
        return {"object": self.ref.as_json(), "patch": self.patch}


@frozen
class Finding:
    """One finding on one object."""

    rule: str
    action: Action
    message: str
    remedy: str
    path: str | None = None
    resource_name: str | None = None
    containers: tuple[str, ...] = ()
    related: tuple[ObjectRef, ...] = ()
    workload: str = ""
    fix: ObjectFix | None = None
    exempted_by: ObjectRef | None = None
    """The object whose annotation makes no more of it than a record."""
    would: Action | None = None
    """What would become of it in mode enforce, where the mode makes it less."""

    @property
    def enforced(self) -> Action:
        """What becomes of it in mode enforce, whatever the mode is."""
        return self.would or self.action

    @property
    def subject(self) -> tuple[Any, ...]:
        """What makes two findings the same one: rule, resource, counterpart and workload."""
        counterpart = self.related[0].identity if self.related else None
        return self.rule, self.resource_name, counterpart, self.workload

    def as_json(self) -> dict[str, Any]:
        """A member of `findings` in a review."""
        found: dict[str, Any] = {
            "rule": self.rule,
            "action": self.action.value,
            "resourceName": self.resource_name,
            "containers": list(self.containers),
            "path": self.path,
            "message": self.message,
            "remedy": self.remedy,
            "related": [ref.as_json() for ref in self.related],
        }
        if self.fix is not None:
            found["fix"] = self.fix.as_json()
        if self.exempted_by is not None:
            found["exemptedBy"] = self.exempted_by.as_json()
        if self.would is not None:
            found["would"] = self.would.value
        return found

    def sentence(self) -> str:
        """The finding as one line that stands alone: rule, what is wrong, fix."""
        fix = f"; fix: {self.remedy}" if self.remedy else ""
        return f"[{self.rule}] {self.message}{fix}"


def strongest(findings: Iterable[Finding]) -> str:
    """Return the action of a whole object: deny, warn or allow (which audit leaves it at)."""
    actions = {finding.action for finding in findings}
    if Action.DENY in actions:
        return Action.DENY.value
    return Action.WARN.value if Action.WARN in actions else "allow"
