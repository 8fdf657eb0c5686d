"""Everything of a running cluster that a scan judges, read once and without leaving a trace."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from webhook.cluster.api import Api
from webhook.cluster.discovery import served, versions
from webhook.cluster.errors import ApiError
from webhook.cluster.pages import Raw
from webhook.cluster.resources import (
    BUILT_IN_VERSIONS,
    CLAIMS,
    NAMESPACES,
    NODES,
    POOLS,
    SERVICES,
    WATCHED,
    Resource,
    targets,
)
from webhook.cluster.resources import templates as templates_of
from webhook.core.fields import members, text
from webhook.core.frozen import frozen
from webhook.core.kinds import Kinds, plural, templates
from webhook.core.objects import GroupKind, controller, reference, without_bookkeeping
from webhook.core.pod import claim_names
from webhook.core.services import SELECTING
from webhook.core.world import read_autoscaler, read_autoscalers

# A page of 500 large objects over a slow line.
PAGE_SECONDS = 60.0
DISCOVERY_SECONDS = 15.0

Progress = Callable[[int, int], None]

Identity = tuple[GroupKind, str | None, str | None]


@frozen
class Unread:
    """A resource that could not be read."""

    resource: str
    namespace: str | None
    error: ApiError
    verb: str = "list"

    def __str__(self) -> str:
        """Which one, and what to do about it."""
        where = "all namespaces" if self.namespace is None else f"namespace {self.namespace}"
        if self.error.is_forbidden:
            return f"{self.resource}: no right to {self.verb} them in {where}"
        return f"{self.resource}: they cannot be read in {where}: {self.error}"


@dataclass
class Scanned:
    """What was read, and what was not."""

    objects: list[Raw] = field(default_factory=list)
    forbidden: list[Unread] = field(default_factory=list)
    failed: list[Unread] = field(default_factory=list)
    answered: int = 0
    """How many lists were answered, be they empty."""

    @property
    def has_all_traffic(self) -> bool:
        """Whether all that selects pods for traffic was read."""
        names = (one.resource.lower() for one in (*self.forbidden, *self.failed))
        return not any(name == str(SERVICES) or name.startswith("inferencepool") for name in names)


class Scan:
    """Reads one cluster: all of it, or some namespaces."""

    def __init__(self, api: Api, known: Kinds, namespaces: Sequence[str] = ()) -> None:
        self._api = api
        self._known = known
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._found = Scanned()

    def read(self, progress: Progress = lambda _done, _all: None) -> Scanned:
        """Read everything; `progress` is told (resources done, all) after each.

        Raises `ApiError` where not even the list of API groups is to be had.
        """
        groups = self._groups()
        resources = [one for one in WATCHED if not one.optional or _is_in(one, groups)]
        watched = {one.group_kind for one in WATCHED}
        kinds = (*targets(self._known), *templates_of(self._known), *POOLS)
        resources += self._resources(groups, [one for one in kinds if one not in watched])
        for done, resource in enumerate(resources, 1):
            self._read(resource)
            progress(done, len(resources))
        if self._asks_for_claims():
            for resource in self._resources(groups, CLAIMS):
                self._read(resource)
        self._found.objects = _without_made(self._found.objects)
        return self._found

    def _groups(self) -> dict[str, list[str]]:
        """Return the versions of each API group, preferred ones first."""
        found = self._api.get("/apis", DISCOVERY_SECONDS)
        return {text(group, "name"): versions(dict(group)) for _, group in members(found, "groups")}

    def _resources(
        self, groups: dict[str, list[str]], wanted: Sequence[GroupKind]
    ) -> Iterator[Resource]:
        """Yield those of the wanted kinds that the cluster has."""
        for group in dict.fromkeys(kind.group for kind in wanted):
            names = [kind.kind for kind in wanted if kind.group == group]
            built_in = BUILT_IN_VERSIONS.get(group)
            if built_in is not None:
                yield from (Resource(group, built_in, plural(name), name) for name in names)
                continue
            try:
                yield from self._custom(group, groups.get(group, ()), set(names))
            except ApiError as error:
                self._refused(Unread(f"{', '.join(names)} of {group}", None, error))

    def _custom(self, group: str, known: Sequence[str], left: set[str]) -> Iterator[Resource]:
        """Yield those of some kinds of a group that its versions have, each once."""
        for version in known:
            for resource in served(self._api, group, version, DISCOVERY_SECONDS):
                if resource.kind in left:
                    left.remove(resource.kind)
                    yield resource

    def _read(self, resource: Resource) -> None:
        if not self._namespaces or resource == NODES:
            self._list(resource, None)
        elif resource == NAMESPACES:
            for name in self._namespaces:
                self._get(resource, name)
        elif resource.namespaced:
            for namespace in self._namespaces:
                self._list(resource, namespace)

    def _list(self, resource: Resource, namespace: str | None) -> None:
        try:
            listing = self._api.list(resource.path(namespace), without_bookkeeping, PAGE_SECONDS)
        except ApiError as error:
            self._refused(Unread(str(resource), namespace, error))
        else:
            self._found.answered += 1
            self._found.objects += listing.items

    def _get(self, resource: Resource, name: str) -> None:
        try:
            found = self._api.get(resource.path(name=name), PAGE_SECONDS)
        except ApiError as error:
            self._refused(Unread(str(resource), name, error, "get"))
        else:
            self._found.objects.append(without_bookkeeping(found))

    def _refused(self, unread: Unread) -> None:
        (self._found.forbidden if unread.error.is_forbidden else self._found.failed).append(unread)

    def _asks_for_claims(self) -> bool:
        for raw in self._found.objects:
            kind = self._known.get(reference(raw).group_kind)
            for template in templates(kind, raw) if kind is not None else ():
                if next(claim_names(template.raw), None) is not None:
                    return True
        return False


def _is_in(resource: Resource, groups: dict[str, list[str]]) -> bool:
    return resource.version in groups.get(resource.group, ())


def _without_made(objects: list[Raw]) -> list[Raw]:
    """Leave out what controllers made of something that is judged itself: ReplicaSets, Jobs.

    Those that an autoscaler names stay, and what owns them: it matters then whose they are. So do
    Services, whoever made them.
    """
    owners = {reference(raw).identity: _owner(raw) for raw in objects}
    read = [one for raw in objects for one in read_autoscalers(raw)]
    targets = {one.target for one in read if one.target is not None}
    named: set[Identity | None] = set()
    for target in targets:
        at: Identity | None = (target.group_kind, target.namespace, target.name)
        while at is not None and at not in named:
            named.add(at)
            at = owners.get(at)
    return [
        raw
        for raw in objects
        if owners[reference(raw).identity] not in owners
        or read_autoscaler(raw) is not None
        or reference(raw).group_kind in SELECTING
        or reference(raw).identity in named
    ]


def _owner(raw: Raw) -> Identity | None:
    owner = controller(raw)
    if owner is None:
        return None
    return GroupKind(owner.group, owner.kind), reference(raw).namespace, owner.name
