"""A part of the ledger of requests in flight: a document that all replicas read and write.

Pure: who reads and writes it, and when, is in webhook/cluster/.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from typing import Any

from webhook.core.entry import Entry, as_version
from webhook.core.fields import mapping, members, text
from webhook.core.frozen import frozen
from webhook.core.objects import DEFAULT_NAMESPACE, GroupKind

SHARDS = 16
"""All replicas must agree on it: two that do not would not see each other's requests."""

# All annotations of an object may have 256 KiB. An entry has some 300 to 600 bytes, so that 300 or
# more fit: requests admitted in the milliseconds or seconds until somebody has seen what came of
# them.
MOST_BYTES = 192 * 1024

# So much may be of one namespace: who floods one (with objects that a quota refuses, which stay for
# a minute) keeps nobody else out.
MOST_BYTES_OF_NAMESPACE = MOST_BYTES // 3

DOCUMENT_VERSION = 1


def shard_of(namespace: str) -> int:
    """The shard of a namespace: all that can meet is in one."""
    return zlib.crc32(namespace.encode(errors="surrogatepass")) % SHARDS


class BadShard(Exception):  # noqa: N818 - an outcome with a name of its own
    """A document that is none of ours."""


class FullShard(Exception):  # noqa: N818 - an outcome with a name of its own
    """No further entry fits."""


@frozen
class Shard:
    """The entries, and what one must have seen to do without those that were here before."""

    entries: tuple[Entry, ...] = ()
    floors: Mapping[str, int] = field(default_factory=dict)
    """By kind the resourceVersion up to which entries were removed because they had been seen.

    Who has not seen so much yet knows neither the entry nor what came of it, and must not judge.
    """

    def of_namespace(self, namespace: str) -> tuple[Entry, ...]:
        """The entries of a namespace."""
        return tuple(
            one for one in self.entries if (one.ref.namespace or DEFAULT_NAMESPACE) == namespace
        )

    def entered(self, entry: Entry) -> "Shard":
        """Add an entry, in the place of those that it says again.

        Raises `FullShard` where its namespace has too many.
        """
        kept = (one for one in self.entries if not entry.replaces(one))
        shard = replace(self, entries=(*kept, entry))
        own = shard.of_namespace(entry.ref.namespace or DEFAULT_NAMESPACE)
        if sum(len(json.dumps(one.object)) for one in own) > MOST_BYTES_OF_NAMESPACE:
            raise FullShard(f"{len(own)} of one namespace")
        return shard

    def without(self, gone: Iterable[str]) -> "Shard":
        """Leave out entries of requests that came to nothing, by their ids."""
        ids = frozenset(gone)
        return replace(self, entries=tuple(one for one in self.entries if one.id not in ids))

    def pruned(self, seen_at: Callable[[Entry], int | None]) -> "Shard":
        """Leave out entries that have been seen, and raise the floors to where they were.

        `seen_at` says at which resourceVersion; 0 where that is not known, and the entry stays.
        """
        seen = {one.id: seen_at(one) or 0 for one in self.entries}
        floors = dict(self.floors)
        for one in self.entries:
            if seen[one.id]:
                name = floor_name(one.ref.group_kind)
                floors[name] = max(floors.get(name, 0), seen[one.id])
        return Shard(tuple(one for one in self.entries if not seen[one.id]), floors)

    def without_floors(self, names: Iterable[str]) -> "Shard":
        """Leave out floors that nobody can reach: what they protect was lost with a backup."""
        lost = frozenset(names)
        kept = {name: floor for name, floor in self.floors.items() if name not in lost}
        return replace(self, floors=kept)


def floor_name(kind: GroupKind) -> str:
    """The name under which the floor of a kind stands."""
    return f"{kind.kind}.{kind.group}"


def encode(shard: Shard) -> str:
    """Write a document; raises `FullShard` where it would be too large."""
    written = json.dumps(
        {
            "version": DOCUMENT_VERSION,
            "floors": {name: str(floor) for name, floor in sorted(shard.floors.items())},
            "entries": [
                {"id": one.id, "after": str(one.after), "whole": one.is_whole, "object": one.object}
                for one in shard.entries
            ],
        },
        separators=(",", ":"),
    )
    if len(written) > MOST_BYTES:
        raise FullShard(f"{len(shard.entries)} of them")
    return written


def decode(written: str) -> Shard:
    """Read a document; raises `BadShard` for one that we cannot rely on."""
    try:
        document: Any = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise BadShard(f"it is no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("version") != DOCUMENT_VERSION:
        raise BadShard(f"it is no document of version {DOCUMENT_VERSION}")
    floors = mapping(document, "floors")
    return Shard(
        tuple(
            Entry(
                text(one, "id"),
                mapping(one, "object"),
                as_version(text(one, "after")),
                is_whole=one.get("whole") is True,
            )
            for _, one in members(document, "entries")
        ),
        {name: as_version(text(floors, name)) for name in floors},
    )
