"""A pod of a running cluster, or what makes pods there, with the world that it stands in."""

import difflib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml

from webhook.cluster.api import Api, connect
from webhook.cluster.credentials import DEFAULT_KUBECONFIG
from webhook.cluster.discovery import Discovery
from webhook.cluster.errors import ApiError
from webhook.cluster.resources import (
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    RESOURCE_CLAIM,
    RESOURCE_CLAIM_TEMPLATE,
    RESOURCE_QUOTAS,
    VPAS,
    Resource,
    targets,
    templates,
)
from webhook.cluster.scan import DISCOVERY_SECONDS, PAGE_SECONDS, Unread
from webhook.core.decide import Judge
from webhook.core.fields import Raw, mapping, members, text
from webhook.core.kinds import Kinds, plural
from webhook.core.objects import DEFAULT_NAMESPACE, POD, GroupKind, reference
from webhook.core.pod import claim_names
from webhook.core.world import World
from webhook.errors import ScaleguardError

# As kubectl shortens them; where a word means two kinds, the first that is known is meant.
_SHORT = {
    "po": "pod",
    "rc": "replicationcontroller",
    "deploy": "deployment",
    "rs": "replicaset",
    "sts": "statefulset",
    "ds": "daemonset",
    "cj": "cronjob",
    "ksvc": "service",
    "isvc": "inferenceservice",
    "lws": "leaderworkerset",
    "vcjob": "job.batch.volcano.sh",
}


class Meant(NamedTuple):
    """What somebody wants to have explained."""

    kind: GroupKind
    plural: str
    name: str
    is_bare: bool
    """Whether no kind was given."""


@dataclass
class Found:
    """An object of a cluster, its world, and what of that could not be read."""

    raw: Raw
    world: World
    unread: list[str] = field(default_factory=list)


def look_up(
    name: str, namespace: str | None, kubeconfig: Path | None, context: str | None, judge: Judge
) -> Found:
    """Read what a name means; raises `ScaleguardError` with all that was tried."""
    meant = _meant(name, judge.knowledge.kinds)
    try:
        api = connect(kubeconfig, context)
    except ScaleguardError as error:
        if not meant.is_bare:
            raise
        raise ScaleguardError(
            f"{name}: there is no such file, and no cluster to look for such a pod in: {error}"
        ) from error
    where = namespace or usual_namespace(kubeconfig, context)
    try:
        raw = _get(api, meant, where)
        return _Surroundings(api, where, judge).of(raw)
    finally:
        api.close()


def _meant(name: str, known: Kinds) -> Meant:
    """Read NAME or KIND/NAME."""
    written, slash, short_name = name.partition("/")
    if not slash:
        return Meant(POD, known.plural(POD), name, is_bare=True)
    kinds = (POD, *targets(known), *templates(known))
    for kind in kinds:
        if is_kind(written, kind, known):
            return Meant(kind, known.plural(kind), short_name, is_bare=False)
    word = written.lower().partition(".")[0]
    near = difflib.get_close_matches(word, [kind.kind.lower() for kind in kinds], n=1)
    hint = f"did you mean {near[0]}/{short_name}?" if near else "write pod/NAME or deployment/NAME"
    raise ScaleguardError(
        f"{name}: there is no such file, and {written} is no kind that makes pods; {hint}"
    )


def is_kind(written: str, kind: GroupKind, known: Kinds) -> bool:
    """Whether a word means a kind, as kubectl takes it: singular, plural, short, with a group."""
    word, _, group = written.lower().partition(".")
    word, _, own_group = f"{_SHORT.get(word, word)}.{group}".strip(".").partition(".")
    if word not in {kind.kind.lower(), known.plural(kind)}:
        return False
    # `deployment.apps`, or with the version before the group: `deployment.v1.apps`.
    return own_group in {"", kind.group, *_versioned(own_group, kind.group)}


def _versioned(written: str, group: str) -> tuple[str, ...]:
    return (written,) if group and written.endswith(f".{group}") else ()


def _get(api: Api, meant: Meant, namespace: str) -> Raw:
    kind, resources, name, is_bare = meant
    what = f"{kind.kind} {namespace}/{name}"
    try:
        resource = Discovery(api).find(kind, DISCOVERY_SECONDS)
        if resource is None:
            raise ScaleguardError(
                f"{api.server} has no {resources} of {kind.group}: the CRD is not installed"
            )
        return api.get(resource.path(namespace, name), PAGE_SECONDS)
    except ApiError as error:
        if error.is_forbidden:
            raise ScaleguardError(
                f"{what}: no right to get {resources} in namespace {namespace}; ask for "
                "it, or explain the manifest"
            ) from error
        if not error.is_absent:
            raise ScaleguardError(
                f"{api.server}: {error}; see whether `kubectl get {kind.kind.lower()} {name} "
                f"-n {namespace}` works with the same kubeconfig and context"
            ) from error
        if not is_bare:
            raise ScaleguardError(
                f"{what}: not found at {api.server}; -n names its namespace"
            ) from error
        raise ScaleguardError(
            f"{name}: there is no such file, and no pod of that name in namespace {namespace} of "
            f"{api.server}; -n names another one, and KIND/NAME another kind: deployment/{name}"
        ) from error


class _Surroundings:
    """Reads what matters for the pods of one object, as far as there are rights."""

    def __init__(self, api: Api, namespace: str, judge: Judge) -> None:
        self._api = api
        self._namespace = namespace
        self._judge = judge
        self._unread: list[str] = []

    def of(self, raw: Raw) -> Found:
        """Read the namespace of an object, what is in it, the nodes, and the pods' claims."""
        world = World.of([raw], self._judge.knowledge.kinds)
        for one in self._all(raw, world):
            world.put(one)
        return Found(raw, world, self._unread)

    def _all(self, raw: Raw, world: World) -> Iterator[Raw]:
        # A VPA never acts on a pod without its workload.
        vpas = () if reference(raw).group_kind == POD else (VPAS,)
        yield from self._try(NAMESPACES, "get", self._one(NAMESPACES, self._namespace))
        for resource in (LIMIT_RANGES, RESOURCE_QUOTAS, *vpas):
            yield from self._try(resource, "list", self._list(resource, self._namespace, dict))
        yield from self._try(NODES, "list", self._list(NODES, None, _slim))
        named = {
            claim: None for pod in self._judge.pods(raw, world) for claim in claim_names(pod.pod)
        }
        for _, name, is_template in named:
            kind = RESOURCE_CLAIM_TEMPLATE if is_template else RESOURCE_CLAIM
            yield from self._try(kind, "get", self._claim(kind, name))

    def _try(
        self, what: Resource | GroupKind, verb: str, read: Callable[[], list[Raw]]
    ) -> list[Raw]:
        """Read; what is not there is not said, what may not be read is."""
        try:
            return read()
        except ApiError as error:
            if not error.is_absent:
                name = (
                    str(what) if isinstance(what, Resource) else f"{plural(what.kind)}.{what.group}"
                )
                where = None if what == NODES else self._namespace
                self._unread.append(str(Unread(name, where, error, verb)))
            return []

    def _one(self, resource: Resource, name: str) -> Callable[[], list[Raw]]:
        return lambda: [self._api.get(resource.path(self._namespace, name), PAGE_SECONDS)]

    def _list(
        self, resource: Resource, namespace: str | None, read: Callable[[Raw], Raw]
    ) -> Callable[[], list[Raw]]:
        return lambda: list(self._api.list(resource.path(namespace), read, PAGE_SECONDS).items)

    def _claim(self, kind: GroupKind, name: str) -> Callable[[], list[Raw]]:
        def read() -> list[Raw]:
            resource = Discovery(self._api).find(kind, DISCOVERY_SECONDS)
            return self._one(resource, name)() if resource is not None else []

        return read


def _slim(node: Raw) -> Raw:
    """Keep of a node what is read of it: a cluster may have thousands."""
    metadata = mapping(node, "metadata")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": metadata.get("name"), "labels": metadata.get("labels")},
        "spec": {"taints": mapping(node, "spec").get("taints")},
        "status": {"allocatable": mapping(node, "status").get("allocatable")},
    }


def usual_namespace(kubeconfig: Path | None, context: str | None) -> str:
    """Return the namespace of a context, as kubectl takes it: what several files say is joined."""
    listed = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG
    contexts: list[Raw] = []
    current = context or ""
    for name in listed.split(os.pathsep):
        read = _yaml(Path(name).expanduser())
        current = current or text(read, "current-context")
        contexts += [one for _, one in members(read, "contexts")]
    found = (
        text(mapping(one, "context"), "namespace")
        for one in contexts
        if text(one, "name") == current
    )
    return next(found, "") or DEFAULT_NAMESPACE


def _yaml(path: Path) -> Raw:
    """Read a file that the client has read already, or that is not there."""
    try:
        return mapping(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
