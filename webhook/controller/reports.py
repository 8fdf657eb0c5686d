"""Keeps a Report of how things stand in each namespace, where the cluster has such a kind.

Level, not edge: each round compares what has to be there with what was seen or written last, and
writes the difference. At rest a round costs the cluster nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from webhook.chance import chance
from webhook.cluster.api import Api
from webhook.cluster.bucket import Bucket
from webhook.cluster.discovery import Discovery
from webhook.cluster.errors import UNREACHABLE, ApiError
from webhook.cluster.resources import Resource
from webhook.controller.report_counters import ReportCounters
from webhook.controller.report_forms import FORMS, MANAGED_BY, MANAGER, NAME, Form, digest, report
from webhook.core.fields import Raw, mapping, text
from webhook.core.frozen import frozen
from webhook.core.objects import uid_of

# Somebody else may have changed or deleted what is ours: it is seen, and mended, within this.
LIST_SECONDS = 600.0

# Each up to 256 KiB: what a round writes takes a quarter of a MiB a second at most, for a while.
WRITES_PER_SECOND = 5.0
WRITES_BURST = 20

# Where a round fails the next one comes later, each time twice as late.
_MOST_PAUSE_SECONDS = 600.0
_GOOD = {"ok", "absent", "partly"}
_FOLLOWER_SECONDS = 2.0
_REQUEST_SECONDS = 10.0
_LIST_SECONDS = 60.0
_LISTED_AT_ONCE = 20  # 5 MiB

_log = logging.getLogger("scaleguard.controller")


class NotReadError(Exception):
    """How things stand could not be read; the message says why."""


@frozen
class _Seen:
    """A Report of ours as it was seen or written last; without a uid there was none to write to."""

    digest: str
    uid: str | None


@frozen
class _Later:
    """When what was refused is tried again, and how long that was waited for."""

    pause: float
    until: float


@dataclass(slots=True)
class _Known:
    """What is known of a cluster's Reports, while this replica writes them."""

    until: float
    form: Form
    resources: Mapping[str, Resource]
    seen: dict[tuple[str, str], _Seen] = field(default_factory=dict)
    """By kind and namespace."""


class Reports:
    """Keeps Reports in a thread of its own, where and while it leads."""

    def __init__(  # noqa: PLR0913 - what it works with, and what tests replace
        self,
        api: Api,
        read: Callable[[], Mapping[str, Raw]],
        is_leader: Callable[[], bool],
        counters: ReportCounters,
        every_seconds: float = 60.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = chance,
    ) -> None:
        """`read` returns bodies by namespace; it raises `NotReadError`."""
        self._api = api
        self._read = read
        self._is_leader = is_leader
        self._counters = counters
        self._every_seconds = every_seconds
        self._clock = clock
        self._jitter = jitter
        self._discovery = Discovery(api, clock)
        self._bucket = Bucket(WRITES_PER_SECOND, WRITES_BURST)
        self._known: _Known | None = None
        self._later: dict[tuple[str, str], _Later] = {}
        self._pause = every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)

    def start(self) -> "Reports":
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End before the next request."""
        self._stop.set()
        self._thread.join(_REQUEST_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(self.step()):
            pass

    def step(self) -> float:
        """Do a round where this replica leads; return how many seconds to wait for the next."""
        if not self._is_leader():
            self._known, self._pause = None, self._every_seconds
            self._later.clear()
            return min(_FOLLOWER_SECONDS, self._every_seconds)
        result = self._round()
        self._counters.ended(result)
        self._pause = self._every_seconds if result in _GOOD else self._pause * 2
        self._pause = min(self._pause, max(_MOST_PAUSE_SECONDS, self._every_seconds))
        return self._pause * (0.8 + 0.4 * self._jitter())

    def _round(self) -> str:
        try:
            known = self._look()
            if known is None:
                return "absent"
            wanted = self._wanted(known, self._read())
            return "ok" if self._write(known, wanted) else "partly"
        except NotReadError as error:
            _log.warning("reports: how things stand cannot be read: %s", error)
            return "unread"
        except ApiError as error:
            _log.warning("reports: %s", error)
        except Exception:  # noqa: BLE001 - the thread has to go on
            _log.exception("reports: a fault of the controller's own")
        self._known = None
        return "failed"

    def _look(self) -> _Known | None:
        """See which kinds there are, and what of ours; None where there is none of them."""
        found = {
            kind: resource
            for form in FORMS
            for kind in form.kinds
            if (resource := self._discovery.find(kind, _REQUEST_SECONDS)) is not None
        }
        form = next((one for one in FORMS if one.namespaced in found), None)
        resources = {resource.kind: resource for resource in found.values()}
        if form is None:
            self._known = None
            return None
        known = self._known
        if known is not None and known.resources == resources and self._clock() < known.until:
            return known
        known = _Known(self._clock() + LIST_SECONDS, form, resources)
        for resource in resources.values():
            known.seen |= self._listed(resource)
        self._known = known
        return known

    def _listed(self, resource: Resource) -> dict[tuple[str, str], _Seen]:
        def read(raw: Raw) -> tuple[str, str, _Seen]:
            metadata = mapping(raw, "metadata")
            seen = _Seen(digest(raw), uid_of(raw))
            return text(metadata, "name"), text(metadata, "namespace"), seen

        labels = f"{MANAGED_BY}={MANAGER}"
        try:
            listed = self._api.list(
                resource.path(), read, _LIST_SECONDS, labels=labels, at_once=_LISTED_AT_ONCE
            )
        except ApiError as error:
            self._counters.asked("list", error.label)
            if error.is_absent:
                self._discovery.forget(resource.group_kind)
            raise
        self._counters.asked("list", "ok")
        return {(resource.kind, there): seen for name, there, seen in listed.items if name == NAME}

    @staticmethod
    def _wanted(known: _Known, bodies: Mapping[str, Raw]) -> dict[tuple[str, str], dict[str, Any]]:
        wanted = {}
        for namespace, body in bodies.items():
            kind = known.form.namespaced if namespace else known.form.cluster
            resource = known.resources.get(kind.kind)
            if resource is not None:
                raw = report(known.form, resource, namespace, body)
                wanted[kind.kind, namespace] = raw
        return wanted

    def _write(self, known: _Known, wanted: Mapping[tuple[str, str], dict[str, Any]]) -> bool:
        """Write what differs, and delete what has nothing to say any more; say whether all went."""
        went = True
        for place in [*wanted, *(known.seen.keys() - wanted.keys())]:
            if self._stop.is_set() or not self._is_leader():
                break
            raw, seen = wanted.get(place), known.seen.get(place)
            same = raw is not None and seen is not None and seen.digest == digest(raw)
            if same or not self._is_due(place):
                continue
            if raw is not None:
                done = self._apply(known, place, raw)
            else:
                done = seen is None or self._delete(known, place, seen)
            self._noted(place, done=done)
            went &= done
        self._counters.kept(sum(one.uid is not None for one in known.seen.values()))
        return went

    def _is_due(self, place: tuple[str, str]) -> bool:
        later = self._later.get(place)
        return later is None or self._clock() >= later.until

    def _noted(self, place: tuple[str, str], *, done: bool) -> None:
        """Try what is refused in one namespace ever later, and all others as before."""
        before = self._later.pop(place, None)
        if not done:
            pause = min(2 * before.pause if before else self._every_seconds, _MOST_PAUSE_SECONDS)
            self._later[place] = _Later(pause, self._clock() + pause)

    def _apply(self, known: _Known, place: tuple[str, str], raw: dict[str, Any]) -> bool:
        resource, namespace = known.resources[place[0]], place[1]
        path = resource.path(namespace or None, NAME)
        self._bucket.take()
        try:
            written = self._api.apply(path, raw, MANAGER, _REQUEST_SECONDS)
        except ApiError as error:
            self._failed("apply", path, error)
            if error.is_absent:
                # The namespace is gone, and with it what could be told there: until the next list.
                known.seen[place] = _Seen(digest(raw), None)
                self._discovery.forget(resource.group_kind)  # or the kind is
            return error.is_absent
        known.seen[place] = _Seen(digest(raw), uid_of(written))
        self._counters.asked("apply", "ok")
        return True

    def _delete(self, known: _Known, place: tuple[str, str], seen: _Seen) -> bool:
        if seen.uid is not None:
            path = known.resources[place[0]].path(place[1] or None, NAME)
            self._bucket.take()
            try:
                self._api.delete(path, seen.uid, _REQUEST_SECONDS)
            except ApiError as error:
                self._failed("delete", path, error)
                if not (error.is_absent or error.is_conflict):
                    return False
            else:
                self._counters.asked("delete", "ok")
        del known.seen[place]
        return True

    def _failed(self, verb: str, path: str, error: ApiError) -> None:
        self._counters.asked(verb, error.label)
        _log.debug("reports: %s %s: %s", verb, path, error)
        if error.reason == UNREACHABLE:
            raise error
