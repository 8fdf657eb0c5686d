"""What scaleguard reads of a namespace."""

from collections.abc import Mapping
from dataclasses import field

from webhook.core.bounds import UNBOUNDED, Bounds, of_namespace
from webhook.core.fields import Raw, annotation, strings
from webhook.core.frozen import frozen
from webhook.core.objects import IGNORE_LABEL, reference
from webhook.core.profile import PROFILE_ANNOTATION


@frozen
class Namespace:
    """A namespace; one that nobody has seen has neither labels nor bounds."""

    labels: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""
    """The profile that its annotation names for all its pods."""
    bounds: Bounds = UNBOUNDED
    known: bool = True
    """Whether anybody has seen it."""

    @property
    def ignored(self) -> bool:
        """Whether its label takes it out of all judgement and mutation."""
        return self.labels.get(IGNORE_LABEL) == "true"


NAME_LABEL = "kubernetes.io/metadata.name"
"""The API server puts it on every namespace; manifests lack it."""


def unknown_namespace(name: str) -> Namespace:
    """A namespace that nobody has seen: all that is known is its name."""
    return Namespace({NAME_LABEL: name}, known=False)


def read_namespace(raw: Raw) -> Namespace:
    """Read a namespace."""
    name = reference(raw).name or ""
    return Namespace(
        {**strings(raw, "metadata", "labels"), NAME_LABEL: name},
        annotation(raw, PROFILE_ANNOTATION) or "",
        of_namespace(raw),
    )
