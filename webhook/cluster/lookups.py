"""Single objects, read at the moment in which a judgement asks for them, if they are not kept."""

import time
from collections.abc import Callable

from webhook.cluster.api import Api
from webhook.cluster.discovery import Discovery
from webhook.cluster.errors import ApiError
from webhook.cluster.kept import Changes, Kept, Key
from webhook.cluster.pages import Raw
from webhook.cluster.recorder import Recorder
from webhook.cluster.resources import RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.kinds import Kinds
from webhook.core.objects import GroupKind
from webhook.core.pod import ClaimedDevice, claimed_devices
from webhook.core.workload import Workload, read_workload

LOOKUP_SECONDS = 1.0


class Lookups:
    """Reads workloads and resource claims; what cannot be read is unknown, and counted.

    `known` returns the kinds of the configuration that holds now: no others are ever read.
    `follows` says of which kinds all changes are told to what `changes` returns: see `Kept`.
    The deadline of a call is a moment of `time.monotonic`.
    """

    def __init__(
        self,
        api: Api,
        known: Callable[[], Kinds],
        recorder: Recorder,
        follows: Callable[[GroupKind], int | None] = lambda _kind: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._known = known
        self._recorder = recorder
        self._discovery = Discovery(api, clock)
        self._kept = Kept(follows, clock)

    def changes(self, kind: GroupKind) -> Changes:
        """Return the store for a watch that follows a kind, so that no object is kept too long."""
        return Changes(kind, self._kept)

    def workload(self, key: WorkloadKey, until: float) -> Workload | None:
        """Read a workload of the enumerated kinds; None where its containers are unknown."""
        kind = self._known().get(key.group_kind)
        if kind is None or not (kind.scalable or kind.between):
            self._recorder.looked_up("workload", "unknown_kind")
            return None
        raw = self._object("workload", Key(key.group_kind, key.namespace, key.name), until)
        return read_workload(raw, kind) if raw is not None else None

    def claim(
        self, namespace: str, name: str, until: float, *, is_template: bool
    ) -> tuple[ClaimedDevice, ...]:
        """Read what a ResourceClaim or a template of one asks for; nothing where it is unknown."""
        kind = RESOURCE_CLAIM_TEMPLATE if is_template else RESOURCE_CLAIM
        raw = self._object("claim", Key(kind, namespace, name), until)
        return claimed_devices(raw) if raw is not None else ()

    def _object(self, what: str, key: Key, until: float) -> Raw | None:
        """Return an object as it is kept, or as it is read now."""
        is_kept, kept = self._kept.get(key)
        if is_kept:
            return kept
        reading = self._kept.begin(key)
        try:
            raw, is_certain = self._read(what, key, until)
            # What is not there may be there with the next request: a folder is applied in order.
            if raw is not None or not is_certain:
                self._kept.put(key, raw, reading)
        finally:
            self._kept.end(key, reading)
        return raw

    def _read(self, what: str, key: Key, until: float) -> tuple[Raw | None, bool]:
        """Read an object; return it, and whether it is certain that there is none."""
        seconds = min(LOOKUP_SECONDS, until - time.monotonic())
        try:
            resource = self._discovery.find(key.kind, seconds)
            if resource is None:
                self._recorder.looked_up(what, "unknown_kind")
                return None, True
            raw = self._api.get(resource.path(key.namespace, key.name), seconds)
        except ApiError as error:
            if error.is_absent:
                self._discovery.forget(key.kind)
            self._recorder.looked_up(what, error.label)
            return None, error.is_absent
        self._recorder.looked_up(what, "found")
        return raw, True
