"""The kinds that make pods, as the catalogue tells them: where templates are, what pods are for."""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from webhook.core.fields import Raw
from webhook.core.frameworks.places import Place, Template
from webhook.core.frozen import frozen
from webhook.core.objects import GroupKind


class WorkloadClass(StrEnum):
    """What the pods of a workload are for."""

    TRAINING = "training"
    INFERENCE = "inference"
    NOTEBOOK = "notebook"
    BATCH = "batch"


@frozen
class Kind:
    """One kind that makes pods."""

    group_kind: GroupKind
    templates: tuple[Place, ...]
    workload_class: WorkloadClass | None
    """The class of its pods; None for the generic kinds, where pods speak for themselves."""
    otherwise: WorkloadClass | None = None
    """For generic kinds: the class of accelerator pods whose image says nothing."""
    origin_label: str | None = None
    """A label that overrides the class with that of the CRD it names (Ray)."""
    scale: bool = False
    well_known: bool = False
    gang: bool = False
    """What it makes of its own runs as one: nothing of it is fitted by itself."""
    recommend_only: bool = False
    """A VPA made for one never writes: its pods run once, or as a gang."""
    no_vpa: str = ""
    """Why none is made for one though it could be a target."""
    between: bool = False
    """It cannot be scaled, and may stand between what a scaler names and what a VPA names."""
    irregular: str = ""
    """Its plural, where that is not the regular one."""

    @property
    def plural(self) -> str:
        """Its resource, as paths and rights name it."""
        return self.irregular or plural(self.group_kind.kind)

    @property
    def scalable(self) -> bool:
        """Whether a VPA's walk up the owners may end here."""
        return self.scale or self.well_known


@frozen
class FrameworkLabel:
    """A label on pods that names their framework."""

    key: str
    workload_class: WorkloadClass
    value: str | None = None
    origin_label: str | None = None
    owner: GroupKind | None = None
    """Only on pods that this kind owns."""


@frozen
class ImageWords:
    """Words in the path of an image that tell what it runs."""

    workload_class: WorkloadClass
    words: re.Pattern[str]


class Kinds:
    """All kinds that make pods, and the marks of frameworks. Immutable."""

    def __init__(
        self,
        kinds: Iterable[Kind],
        labels: Iterable[FrameworkLabel],
        origins: Mapping[str, WorkloadClass],
        images: Iterable[ImageWords],
    ) -> None:
        """Index the kinds by group and kind."""
        self._kinds = {kind.group_kind: kind for kind in kinds}
        self.labels = tuple(labels)
        self.origins = dict(origins)
        self.images = tuple(images)

    def __iter__(self) -> Iterator[Kind]:
        """Go through all kinds; those of the catalogue come first."""
        return iter(self._kinds.values())

    def get(self, group_kind: GroupKind) -> Kind | None:
        """Return what is known of a kind; None for kinds that are not in the catalogue."""
        return self._kinds.get(group_kind)

    def plural(self, group_kind: GroupKind) -> str:
        """Name the resource of a kind, known or not."""
        found = self._kinds.get(group_kind)
        return found.plural if found is not None else plural(group_kind.kind)

    def scalable(self, group: str, kind: str) -> bool:
        """Whether a kind is well known to VPA or has a /scale subresource."""
        found = self._kinds.get(GroupKind(group, kind))
        return found is not None and found.scalable


def plural(kind: str) -> str:
    """Name the resource of a kind: so regular for every kind of the catalogue."""
    return kind.lower() + "s"


def words(workload_class: WorkloadClass, names: Iterable[str]) -> ImageWords:
    """Compile the words of an image's path; a word never matches inside a longer one."""
    alternatives = "|".join(map(re.escape, names))
    return ImageWords(workload_class, re.compile(f"(?<![a-z0-9])(?:{alternatives})(?![a-z0-9])"))


def templates(kind: Kind, raw: Raw) -> list[Template]:
    """Return the pods that an object makes, in the order of its kind's places; for a pod itself."""
    return [template for place in kind.templates for template in place.find(raw)]
