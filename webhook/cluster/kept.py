"""Objects that were read one by one: kept until they change, or for a short while.

docs/decisions/0003 says why.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from webhook.cluster import pages, wire
from webhook.core.fields import Raw, mapping, strings, text
from webhook.core.objects import GroupKind, without_bookkeeping

# Where nobody would know that it changed: `kubectl apply -f` of a folder asks for the same again
# and again. What changed in between is judged as it was, and judged again with the next write.
KEPT_SECONDS = 2.0

# Where changes are told: should one ever be lost (an etcd that was restored, a fault of a cache of
# the API server) this is how long it counts.
FOLLOWED_SECONDS = 600.0

_MOST_KEPT = 4096

# Of what is kept, as JSON, and of their names. A Deployment has some 1.5 kB without bookkeeping.
_MOST_KEPT_BYTES = 5_000_000

# Written by the Deployment's controller right after it was made, and with each rollout.
_REVISION_ANNOTATION = "deployment.kubernetes.io/revision"

_CHANGING = frozenset({"resourceVersion", "annotations"})


class Key(NamedTuple):
    """Which object."""

    kind: GroupKind
    namespace: str
    name: str


class _Object(NamedTuple):
    written: bytes
    """Empty where it is unknown."""
    read_at: float
    followed_since: int | None
    bytes: int


class _Reading:
    """An object that is being read."""

    def __init__(self, followed_since: int | None) -> None:
        self.followed_since = followed_since
        self.told: Raw | None = None
        """Its metadata as a watch told of them last, in the meantime."""


class Kept:
    """Objects as they were read; for many threads.

    As JSON: as Python has them they take up to twenty times as much, and are decoded in a fiftieth
    of the time of a request. `follows` says of a kind whether `changed` and `forget` are told of
    all changes: another number once it was not in between, None where it is not now.
    """

    def __init__(
        self,
        follows: Callable[[GroupKind], int | None] = lambda _kind: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._follows = follows
        self._clock = clock
        self._lock = threading.Lock()
        self._objects: dict[Key, _Object] = {}
        self._under_way: dict[Key, _Reading] = {}
        self._bytes = 0

    def get(self, key: Key) -> tuple[bool, pages.Raw | None]:
        """Return whether an object is kept, and it; None where it is known to be unknown."""
        with self._lock:
            found = self._objects.get(key)
        if found is None or not self._holds(key, found):
            return False, None
        return True, wire.decode(found.written) if found.written else None

    def begin(self, key: Key) -> _Reading:
        """Note that an object is about to be read: what is told meanwhile is compared with it."""
        reading = _Reading(self._follows(key.kind))
        with self._lock:
            self._under_way[key] = reading
        return reading

    def put(self, key: Key, raw: Raw | None, reading: _Reading) -> None:
        """Keep what `reading` found. Where there is no room the oldest go."""
        kept = None if raw is None else _slim(raw)
        written = b"" if kept is None else msgspec.json.encode(kept)
        size = len(written) + len(f"{key.namespace}{key.name}".encode(errors="replace"))
        with self._lock:
            if self._under_way.get(key) is not reading:
                return
            if reading.told is not None and (kept is None or kept["metadata"] != reading.told):
                return
            self._drop(key)
            while self._objects and self._must_go(size):
                self._drop(next(iter(self._objects)))
            now, since = self._clock(), reading.followed_since if written else None
            self._objects[key] = _Object(written, now, since, size)
            self._bytes += size

    def end(self, key: Key, reading: _Reading) -> None:
        """Have done with reading, whatever came of it."""
        with self._lock:
            if self._under_way.get(key) is reading:
                del self._under_way[key]

    def changed(self, key: Key, metadata: Raw) -> None:
        """Keep an object no longer, unless its metadata are what was read, but for bookkeeping.

        A watch often tells of what was read already: whoever applies a Deployment and its HPA has
        the one read for the other while it is told; or of a status. Each change of a spec that
        means anything raises `metadata.generation` of the kinds that are followed (Kubernetes,
        pkg/registry/apps, PrepareForUpdate of the strategies of Deployments and StatefulSets).
        """
        with self._lock:
            reading, found = self._under_way.get(key), self._objects.get(key)
            if reading is None and found is None:
                return  # as with most: all objects of the cluster are told of
            now = _slim_metadata({"metadata": metadata})
            if reading is not None:
                reading.told = now
            if found is not None and (not found.written or _metadata_of(found) != now):
                self._drop(key)

    def forget(self, key: Key) -> None:
        """Keep an object no longer, and not what is just being read of it."""
        with self._lock:
            self._under_way.pop(key, None)
            self._drop(key)

    def forget_all(self, kind: GroupKind) -> None:
        """Keep no object of a kind."""
        with self._lock:
            for key in [one for one in (*self._objects, *self._under_way) if one.kind == kind]:
                self._under_way.pop(key, None)
                self._drop(key)

    def count(self, kind: GroupKind) -> int:
        """How many of a kind are kept."""
        with self._lock:
            return sum(key.kind == kind for key in self._objects)

    def _holds(self, key: Key, found: _Object) -> bool:
        since = found.followed_since
        is_followed = since is not None and since == self._follows(key.kind)
        return self._clock() - found.read_at < (FOLLOWED_SECONDS if is_followed else KEPT_SECONDS)

    def _must_go(self, size: int) -> bool:
        key, oldest = next(iter(self._objects.items()))
        is_full = self._bytes + size > _MOST_KEPT_BYTES or len(self._objects) >= _MOST_KEPT
        return is_full or not self._holds(key, oldest)

    def _drop(self, key: Key) -> None:
        if (found := self._objects.pop(key, None)) is not None:
            self._bytes -= found.bytes


def _slim(raw: Raw) -> Raw:
    """Leave out what nobody reads of a workload or a claim, and what changes again and again."""
    slim = {name: value for name, value in raw.items() if name != "status"}
    return slim | {"metadata": _slim_metadata(raw)}


def _slim_metadata(raw: Raw) -> Raw:
    metadata = without_bookkeeping(raw)["metadata"]
    annotations = strings(metadata, "annotations")
    annotations.pop(_REVISION_ANNOTATION, None)
    # None and an empty mapping are the same.
    rest = {name: value for name, value in metadata.items() if name not in _CHANGING}
    return {**rest, "annotations": annotations} if annotations else rest


def _metadata_of(found: _Object) -> Raw:
    return mapping(wire.decode(found.written), "metadata")


class Changed(NamedTuple):
    """An object of which a watch tells."""

    key: Key
    metadata: Raw


class Changes:
    """The store of a watch that holds nothing: what is kept is forgotten where it changed."""

    def __init__(self, kind: GroupKind, kept: Kept) -> None:
        self._kind = kind
        self._kept = kept

    def read(self, raw: Raw) -> Changed:
        """Read which object it is, and its metadata; nothing else of it is asked for."""
        metadata = mapping(raw, "metadata")
        key = Key(self._kind, text(metadata, "namespace"), text(metadata, "name"))
        return Changed(key, metadata)

    def replace(self, records: Sequence[Changed], _version: int = 0) -> None:  # noqa: ARG002
        """Forget all: nobody knows what changed before."""
        self._kept.forget_all(self._kind)

    def put(self, record: Changed) -> None:
        """Forget it, unless it is what was read."""
        self._kept.changed(record.key, record.metadata)

    def remove(self, record: Changed) -> None:
        """Forget what is gone."""
        self._kept.forget(record.key)

    def __len__(self) -> int:
        """How many are kept."""
        return self._kept.count(self._kind)
