"""Replicas that share nothing but an API server, and see of it what a test lets them see."""

import json
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry

from tests.unit.core.autoscalers import asked, at
from webhook.cluster.counterparts import Watched
from webhook.cluster.denials import Denials
from webhook.cluster.errors import UNREACHABLE, ApiError
from webhook.cluster.fresh import RESOURCES, Fresh
from webhook.cluster.leases import ANNOTATION, Leases
from webhook.cluster.ledger import Ledger
from webhook.cluster.live import LiveWorld
from webhook.cluster.lookups import Lookups
from webhook.cluster.recorder import Counters
from webhook.cluster.resources import LEASES
from webhook.cluster.sight import Sight
from webhook.cluster.surroundings import Surroundings
from webhook.cluster.sweeper import Sweeper
from webhook.cluster.timing import Timing
from webhook.cluster.watch import Watch
from webhook.config import Config
from webhook.core.decide import Decision, Judge, validate
from webhook.core.fields import text
from webhook.core.kinds import Kinds
from webhook.core.objects import reference
from webhook.core.shard import Shard, decode, encode, shard_of
from webhook.knowledge import knowledge
from webhook.wiring import build_judge

Raw = dict[str, Any]

KINDS: Kinds = knowledge().kinds
LEASE = LEASES.path("guard", f"scaleguard-in-flight-{shard_of('shop'):02}")

REQUEST_SECONDS = 10.0

Fault = Callable[[str, str], None]


def judge() -> Judge:
    return build_judge(Config())


class Server:
    """An API server that writes as etcd does: over the version that was read, or not at all."""

    def __init__(self) -> None:
        self.version = 100
        self.objects: dict[str, Raw] = {}
        self.asked: list[tuple[str, str]] = []
        self.before: Fault = lambda _verb, _path: None
        self.after: Fault = lambda _verb, _path: None

    def get(self, path: str, seconds: float) -> Raw:
        self._begin("get", path, seconds)
        if path not in self.objects:
            raise ApiError(404, "NotFound")
        return self.objects[path]

    def create(self, path: str, raw: Raw, seconds: float) -> Raw:
        path = f"{path}/{raw['metadata']['name']}"
        self._begin("create", path, seconds)
        if path in self.objects:
            raise ApiError(409, "AlreadyExists")
        return self._write("create", path, raw)

    def replace(self, path: str, raw: Raw, seconds: float) -> Raw:
        self._begin("update", path, seconds)
        if path not in self.objects:
            raise ApiError(404, "NotFound")
        if (
            text(raw["metadata"], "resourceVersion")
            != self.objects[path]["metadata"]["resourceVersion"]
        ):
            raise ApiError(409, "Conflict")
        return self._write("update", path, raw)

    def store(self, raw: Raw) -> Raw:
        """Write an autoscaler, as after its admission."""
        self.version += 1
        stored = self.objects[_path(raw)] = at(raw, self.version)
        return stored

    def delete(self, raw: Raw) -> Raw:
        """Remove an autoscaler; return what a watch tells of it."""
        self.version += 1
        return at(self.objects.pop(_path(raw)), self.version)

    @property
    def shard(self) -> Shard:
        """What is written of the namespace that all is in."""
        return decode(self.objects[LEASE]["metadata"]["annotations"][ANNOTATION])

    @shard.setter
    def shard(self, shard: Shard) -> None:
        self.version += 1
        metadata = {"name": "lease", "annotations": {ANNOTATION: encode(shard)}}
        self.objects[LEASE] = at({"metadata": metadata}, self.version)

    def in_flight(self) -> list[str | None]:
        """The names of what is written down."""
        return [one.ref.name for one in self.shard.entries]

    def _begin(self, verb: str, path: str, seconds: float) -> None:
        self.asked.append((verb, path))
        self.before(verb, path)
        if seconds <= 0:
            raise ApiError(0, "DeadlineExceeded")

    def _write(self, verb: str, path: str, raw: Raw) -> Raw:
        self.version += 1
        self.objects[path] = at(json.loads(json.dumps(raw)), self.version)
        self.after(verb, path)
        return self.objects[path]


def _path(raw: Raw) -> str:
    ref = reference(raw)
    return RESOURCES[ref.group_kind].path(ref.namespace, ref.name)


class Replica:
    """A process of the webhook; its watches tell it what `sees` and `misses` say."""

    def __init__(self, server: Server, rules: Judge) -> None:
        self.server = server
        self.now = 0.0
        self.registry = CollectorRegistry()
        self.rules = rules
        api: Any = server
        recorder = Counters(self.registry)
        self.watched = Watched.none()
        self.watches = {
            kind: Watch[Any](
                resource,
                self.watched.of_kind(kind),
                api,
                recorder,
                Timing(),
                clock=lambda: self.now,
            )
            for kind, resource in RESOURCES.items()
        }
        for watch in self.watches.values():
            watch.synced = True
            watch.position = server.version
        self.sight = Sight(self.watched, self.watches, lambda: self.now)
        leases, fresh = Leases(api, "guard", recorder), Fresh(api, recorder)
        self.ledger = Ledger(leases, self.sight, Denials(self.watched, fresh), recorder)
        self.sweeper = Sweeper(leases, self.sight, fresh)
        self._lookups = Lookups(api, lambda: KINDS, recorder)

    def sees(self, raw: Raw, *, is_gone: bool = False) -> None:
        """Be told of an object by a watch."""
        kind = reference(raw).group_kind
        store: Any = self.watched.of_kind(kind)
        (store.remove if is_gone else store.put)(store.read(raw))
        self.watches[kind].position = int(raw["metadata"]["resourceVersion"])

    def decides(
        self, raw: Raw, old: Raw | None = None, *, uid: str = "", dry_run: bool = False
    ) -> Decision:
        """Settle a request."""
        request = asked(raw, old, uid or f"review-{raw['metadata'].get('name')}", dry_run=dry_run)
        until = time.monotonic() + REQUEST_SECONDS
        return self.ledger.settle(
            request,
            lambda counterparts: validate(
                request,
                LiveWorld(KINDS, counterparts, self._lookups, Surroundings(), until),
                self.rules,
            ),
            until,
        )

    def admits(self, raw: Raw, old: Raw | None = None, **more: Any) -> bool:
        return self.decides(raw, old, **more).allowed

    def is_denied(self, raw: Raw, old: Raw | None = None, **more: Any) -> bool:
        """Whether it is denied for good, and not asked to come back."""
        decision = self.decides(raw, old, **more)
        return not decision.allowed and decision.ask_again is None

    def is_asked_again(self, raw: Raw, old: Raw | None = None, **more: Any) -> bool:
        return self.decides(raw, old, **more).ask_again is not None

    def sweeps(self) -> None:
        """Look after the shard that all is in."""
        self.sweeper.sweep(shard_of("shop"), time.monotonic() + REQUEST_SECONDS)

    def outcomes(self, outcome: str) -> float:
        name = "scaleguard_ledger_reviews_total"
        return self.registry.get_sample_value(name, {"outcome": outcome}) or 0.0

    def requests(self, verb: str, result: str) -> float:
        labels = {"verb": verb, "result": result}
        return self.registry.get_sample_value("scaleguard_ledger_requests_total", labels) or 0.0


def once(fault: Fault) -> Fault:
    """A fault that happens one time."""
    left = [fault]

    def happen(verb: str, path: str) -> None:
        if verb in {"create", "update"} and left:
            left.pop()(verb, path)

    return happen


def lost(_verb: str, _path: str) -> None:
    raise ApiError(0, UNREACHABLE, "the connection broke")
