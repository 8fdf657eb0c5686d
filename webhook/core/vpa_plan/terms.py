"""What people say about the VPAs that are made for their workloads: annotation and profile."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from webhook.core.frozen import frozen

VPA_ANNOTATION = "scaleguard.io/vpa"


class Wish(StrEnum):
    """How far a VPA may go, from nothing to ending pods; as the annotation writes it."""

    OFF = "off"
    """No VPA at all."""
    RECOMMEND = "recommend"
    """A VPA that writes nothing: its recommendations are there to be read."""
    INITIAL = "initial"
    """Requests are written when a pod is made, and never after that."""
    IN_PLACE = "in-place"
    """Running pods are resized where that needs no eviction."""
    IN_PLACE_OR_RECREATE = "in-place-or-recreate"
    """Running pods are resized, or evicted where that is not possible."""
    RECREATE = "recreate"
    """Pods are evicted to get other requests."""


UPDATING = frozenset({Wish.IN_PLACE, Wish.IN_PLACE_OR_RECREATE, Wish.RECREATE})
"""What touches running pods: a model server takes minutes to load, and a run is lost."""


@frozen
class VpaTerms:
    """What a profile says about the VPAs of its workloads."""

    wish: Wish | None = None
    """None: as the class of the pods says."""
    least: Mapping[str, int] = field(default_factory=dict)
    """minAllowed by resource, in nanos; what is not listed is the figure of sidecars."""
    most: Mapping[str, int] = field(default_factory=dict)
    """An upper bound of maxAllowed by resource, in nanos."""


ACCEPTED_MODES = frozenset({"Off", "Initial", "Recreate", "InPlaceOrRecreate"})
"""The modes of VPA 1.8 as it is installed: `InPlace` needs a feature gate of its webhook
(vertical-pod-autoscaler pkg/admission-controller/resource/vpa/validation.go, `allowInPlace`)."""
