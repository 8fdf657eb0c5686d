"""One watch: list a resource, follow it, and get over whatever ends that."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from typing import Generic, TypeVar

from webhook.chance import chance
from webhook.cluster.api import Api, Event
from webhook.cluster.discovery import served
from webhook.cluster.errors import ENDED_EARLY, GARBAGE, ApiError
from webhook.cluster.pages import Listing, Raw
from webhook.cluster.recorder import Recorder
from webhook.cluster.records import Store
from webhook.cluster.resources import Resource
from webhook.cluster.timing import Timing
from webhook.core.entry import as_version
from webhook.core.fields import integer, mapping, text

Record = TypeVar("Record")

# A watch that ends sooner than this without an event was cut off, not ended.
_SHORTEST_SECONDS = 1.0

_CHANGES = {"ADDED", "MODIFIED"}

_log = logging.getLogger("scaleguard.cluster")


class Watch(Generic[Record]):
    """Keeps a store like a resource of the cluster, in a thread of its own."""

    def __init__(  # noqa: PLR0913 - what it works with, and what tests replace
        self,
        resource: Resource,
        store: Store[Record],
        api: Api,
        recorder: Recorder,
        timing: Timing,
        *,
        find: Callable[[], Resource | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = chance,
    ) -> None:
        """`find` finds a resource that may be in another version of its group by now."""
        self.resource = resource
        self.store = store
        self.synced = False
        """Whether the store has ever been complete."""
        self.is_absent = False
        """Whether the cluster has no such resource."""
        self.problem: str | None = None
        """What keeps it from following now."""
        self.position = 0
        """The resourceVersion up to which the store knows everything, or did before it was lost."""
        self._api = api
        self._recorder = recorder
        self._timing = timing
        self._find = find
        self._clock = clock
        self._jitter = jitter
        self._name = str(resource)
        self._heard = clock()
        self._version: str | None = None
        self._why = "start"
        self._doubted = False
        self._failures = 0
        self._lost = 0
        """How often it failed ever."""
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to follow."""
        threading.Thread(target=self._run, name=f"watch {self._name}", daemon=True).start()

    def stop(self) -> None:
        """End at the next pause or event; nobody waits for it."""
        self._stop.set()

    def age_seconds(self) -> float:
        """Time since the API server last gave a sign of life about this resource."""
        return self._clock() - self._heard

    def follows(self) -> int | None:
        """Say whether changes are told as they come, as far as anybody knows; None where not.

        Another number where that failed in between: some may be told late.
        """
        lost = self._lost  # read first, and written last where something failed
        is_told = self._version is not None and self.problem is None
        is_heard = is_told and self.age_seconds() <= self._timing.stale_seconds
        return lost if is_heard else None

    def not_ready(self) -> str | None:
        """Say why what is held cannot be relied on; None where it can."""
        why = f" ({self.problem})" if self.problem is not None else ""
        if not self.synced:
            return f"{self._name}: not listed yet{why}"
        if self.age_seconds() > self._timing.stale_seconds:
            return f"{self._name}: nothing heard for {self.age_seconds():.0f} s{why}"
        return None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause = self.step()
            except Exception:  # noqa: BLE001 - the thread must not end over anything
                _log.exception("%s: a fault of the watch's own", self._name)
                pause = self._failed(ApiError(0, GARBAGE, "a fault of the watch's own"))
            self._stop.wait(pause)

    def step(self) -> float:
        """List where that is due, and follow until that ends; return how long to pause."""
        try:
            if self._doubted and self._is_missing():
                return self._timing.look_again_seconds * (1 - self._jitter() / 2)
            version = self._version if self._version is not None else self._list()
            self._follow(version)
        except ApiError as error:
            return self._failed(error)
        return 0.0

    def _list(self) -> str:
        self._recorder.relisted(self._name, self._why)
        path, page_seconds = self.resource.path(), self._timing.page_seconds
        if self.resource.changes_only:
            found: Listing[Record | None] = Listing([], self._api.version(path, page_seconds))
        else:
            found = self._api.list(
                path, self._read, page_seconds, on_page=lambda _count: self._hear()
            )
        at = as_version(found.resource_version)
        self.store.replace([record for record in found.items if record is not None], at)
        self._version, self.position = found.resource_version, at
        self.synced = True
        self._hear()
        return found.resource_version

    def _read(self, raw: Raw) -> Record | None:
        """Make a record; an object that breaks its reader is left out rather than all others."""
        try:
            return self.store.read(raw)
        except Exception:  # noqa: BLE001 - whatever it is about the object
            metadata = mapping(raw, "metadata")
            where = f"{text(metadata, 'namespace')}/{text(metadata, 'name')}"
            _log.exception("%s: %s cannot be read", self._name, where)
            self._recorder.failed(self._name, "unreadable_object")
            return None

    def _follow(self, version: str) -> None:
        begun, came = self._clock(), 0
        timing = self._timing
        # Spread, so that the watches of all replicas do not end and begin together.
        seconds = max(1, round(timing.server_seconds * (1 - self._jitter() / 5)))
        path, read_seconds = self.resource.path(), timing.read_seconds
        asked = self._api.watch(
            path, version, seconds, read_seconds, metadata_only=self.resource.changes_only
        )
        with closing(asked) as events:
            for event in events:
                if event is not None:
                    self._take(event)
                    came += 1
                    self._failures = 0
                self._hear()
                if self._stop.is_set():
                    return
        self._hear()
        if not came and self._clock() - begun < _SHORTEST_SECONDS:
            raise ApiError(0, ENDED_EARLY, "the watch was cut off at once")
        self._failures = 0

    def _take(self, event: Event) -> None:
        if event.type == "ERROR":
            code = integer(event.object, "code") or 0
            raise ApiError(code, text(event.object, "reason"), text(event.object, "message"))
        metadata = mapping(event.object, "metadata")
        version = text(metadata, "resourceVersion")
        if not version:
            raise ApiError(0, GARBAGE, f"an event {event.type!r} without a resourceVersion")
        if event.type in _CHANGES:
            record = self._read(event.object)
            if record is not None:
                self.store.put(record)
        elif event.type == "DELETED":
            record = self._read(event.object)
            if record is not None:
                self.store.remove(record)
        elif event.type != "BOOKMARK":
            raise ApiError(0, GARBAGE, f"an event of type {event.type!r}")
        self._version, self.position = version, as_version(version)
        self._recorder.event(self._name, event.type.lower())

    def _is_missing(self) -> bool:
        """Ask discovery whether the resource is there; what is not there has no objects."""
        group, version = self.resource.group, self.resource.version
        listed = served(self._api, group, version, self._timing.discovery_seconds)
        missing = all(one.plural != self.resource.plural for one in listed)
        if missing and (found := self._find()) is not None:
            _log.info("%s: followed in version %s from now on", self._name, found.version)
            self.resource, missing = found, False
        if missing:
            if not self.is_absent:  # said once, not whenever it is looked for
                _log.info("%s: the cluster has no such resource", self._name)
                self.store.replace((), self.position)
            self._version, self._failures = None, 0
            self.synced = True
            self._hear()
        self._why = "appeared" if self.is_absent and not missing else self._why
        self.is_absent, self._doubted = missing, missing
        return missing

    def _hear(self) -> None:
        self._heard = self._clock()
        if self.problem is not None:
            _log.warning("%s: followed again", self._name)
            self.problem = None

    def _failed(self, error: ApiError) -> float:
        """Note a failure and what has to be done about it; return how long to pause."""
        self._failures += 1
        self._recorder.failed(self._name, error.label)
        if error.is_gone or error.reason == GARBAGE:
            self._version, self._why = None, "gone" if error.is_gone else "error"
        if error.is_absent and self.resource.optional:
            self._version, self._doubted = None, True
        if self._failures == 1 and (error.is_gone or self._doubted):
            pause = 0.0  # what happened is no fault, and what to do is known
        else:
            self._tell(error)
            asked = min(error.retry_after_seconds or 0.0, self._timing.longest_pause_seconds)
            pause = max(self._timing.pause(self._failures, self._jitter), asked)
        # Written last, and read first: nobody who asks meanwhile may take the new number for that
        # of a watch that stands again.
        self._lost += 1
        return pause

    def _tell(self, error: ApiError) -> None:
        problem = str(error)
        if error.status == HTTPStatus.FORBIDDEN:
            problem = f"no right to list and watch {self._name}: {error.message}"
        before, self.problem = self.problem, problem
        if problem != before:
            _log.warning("%s: %s", self._name, problem)
