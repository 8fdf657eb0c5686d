"""What of how things stand was told, as far as it takes to tell what differs."""

import hashlib
import json
import threading
from collections import Counter

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.frozen import frozen
from webhook.core.standing import Standing

Family = tuple[str, str]


@frozen
class Judged:
    """A standing on its way."""

    standing: Standing
    digest: bytes
    size: int

    @classmethod
    def of(cls, standing: Standing) -> "Judged":
        """Work out how large it is, and what tells it from another."""
        written = json.dumps(standing.as_json(), sort_keys=True, separators=(",", ":")).encode()
        return cls(standing, hashlib.blake2b(written, digest_size=16).digest(), len(written))


@frozen
class _Kept:
    digest: bytes
    open: tuple[tuple[str, str], ...]
    """Rule and action of its findings."""


class Told:
    """The standings that were told and are not empty: some 300 bytes each; for many threads.

    One thread writes; those who tell of changes ask who is near.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[WorkloadKey, _Kept] = {}
        self._families: dict[Family, set[WorkloadKey]] = {}

    def is_news(self, judged: Judged) -> bool:
        """Whether a standing is another than the one that was told last."""
        kept = self._kept.get(judged.standing.workload)
        if kept is None:
            return not judged.standing.is_empty
        return kept.digest != judged.digest

    def note(self, judged: Judged) -> None:
        """Note that a standing was told."""
        standing, key = judged.standing, judged.standing.workload
        with self._lock:
            if standing.is_empty:
                self._forget(key)
            else:
                found = tuple((one.rule, one.action) for one in standing.records)
                self._kept[key] = _Kept(judged.digest, found)
                self._families.setdefault(_family(key), set()).add(key)

    def clear(self) -> None:
        """Forget everything: another one told since."""
        with self._lock:
            self._kept.clear()
            self._families.clear()

    def keys(self, namespace: str | None = None) -> list[WorkloadKey]:
        """Those of which something was told, in a namespace or in all."""
        with self._lock:
            return [key for key in self._kept if namespace in {None, key.namespace}]

    def near(self, key: WorkloadKey) -> list[WorkloadKey]:
        """Those that may select the pods of a workload: they are called alike (`LiveWorld`)."""
        with self._lock:
            return list(self._families.get(_family(key), ()))

    def open(self) -> Counter[tuple[str, str]]:
        """How many findings stand, by rule and action."""
        with self._lock:
            return Counter(one for kept in self._kept.values() for one in kept.open)

    def _forget(self, key: WorkloadKey) -> None:
        self._kept.pop(key, None)
        family = _family(key)
        alike = self._families.get(family, set())
        alike.discard(key)
        if not alike:
            self._families.pop(family, None)


def _family(key: WorkloadKey) -> Family:
    return key.namespace, key.name.partition("-")[0]
