"""Which of several controllers writes: the holder of a Lease.

As client-go does it (k8s.io/client-go tools/leaderelection): others take over once the Lease has
not changed for its whole duration by their own clock, and who cannot renew it stops before that.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from webhook.chance import chance
from webhook.cluster.api import Api
from webhook.cluster.errors import ApiError
from webhook.cluster.resources import LEASES
from webhook.core.fields import Raw, mapping, text
from webhook.core.frozen import frozen

DURATION_SECONDS = 15
"""How long nobody else may take the Lease after it was renewed."""
DEADLINE_SECONDS = 10.0
"""Who could not renew it for so long does not count as its holder any more."""
RETRY_SECONDS = 2.0
_REQUEST_SECONDS = 5.0

_log = logging.getLogger("scaleguard.controller")


@frozen
class Candidacy:
    """For which Lease one stands, and under which name."""

    namespace: str
    name: str
    identity: str


class Election:
    """Tries to hold a Lease, in a thread of its own. `is_leader` is asked by many threads."""

    def __init__(  # noqa: PLR0913 - what it works with, and what tests replace
        self,
        api: Api,
        candidacy: Candidacy,
        elected: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = chance,
    ) -> None:
        """`elected` is called whenever leadership begins."""
        self._api = api
        self._candidacy = candidacy
        self._elected = elected
        self._clock = clock
        self._now = now
        self._jitter = jitter
        self._from = -math.inf
        self._until = 0.0
        self._waits = False
        self._seen: tuple[str, str] | None = None
        self._seen_at = 0.0
        self._problem: str | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_leader(self) -> bool:
        """Whether nobody else can hold the Lease at this moment."""
        return self._from <= self._clock() < self._until

    @property
    def problem(self) -> str | None:
        """Why the Lease cannot be read or written; None where it can."""
        return self._problem

    def start(self) -> None:
        """Begin to stand for election."""
        self._thread = threading.Thread(target=self._run, name="election", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; the Lease is let go, so that another one need not wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_REQUEST_SECONDS)
        if self.is_leader:
            self._until = 0.0
            self._release()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except Exception:  # noqa: BLE001 - the thread must not end over anything
                _log.exception("Lease %s: a fault of the election's own", self._lease)
                self._problem = "a fault of the election's own"
            self._stop.wait(RETRY_SECONDS * (1 + self._jitter() / 5))

    def step(self) -> None:
        """Try once to get or to keep the Lease."""
        begun = self._clock()
        try:
            held = self._try()
        except ApiError as error:
            self._tell(str(error))
            held = None
        else:
            self._tell(None)
        if held:
            # Also after a renewal that took too long: whoever asked meanwhile was told no.
            begins = self._until <= self._clock() or self._waits
            self._until = begun + DEADLINE_SECONDS
            if begins and self.is_leader:
                self._waits = False
                _log.info("leader: %s holds Lease %s", self._candidacy.identity, self._lease)
                self._elected()
        elif self._until and (held is False or not self.is_leader):
            self._until = 0.0
            _log.warning("no leader any more: Lease %s is not ours, or not renewed", self._lease)

    def _try(self) -> bool:
        """Read the Lease, and write it where it is ours or nobody's; raises `ApiError`."""
        try:
            raw = self._api.get(self._path, _REQUEST_SECONDS)
        except ApiError as error:
            if not error.is_absent:
                raise
            raw = None
        if not self._is_free(raw):
            return False
        try:
            self._write(raw)
        except ApiError as error:
            if error.is_conflict:
                return False  # somebody else was quicker
            raise
        return True

    def _write(self, raw: Raw | None) -> None:
        """Write the Lease over the one that was read; raises `ApiError`."""
        if raw is not None:
            if text(mapping(raw, "spec"), "holderIdentity") != self._candidacy.identity:
                self._from, self._waits = -math.inf, False
            self._api.replace(self._path, self._written(raw), _REQUEST_SECONDS)
            return
        # Whoever deletes it may have done so more than once: another one may lead by a Lease that
        # was never seen here, and ends first.
        waits = self._seen is not None and not self.is_leader
        folder = LEASES.path(self._candidacy.namespace)
        self._api.create(folder, self._written({}), _REQUEST_SECONDS)
        if waits:
            self._from, self._waits = self._clock() + DURATION_SECONDS, True

    def _is_free(self, raw: Raw | None) -> bool:
        """Whether nobody else can count on the Lease: it is ours, or has not changed for too long.

        Who deletes it takes it away from nobody: its holder makes it again, others wait as usual
        before they do, and once more before they lead.
        """
        if raw is None and (self._seen is None or self.is_leader):
            return True
        spec = mapping(raw, "spec") if raw is not None else {}
        holder, renewed = text(spec, "holderIdentity"), text(spec, "renewTime")
        if self._seen != (holder, renewed):
            self._seen, self._seen_at = (holder, renewed), self._clock()
        if raw is not None and holder in {"", self._candidacy.identity}:
            return True
        lasts = spec.get("leaseDurationSeconds")
        seconds = lasts if isinstance(lasts, int) else DURATION_SECONDS
        return self._clock() >= self._seen_at + seconds

    def _written(self, before: Raw) -> dict[str, Any]:
        """Write the Lease as ours; whatever else stands in it stays."""
        own, now = self._candidacy, self._now().isoformat(timespec="microseconds")
        now = now.replace("+00:00", "Z")
        spec: dict[str, Any] = {**mapping(before, "spec")}
        if spec.get("holderIdentity") != own.identity:
            changes = spec.get("leaseTransitions")
            spec["leaseTransitions"] = changes + 1 if isinstance(changes, int) else 0
            spec["acquireTime"] = now
        spec |= {
            "holderIdentity": own.identity,
            "leaseDurationSeconds": DURATION_SECONDS,
            "renewTime": now,
        }
        metadata = mapping(before, "metadata") or {"namespace": own.namespace, "name": own.name}
        kind = {"apiVersion": "coordination.k8s.io/v1", "kind": LEASES.kind}
        return {**before, **kind, "metadata": metadata, "spec": spec}

    def _release(self) -> None:
        path = self._path
        try:
            raw = self._api.get(path, _REQUEST_SECONDS)
            spec = mapping(raw, "spec")
            if spec.get("holderIdentity") == self._candidacy.identity:
                free = {**spec, "holderIdentity": "", "leaseDurationSeconds": 1}
                self._api.replace(path, raw | {"spec": free}, _REQUEST_SECONDS)
        except ApiError as error:
            _log.warning("Lease %s is not let go: %s", self._lease, error)

    @property
    def _path(self) -> str:
        return LEASES.path(self._candidacy.namespace, self._candidacy.name)

    @property
    def _lease(self) -> str:
        return f"{self._candidacy.namespace}/{self._candidacy.name}"

    def _tell(self, problem: str | None) -> None:
        if problem is not None and problem != self._problem:
            _log.warning("Lease %s: %s", self._lease, problem)
        self._problem = problem
