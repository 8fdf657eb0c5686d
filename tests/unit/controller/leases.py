"""A Lease as the API server keeps it, and candidates whose clocks a test moves."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from webhook.cluster.errors import ApiError
from webhook.controller.election import Candidacy, Election

if TYPE_CHECKING:
    from webhook.cluster.api import Api

Raw = dict[str, Any]


@dataclass
class LeaseServer:
    """One Lease, written only over the version that was read."""

    lease: Raw | None = None
    version: int = 0
    asked: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _verb: None
    """Happens between the sending of a request and its effect."""
    after: Callable[[str], None] = lambda _verb: None
    """Happens between the effect and the answer."""

    def get(self, path: str, seconds: float) -> Raw:
        assert path == "/apis/coordination.k8s.io/v1/namespaces/guard/leases/controller"
        assert seconds == 5
        return self._answered("get", self._read)

    def create(self, path: str, raw: Raw, _seconds: float) -> Raw:
        assert path == "/apis/coordination.k8s.io/v1/namespaces/guard/leases"

        def created() -> Raw:
            if self.lease is not None:
                raise ApiError(409, "AlreadyExists")
            return self._write(raw)

        return self._answered("create", created)

    def replace(self, _path: str, raw: Raw, _seconds: float) -> Raw:
        def replaced() -> Raw:
            if self._read()["metadata"]["resourceVersion"] != raw["metadata"]["resourceVersion"]:
                raise ApiError(409, "Conflict")
            return self._write(raw)

        return self._answered("replace", replaced)

    def _answered(self, verb: str, happens: Callable[[], Raw]) -> Raw:
        self.asked.append(verb)
        self.before(verb)
        found = happens()
        self.after(verb)
        return found

    def _read(self) -> Raw:
        if self.lease is None:
            raise ApiError(404, "NotFound")
        return copy.deepcopy(self.lease)

    def _write(self, raw: Raw) -> Raw:
        self.version += 1
        self.lease = copy.deepcopy(raw)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        return self._read()


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)


class Candidate:
    """Somebody who stands for election, stepped by the test."""

    def __init__(
        self, server: LeaseServer, time: Time, identity: str, *, ahead: float = 0.0
    ) -> None:
        self.elected = 0
        self.election = Election(
            cast("Api", server),
            Candidacy("guard", "controller", identity),
            self._count,
            clock=lambda: time() + ahead,
            now=time.now,
            jitter=lambda: 0.0,
        )

    def _count(self) -> None:
        assert self.election.is_leader, "told before it is so"
        self.elected += 1

    @property
    def leads(self) -> bool:
        return self.election.is_leader

    def step(self) -> bool:
        self.election.step()
        return self.leads
