"""What scaleguard reads of a namespace."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from webhook.core.bounds import UNBOUNDED, Bounds, of_namespace
from webhook.core.fields import Raw, strings
from webhook.core.objects import IGNORE_LABEL
from webhook.core.profile import PROFILE_ANNOTATION


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace; one that nobody has seen has neither labels nor bounds."""

    labels: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""
    """The profile that its annotation names for all its pods."""
    bounds: Bounds = UNBOUNDED

    @property
    def ignored(self) -> bool:
        """Whether its label takes it out of all judgement and mutation."""
        return self.labels.get(IGNORE_LABEL) == "true"


UNKNOWN_NAMESPACE = Namespace()


def read_namespace(raw: Raw) -> Namespace:
    """Read a namespace."""
    return Namespace(
        strings(raw, "metadata", "labels"),
        strings(raw, "metadata", "annotations").get(PROFILE_ANNOTATION, ""),
        of_namespace(raw),
    )
