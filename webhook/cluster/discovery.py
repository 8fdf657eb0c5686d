"""Which versions of which groups the API server has, and what stands in them."""

import threading
import time
from collections.abc import Callable, Iterator

from webhook.cluster.api import Api
from webhook.cluster.errors import ApiError
from webhook.cluster.pages import Raw
from webhook.cluster.resources import BUILT_IN_VERSIONS, Resource, version_path
from webhook.core.fields import members, text
from webhook.core.kinds import plural
from webhook.core.objects import GroupKind

# CRDs come and go in minutes, not in seconds; what is missing is looked for again sooner.
KEPT_SECONDS = 300.0
MISSING_SECONDS = 10.0

# Kinds of owners are whatever users' objects name; none is called by more than this, group and kind
# (k8s.io/apiextensions-apiserver validates them as a DNS name and a label of one).
_MOST_SCALES = 256
_LONGEST_KIND = 253 + 63


class Discovery:
    """Resources by their kinds, kept for a while; for many threads."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[GroupKind, tuple[float, Resource | None]] = {}
        self._scales: dict[GroupKind, tuple[float, bool]] = {}

    def find(self, kind: GroupKind, seconds: float) -> Resource | None:
        """Return the resource of a kind, None where the cluster has none; raises `ApiError`."""
        version = BUILT_IN_VERSIONS.get(kind.group)
        if version is not None:
            return Resource(kind.group, version, plural(kind.kind), kind.kind)
        with self._lock:
            until, kept = self._kept.get(kind, (0.0, None))
        if self._clock() < until:
            return kept
        found = self._look(kind, time.monotonic() + seconds)
        life = MISSING_SECONDS if found is None else KEPT_SECONDS
        with self._lock:
            self._kept[kind] = (self._clock() + life, found)  # bounded: kinds are enumerated
        return found

    def has_scale(self, kind: GroupKind, seconds: float) -> bool:
        """Whether a kind of the cluster has a scale subresource; raises `ApiError`."""
        if sum(map(len, kind)) > _LONGEST_KIND:
            return False
        with self._lock:
            until, kept = self._scales.get(kind, (0.0, False))
        if self._clock() < until:
            return kept
        end = time.monotonic() + seconds
        found = any(
            f"{one.plural}/scale" in names
            for version in self._versions(kind.group, end)
            for listed, names in [_listed(self._api, kind.group, version, end - time.monotonic())]
            for one in listed
            if one.kind == kind.kind
        )
        with self._lock:
            while len(self._scales) >= _MOST_SCALES:
                del self._scales[next(iter(self._scales))]
            self._scales[kind] = (self._clock() + KEPT_SECONDS, found)
        return found

    def forget(self, kind: GroupKind) -> None:
        """Look again the next time: the API server did not know the resource."""
        with self._lock:
            self._kept.pop(kind, None)

    def _look(self, kind: GroupKind, until: float) -> Resource | None:
        for version in self._versions(kind.group, until):
            for resource in served(self._api, kind.group, version, until - time.monotonic()):
                if resource.kind == kind.kind:
                    return resource
        return None

    def _versions(self, group: str, until: float) -> Iterator[str]:
        """Yield the versions of a group, the preferred one first."""
        try:
            found = self._api.get(f"/apis/{group}", until - time.monotonic())
        except ApiError as error:
            if error.is_absent:
                return
            raise
        yield from versions(found)


def versions(group: Raw) -> list[str]:
    """Read the versions of an APIGroup, the preferred one first."""
    preferred = group.get("preferredVersion")
    first = text(preferred, "version") if isinstance(preferred, dict) else ""
    listed = [text(one, "version") for _, one in members(group, "versions")]
    return [version for version in dict.fromkeys((first, *listed)) if version]


def served(api: Api, group: str, version: str, seconds: float) -> list[Resource]:
    """Return what stands in a version of a group; nothing where that is not served.

    Raises `ApiError`.
    """
    return _listed(api, group, version, seconds)[0]


def _listed(
    api: Api, group: str, version: str, seconds: float
) -> tuple[list[Resource], frozenset[str]]:
    """Return the resources of a version, and all names there: those of subresources too."""
    try:
        found = api.get(version_path(group, version), seconds)
    except ApiError as error:
        if error.is_absent:
            return [], frozenset()
        raise
    entries = [one for _, one in members(found, "resources")]
    resources = [
        Resource(
            group,
            version,
            text(one, "name"),
            text(one, "kind"),
            namespaced=one.get("namespaced") is not False,
        )
        for one in entries
        if "/" not in text(one, "name")
    ]
    return resources, frozenset(text(one, "name") for one in entries)
