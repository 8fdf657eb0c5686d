"""Who may end a training run: node autoscalers that move pods, VPAs that replace them."""

import re
from collections.abc import Mapping

from webhook.core.autoscalers.vpa import Vpa
from webhook.core.mutations.protection import DO_NOT_DISRUPT, SAFE_TO_EVICT

# Modes in which VPA's updater evicts pods (vertical-pod-autoscaler pkg/updater, VPA 1.8).
_EVICTING_MODES = frozenset({"Recreate", "Auto", "InPlaceOrRecreate"})

# Values of safe-to-evict by which a node is kept (cluster-autoscaler utils/drain/drain.go, 1.36).
_KEEPING = frozenset({"false", "on-completion"})

# How long Karpenter leaves a pod alone, in place of "true" (pkg/utils/pod/scheduling.go, 1.12).
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")


def node_evictors(annotations: Mapping[str, str]) -> list[str]:
    """Which node autoscalers may evict a pod with these annotations.

    None where one of them says that the pod may be moved: a person wants it so. Both compare
    values exactly; what they do not know means nothing to them.
    """
    evict, disrupt = annotations.get(SAFE_TO_EVICT, ""), annotations.get(DO_NOT_DISRUPT, "")
    if evict == "true" or disrupt == "false":
        return []
    found = [] if evict in _KEEPING else ["the Cluster Autoscaler"]
    return found if disrupt == "true" or _DURATION.fullmatch(disrupt) else [*found, "Karpenter"]


def evicts(vpa: Vpa) -> bool:
    """Whether a VPA evicts pods to change their requests."""
    return vpa.mode in _EVICTING_MODES and vpa.writes
