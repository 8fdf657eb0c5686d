"""Events on objects: what `kubectl describe` shows of what was done or refused, and why."""

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import Any

from webhook.cluster.api import Api
from webhook.cluster.bucket import Bucket
from webhook.cluster.errors import ApiError
from webhook.cluster.fair import Fair
from webhook.cluster.resources import EVENTS
from webhook.core.fields import Raw, integer, mapping, text
from webhook.core.frozen import frozen
from webhook.core.objects import DEFAULT_NAMESPACE, reference, uid_of
from webhook.core.world import NAMESPACE

# As client-go's broadcaster: what cannot be told in time is dropped, and counted.
_MOST_WAITING = 1000
_REQUEST_SECONDS = 5.0
_MOST_ATTEMPTS = 5
_MOST_MESSAGE_CHARACTERS = 1024
_MOST_NAME_CHARACTERS = 230

_log = logging.getLogger("scaleguard.cluster")


@frozen
class Told:
    """An event to be written."""

    involved: dict[str, Any]
    reason: str
    message: str
    type: str
    find: Callable[[], Raw] | None = field(default=None, compare=False)
    """Finds the object to tell at, when it is told: nobody who is refused waits for that."""

    def found(self) -> "Told":
        """The same, at the object that was to be found."""
        return self if self.find is None else replace(self, involved=_involved(self.find()))

    @property
    def name(self) -> str:
        """One name for what says the same of the same object: it is written once, and counted."""
        about = (self.involved["kind"], self.involved["uid"] or "")
        said = "\0".join((*about, self.reason, self.message))
        digest = hashlib.sha256(said.encode()).hexdigest()[:16]
        start = self.involved["name"][:_MOST_NAME_CHARACTERS].rstrip("-.")
        return f"{start}.{digest}"


class Events:
    """Writes events in a thread of its own, no faster than is allowed."""

    def __init__(
        self,
        api: Api,
        bucket: Bucket,
        component: str,
        count: Callable[[str], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`component` is who tells; `count` is given how each event ended."""
        self._api = api
        self._bucket = bucket
        self._component = component
        self._count = count
        self._now = now
        self._waiting: Fair[str, Told] = Fair(_MOST_WAITING)

    def start(self) -> "Events":
        """Begin to write, in a thread."""
        threading.Thread(target=self._run, name="events", daemon=True).start()
        return self

    def stop(self) -> None:
        """End once what waits is written; nobody waits for that."""
        self._waiting.close()

    def tell(
        self,
        about: Raw,
        reason: str,
        message: str,
        *,
        is_warning: bool = False,
        find: Callable[[], Raw] | None = None,
    ) -> None:
        """Have an event written on an object, or on that which `find` finds in its place."""
        kind = "Warning" if is_warning else "Normal"
        told = Told(_involved(about), reason, message[:_MOST_MESSAGE_CHARACTERS], kind, find)
        # What says the same and waits already is written once, with the count of both.
        for _ in range(self._waiting.put(told.involved["namespace"], told.name, told)):
            self._count("dropped")

    def _run(self) -> None:
        while (waited := self._waiting.take()) is not None:
            told, times = waited
            try:
                self._write(told.found(), times)
            except ApiError as error:
                self._count(error.label)
                _log.debug("no event %s on %s: %s", told.reason, told.involved["name"], error)
            except Exception:  # noqa: BLE001 - the thread has to go on
                self._count("fault")
                _log.exception("no event %s on %s", told.reason, told.involved["name"])
            else:
                self._count("ok")

    def _write(self, told: Told, times: int) -> None:
        now = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        namespace = told.involved["namespace"]
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "name": told.name},
            "involvedObject": told.involved,
            "reason": told.reason,
            "message": told.message,
            "type": told.type,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": "",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": times,
        }
        self._bucket.take()
        try:
            self._api.create(EVENTS.path(namespace), event, _REQUEST_SECONDS)
        except ApiError as error:
            if not error.is_conflict:
                raise
            self._count_up(EVENTS.path(namespace, told.name), times, now)

    def _count_up(self, path: str, times: int, now: str) -> None:
        """Add to the count of an event: other processes may do so at the same moment."""
        for last in (*([False] * (_MOST_ATTEMPTS - 1)), True):
            self._bucket.take()
            there = self._api.get(path, _REQUEST_SECONDS)
            again = {
                "metadata": {
                    "resourceVersion": text(mapping(there, "metadata"), "resourceVersion")
                },
                "count": (integer(there, "count") or 1) + times,
                "lastTimestamp": now,
            }
            try:
                self._api.patch(path, again, _REQUEST_SECONDS)
            except ApiError as error:
                if last or not error.is_conflict:
                    raise
            else:
                return


def _involved(about: Raw) -> dict[str, Any]:
    """The object as events name it. A Namespace's stand in it: there its people may read them.

    `kubectl describe` looks for events by uid as well, `kubectl events --for` by kind and name.
    """
    ref = reference(about)
    name = ref.name or ""
    home = name if ref.group_kind == NAMESPACE else ref.namespace
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "namespace": home or DEFAULT_NAMESPACE,
        "name": name,
        "uid": uid_of(about),
    }
