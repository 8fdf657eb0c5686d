"""Label selectors (meta/v1 LabelSelector), as Kubernetes matches them."""

from collections.abc import Mapping

from webhook.core.fields import Raw, mapping, members, sequence, strings, text
from webhook.core.frozen import frozen


@frozen
class Requirement:
    """One expression of a selector."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """The requirement as `kubectl get -l` takes it."""
        values = sorted(self.values)
        if self.operator == "In" and len(values) == 1:
            return f"{self.key}={values[0]}"
        if self.operator in {"Exists", "DoesNotExist"}:
            return self.key if self.operator == "Exists" else f"!{self.key}"
        return f"{self.key} {self.operator.lower()} ({','.join(values)})"

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


@frozen
class Selector:
    """All requirements of a selector; without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    @property
    def equal(self) -> dict[str, str]:
        """The labels of which it asks for just one value."""
        single = (one for one in self.requirements if one.operator == "In" and len(one.values) == 1)
        return {one.key: next(iter(one.values)) for one in single}

    def __str__(self) -> str:
        """The selector as `kubectl get -l` takes it."""
        return ",".join(map(str, self.requirements))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)


def read_selector(selector: Raw) -> Selector:
    """Read a LabelSelector; what is no requirement in it is left out."""
    equal = read_labels(mapping(selector, "matchLabels")).requirements
    return Selector((*equal, *read_requirements(selector)))


def read_labels(labels: Raw) -> Selector:
    """Read labels of which all are asked for."""
    return Selector(
        tuple(
            Requirement(key, "In", frozenset({value}))
            for key, value in sorted(strings(labels).items())
        )
    )


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
