"""Which update modes the VPA of this cluster takes.

Its CRD lists modes that its webhook refuses without a feature gate (`InPlace` in VPA 1.8), and
older ones know fewer. So those in doubt are tried by a dry run, once somebody wants one.
"""

import logging
import time
from collections.abc import Callable

from webhook.controller.writer import Writer
from webhook.core.vpa_plan.mode import MODE_IN_PLACE, MODE_IN_PLACE_OR_RECREATE
from webhook.core.vpa_plan.terms import ACCEPTED_MODES

KEPT_SECONDS = 600.0

IN_DOUBT = frozenset({MODE_IN_PLACE, MODE_IN_PLACE_OR_RECREATE})
SURE = ACCEPTED_MODES - IN_DOUBT

# Neither this VPA nor its workload ever is there: it meets no scaler that a rule would name.
_NAME = "scaleguard-tries-a-mode"

# As the CRD, every version of VPA's webhook and whoever minds the mode itself would say.
# Source: VPA pkg/admission-controller/resource/vpa/validation.go (`validateUpdatePolicy`).
_NAMES_THE_MODE = "updatemode"

_log = logging.getLogger("scaleguard.controller")


class Modes:
    """The modes that are accepted, as far as anybody asked for those in doubt."""

    def __init__(
        self, writer: Writer, namespace: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`namespace` is one in which a VPA may be tried."""
        self._writer = writer
        self._namespace = namespace
        self._clock = clock
        self._known = ACCEPTED_MODES  # as VPA is installed, as long as nothing else is known
        self._until = 0.0

    def accepted(self) -> frozenset[str]:
        """The modes that the cluster takes; raises `ApiError` where that cannot be found out."""
        if self._clock() >= self._until:
            found = SURE | {mode for mode in sorted(IN_DOUBT) if self._takes(mode)}
            if found != self._known:
                _log.info("update modes of this cluster's VPA: %s", ", ".join(sorted(found)))
            self._known, self._until = found, self._clock() + KEPT_SECONDS
        return self._known

    def _takes(self, mode: str) -> bool:
        """Try a mode; a refusal for another reason, as by a policy on names, says nothing of it."""
        said = self._writer.refusal(
            {
                "apiVersion": "autoscaling.k8s.io/v1",
                "kind": "VerticalPodAutoscaler",
                "metadata": {"name": _NAME, "namespace": self._namespace},
                "spec": {
                    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": _NAME},
                    "updatePolicy": {"updateMode": mode},
                },
            }
        )
        if said is not None and _NAMES_THE_MODE not in said.casefold():
            _log.warning("whether this cluster's VPA takes mode %s is not known: %s", mode, said)
            return mode in self._known
        return said is None
