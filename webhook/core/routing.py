"""Which Services a set of manifests has, and which it only names: in routes and workloads."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from webhook.core.fields import Raw, mapping, members, text
from webhook.core.objects import DEFAULT_NAMESPACE, GroupKind, reference
from webhook.core.services import SELECTING, SERVICE, Service, read_service


@dataclass(slots=True)
class Routing:
    """The Services and pools of manifests, by their namespace."""

    _services: dict[str, list[Service]] = field(default_factory=lambda: defaultdict(list))
    _named: set["Backend"] = field(default_factory=set)
    """What something sends traffic to, be it here or not."""
    _folders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Where the Services of a namespace are that select pods."""

    def copy(self) -> "Routing":
        """Return the same, to be added to by itself."""
        other = Routing(_named=set(self._named))
        for namespace, services in self._services.items():
            other._services[namespace] = list(services)
        for namespace, folders in self._folders.items():
            other._folders[namespace] = set(folders)
        return other

    def put(self, raw: Raw, folder: str) -> None:
        """Take in whatever may bring traffic or name what does."""
        self._named.update(backends(raw))
        if reference(raw).group_kind in SELECTING:
            service = read_service(raw)
            namespace = service.ref.namespace or DEFAULT_NAMESPACE
            self._services[namespace].append(service)
            if service.selector is not None:
                self._folders[namespace].add(folder)

    def services(self, namespace: str) -> Sequence[Service]:
        """Those of a namespace."""
        return self._services.get(namespace, ())

    def is_complete(self, namespace: str, folders: set[str]) -> bool:
        """Whether manifests in some folders have their Services among them.

        Those without any say nothing of it, and Services in other folders are those of other
        applications, which share a namespace in manifests that name none. Nor are all here where
        something sends traffic to one that is not.
        """
        here = self.services(namespace)
        known = {Backend(namespace, one.ref.group_kind, one.ref.name or "") for one in here}
        named = {one for one in self._named if one.namespace == namespace}
        return named <= known and not folders.isdisjoint(self._folders.get(namespace, ()))


class Backend(NamedTuple):
    """What something sends traffic to."""

    namespace: str
    group_kind: GroupKind
    name: str


_INGRESSES = frozenset(
    {GroupKind("networking.k8s.io", "Ingress"), GroupKind("extensions", "Ingress")}
)
_ROUTES = "gateway.networking.k8s.io"
_ROLLOUT = GroupKind("argoproj.io", "Rollout")
_STATEFUL_SET = GroupKind("apps", "StatefulSet")
_CANARY = GroupKind("flagger.app", "Canary")


def backends(raw: Raw) -> Iterator[Backend]:
    """Yield the Services and pools that an object names, or that its operator makes (Flagger)."""
    ref, spec = reference(raw), mapping(raw, "spec")
    namespace = ref.namespace or DEFAULT_NAMESPACE
    kind = ref.group_kind
    if kind.group == _ROUTES:
        yield from _of_route(spec, namespace)
        return
    names: Iterator[str] = iter(())
    if kind in _INGRESSES:
        names = _of_ingress(spec)
    elif kind == _ROLLOUT:
        names = _of_rollout(spec)
    elif kind == _STATEFUL_SET:
        names = iter([text(spec, "serviceName")])
    elif kind == _CANARY:
        named = text(mapping(spec, "service"), "name")
        names = iter([named or text(mapping(spec, "targetRef"), "name")])
    yield from (Backend(namespace, SERVICE, name) for name in names if name)


def _of_route(spec: Raw, namespace: str) -> Iterator[Backend]:
    for _, rule in members(spec, "rules"):
        for _, one in members(rule, "backendRefs"):
            kind = GroupKind(text(one, "group"), text(one, "kind") or SERVICE.kind)
            if name := text(one, "name"):
                yield Backend(text(one, "namespace") or namespace, kind, name)


def _of_ingress(spec: Raw) -> Iterator[str]:
    """Read the backends of an Ingress; v1beta1 has the name of the Service on the backend."""
    found = [mapping(spec, "defaultBackend"), mapping(spec, "backend")]
    for _, rule in members(spec, "rules"):
        found += [mapping(path, "backend") for _, path in members(mapping(rule, "http"), "paths")]
    for one in found:
        yield text(mapping(one, "service"), "name") or text(one, "serviceName")


def _of_rollout(spec: Raw) -> Iterator[str]:
    strategy = mapping(spec, "strategy")
    for name in ("stableService", "canaryService"):
        yield text(mapping(strategy, "canary"), name)
    for name in ("activeService", "previewService"):
        yield text(mapping(strategy, "blueGreen"), name)
