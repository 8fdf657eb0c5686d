"""Label selectors (meta/v1 LabelSelector), as Kubernetes matches them."""

from collections.abc import Mapping
from dataclasses import dataclass

from webhook.core.fields import Raw, members, sequence, strings, text


@dataclass(frozen=True, slots=True)
class Requirement:
    """One expression of a selector."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it; source: k8s.io/apimachinery pkg/labels/selector.go (`Matches`).

        `NotIn` and `DoesNotExist` are met by an absent label. An unknown operator meets nothing.
        """
        value = labels.get(self.key)
        if self.operator == "In":
            return value in self.values
        if self.operator == "NotIn":
            return value not in self.values
        if self.operator == "Exists":
            return value is not None
        return self.operator == "DoesNotExist" and value is None


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements of a selector; without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)


def read_selector(selector: Raw) -> Selector:
    """Read a LabelSelector; what is no requirement in it is left out."""
    equal = (
        Requirement(key, "In", frozenset({value}))
        for key, value in sorted(strings(selector, "matchLabels").items())
    )
    return Selector((*equal, *read_requirements(selector)))


def read_requirements(parent: Raw, key: str = "key") -> tuple[Requirement, ...]:
    """Read `matchExpressions`; `key` is what the field is called that says what each is about."""
    return tuple(
        Requirement(
            text(one, key),
            text(one, "operator"),
            frozenset(value for value in sequence(one, "values") if isinstance(value, str)),
        )
        for _, one in members(parent, "matchExpressions")
    )
