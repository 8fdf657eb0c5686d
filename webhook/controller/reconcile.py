"""One look at one workload: plan, compare, write."""

import logging
import time
from collections.abc import Callable
from dataclasses import field
from typing import Protocol

from webhook.cluster.errors import ApiError
from webhook.controller.modes import IN_DOUBT, SURE, Modes
from webhook.controller.recorder import Counters
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import Judge
from webhook.core.fields import Raw, mapping
from webhook.core.frozen import frozen
from webhook.core.vpa_plan.manifest import in_words
from webhook.core.vpa_plan.plan import Plan, Planned, Withheld
from webhook.core.vpa_plan.steps import Apply, Remove, Step, steps
from webhook.core.world import World

ABSENT = "the cluster has no VerticalPodAutoscalers"

_log = logging.getLogger("scaleguard.controller")


class Known(Protocol):
    """What is known of the cluster."""

    @property
    def has_vpas(self) -> bool:
        """Whether there are VerticalPodAutoscalers at all."""
        ...

    def raw(self, key: WorkloadKey) -> Raw | None:
        """A workload that may make AI pods."""
        ...

    def managed(self, key: WorkloadKey) -> list[Raw]:
        """The VPAs of ours on a workload."""
        ...

    def world(self) -> World:
        """The world of a plan."""
        ...


class Teller(Protocol):
    """Tells people, at the workload, what was done or left."""

    def tell(self, workload: Raw, reason: str, message: str, *, is_warning: bool = False) -> None:
        """Write an event; never fails and never waits."""
        ...


Write = Callable[[Step], None]


@frozen
class Looked:
    """What came of a look."""

    result: str
    """unchanged, made, changed, removed, withheld, held_back, absent, refused, failed."""
    after_seconds: float | None = None
    """When to look again, where somebody said so."""

    @property
    def failed(self) -> bool:
        """Whether it has to be tried again."""
        return self.result in {"refused", "failed"}


@frozen
class Reconciler:
    """Brings the VPAs of workloads to what is planned; for many threads, one to a workload."""

    known: Known
    judge: Judge
    modes: Modes
    write: Write
    teller: Teller
    recorder: Counters
    withheld: dict[WorkloadKey, str] = field(default_factory=dict)
    """Why workloads get no VPA, as it was told last."""

    def look(self, key: WorkloadKey) -> Looked:
        """Look at a workload, and count it."""
        begun = time.monotonic()
        try:
            looked = self._look(key)
        except ApiError as error:
            result = "refused" if error.is_forbidden else "failed"
            looked = Looked(result, error.retry_after_seconds)
            _log.warning("%s: %s", key, error)
        except Exception:  # noqa: BLE001 - the worker must not end over one workload
            _log.exception("%s: a fault of the controller's own", key)
            looked = Looked("failed")
        self.recorder.looked(looked.result, time.monotonic() - begun)
        return looked

    def _look(self, key: WorkloadKey) -> Looked:
        raw, world = self.known.raw(key), self.known.world()
        wanted = self._plan(raw, world) if raw is not None else None
        acts = self.judge.settings_in(key.namespace, world).mode.acts
        if acts:  # in mode audit nobody notices anything, events included
            self._tell_withheld(key, raw, wanted.reason if isinstance(wanted, Withheld) else None)
        todo = steps(wanted, self.known.managed(key))
        if not todo:
            return Looked(_left(wanted))
        if not acts:
            return Looked("held_back")
        for step in todo:
            try:
                self.write(step)
            except ApiError as error:
                self._tell_refused(raw, step, error)
                raise
            self._tell_done(raw, step)
        return Looked(_result(todo))

    def _plan(self, raw: Raw, world: World) -> Plan | None:
        """Plan with every mode there is, and with those of the cluster where that matters."""
        wanted = self.judge.plan(raw, world, SURE | IN_DOUBT)
        if isinstance(wanted, Planned):
            if not self.known.has_vpas:
                return Withheld(wanted.workload, ABSENT)
            mode = mapping(wanted.vpa, "spec", "updatePolicy").get("updateMode")
            if mode in IN_DOUBT and mode not in (accepted := self.modes.accepted()):
                return self.judge.plan(raw, world, accepted)
        return wanted

    def _tell_withheld(self, key: WorkloadKey, raw: Raw | None, why: str | None) -> None:
        """Say once why a workload gets none; the log alone knows of what is nobody's to mend."""
        if why is None or raw is None:
            self.withheld.pop(key, None)
            return
        if self.withheld.get(key) != why:
            self.withheld[key] = why
            _log.info("%s: no VPA: %s", key, why)
            self.teller.tell(raw, "VPAWithheld", f"no VPA is made: {why}")

    def _tell_done(self, raw: Raw | None, step: Step) -> None:
        if isinstance(step, Remove):
            _log.info("%s: removed: %s", step.ref, step.why)
            reason, message = "VPARemoved", f"{step.ref} removed: {step.why}"
        else:
            said, deed = in_words(step.vpa), "changed" if step.changed else "made"
            fields = f" ({', '.join(step.changed)})" if step.changed else ""
            _log.info("%s %s%s, %s", step.ref, deed, fields, said)
            reason = "VPAChanged" if step.changed else "VPAMade"
            message = f"{step.ref} {deed}, {said}"
        if raw is not None:
            self.teller.tell(raw, reason, message)

    def _tell_refused(self, raw: Raw | None, step: Step, error: ApiError) -> None:
        deed = "remove" if isinstance(step, Remove) else "change" if step.changed else "make"
        if raw is not None and error.status:
            message = f"cannot {deed} {step.ref}: {error}"
            self.teller.tell(raw, "VPARefused", message, is_warning=True)


def _left(wanted: Plan | None) -> str:
    if not isinstance(wanted, Withheld):
        return "unchanged"
    return "absent" if wanted.reason == ABSENT else "withheld"


def _result(done: list[Step]) -> str:
    applied = [step for step in done if isinstance(step, Apply)]
    if not applied:
        return "removed"
    return "changed" if applied[0].changed else "made"
