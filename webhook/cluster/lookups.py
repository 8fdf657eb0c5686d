"""Single objects, read at the moment in which a judgement asks for them."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from webhook.cluster.api import Api
from webhook.cluster.discovery import Discovery
from webhook.cluster.errors import ApiError
from webhook.cluster.pages import Raw
from webhook.cluster.recorder import Recorder
from webhook.cluster.resources import RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.kinds import Kinds
from webhook.core.objects import GroupKind
from webhook.core.pod import ClaimedDevice, claimed_devices
from webhook.core.workload import Workload, read_workload

LOOKUP_SECONDS = 1.0

# What `kubectl apply -f` of a folder asks for again and again; a template that changed in between
# is judged as it was, and judged again with the next write.
KEPT_SECONDS = 2.0
_MOST_KEPT = 4096

# Of their keys and of what is kept of them, as text: a Deployment has some 1.5 kB, so that more
# than a thousand fit. In memory it is up to twenty times as much.
_MOST_KEPT_CHARACTERS = 2_500_000

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Values for a short while; for many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[Key, tuple[float, Value, int]] = {}
        self._characters = 0

    def get(self, key: Key) -> tuple[bool, Value | None]:
        """Return whether a value is known, and it."""
        with self._lock:
            until, value, _ = self._values.get(key, (0.0, None, 0))
        return (True, value) if self._clock() < until else (False, None)

    def put(self, key: Key, value: Value) -> None:
        """Keep a value. Those whose time is over go, and where there is no room the oldest."""
        characters = len(str((key, value)))
        with self._lock:
            now = self._clock()
            self._forget(key)
            while self._values and (self._is_full(characters) or self._oldest_until() <= now):
                self._forget(next(iter(self._values)))
            self._values[key] = now + KEPT_SECONDS, value, characters
            self._characters += characters

    def _is_full(self, characters: int) -> bool:
        is_long = self._characters + characters > _MOST_KEPT_CHARACTERS
        return is_long or len(self._values) >= _MOST_KEPT

    def _oldest_until(self) -> float:
        return next(iter(self._values.values()))[0]

    def _forget(self, key: Key) -> None:
        if (kept := self._values.pop(key, None)) is not None:
            self._characters -= kept[2]


class Lookups:
    """Reads workloads and resource claims; what cannot be read is unknown, and counted.

    `known` returns the kinds of the configuration that holds now: no others are ever read.
    The deadline of a call is a moment of `time.monotonic`.
    """

    def __init__(
        self,
        api: Api,
        known: Callable[[], Kinds],
        recorder: Recorder,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._known = known
        self._recorder = recorder
        self._discovery = Discovery(api, clock)
        self._workloads: Kept[WorkloadKey, Workload | None] = Kept(clock)
        self._claims: Kept[tuple[str, str, bool], tuple[ClaimedDevice, ...]] = Kept(clock)

    def workload(self, key: WorkloadKey, until: float) -> Workload | None:
        """Read a workload of the enumerated kinds; None where its containers are unknown."""
        kind = self._known().get(key.group_kind)
        if kind is None or not (kind.scalable or kind.between):
            self._recorder.looked_up("workload", "unknown_kind")
            return None
        is_kept, kept = self._workloads.get(key)
        if is_kept:
            return kept
        raw, is_certain = self._read("workload", key.group_kind, key.namespace, key.name, until)
        workload = read_workload(raw, kind) if raw is not None else None
        # What is not there now may be there with the next request: a folder is applied in order.
        if workload is not None or not is_certain:
            self._workloads.put(key, workload)
        return workload

    def claim(
        self, namespace: str, name: str, until: float, *, is_template: bool
    ) -> tuple[ClaimedDevice, ...]:
        """Read what a ResourceClaim or a template of one asks for; nothing where it is unknown."""
        is_kept, kept = self._claims.get((namespace, name, is_template))
        if is_kept:
            return kept or ()
        kind = RESOURCE_CLAIM_TEMPLATE if is_template else RESOURCE_CLAIM
        raw, _ = self._read("claim", kind, namespace, name, until)
        found = claimed_devices(raw) if raw is not None else ()
        if raw is not None:
            self._claims.put((namespace, name, is_template), found)
        return found

    def _read(
        self, what: str, kind: GroupKind, namespace: str, name: str, until: float
    ) -> tuple[Raw | None, bool]:
        """Read an object; return it, and whether it is certain that there is none."""
        seconds = min(LOOKUP_SECONDS, until - time.monotonic())
        try:
            resource = self._discovery.find(kind, seconds)
            if resource is None:
                self._recorder.looked_up(what, "unknown_kind")
                return None, True
            raw = self._api.get(resource.path(namespace, name), seconds)
        except ApiError as error:
            if error.is_absent:
                self._discovery.forget(kind)
            self._recorder.looked_up(what, error.label)
            return None, error.is_absent
        self._recorder.looked_up(what, "found")
        return raw, True
