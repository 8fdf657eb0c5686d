"""The ledger of requests in flight, as Leases that all replicas read and write."""

import time
from typing import Any

from webhook.cluster.api import Api
from webhook.cluster.errors import ApiError
from webhook.cluster.pages import Raw
from webhook.cluster.recorder import Recorder
from webhook.cluster.resources import LEASES
from webhook.core.entry import version_of
from webhook.core.fields import annotation, mapping
from webhook.core.frozen import frozen
from webhook.core.shard import BadShard, Shard, decode, encode
from webhook.core.verdict import CannotJudge

NAME = "scaleguard-in-flight"
ANNOTATION = "scaleguard.io/in-flight"

# One request, of the 2.5 s that a judgement has.
LEASE_SECONDS = 1.5

# A judgement that took all its time is still written down: the API server waits half a second more.
_LEAST_WRITE_SECONDS = 0.3


@frozen
class Page:
    """A shard as it was read."""

    number: int
    shard: Shard
    raw: Raw | None
    """The Lease; None while there is none."""

    @property
    def version(self) -> int:
        """Its resourceVersion."""
        return version_of(self.raw) if self.raw is not None else 0


class Leases:
    """Reads and writes shards; each request is counted."""

    def __init__(self, api: Api, namespace: str, recorder: Recorder) -> None:
        self.namespace = namespace
        self._api = api
        self._recorder = recorder

    def read(self, number: int, until: float) -> Page:
        """Read a shard as it is once this was asked; raises `CannotJudge`."""
        try:
            raw = self._api.get(self._path(number), _seconds(until))
        except ApiError as error:
            self._recorder.ledger_asked("get", error.label)
            if error.is_absent:
                return Page(number, Shard(), None)
            raise self._failed("read", number, error) from error
        self._recorder.ledger_asked("get", "ok")
        written = annotation(raw, ANNOTATION)
        try:
            return Page(number, decode(written) if written is not None else Shard(), raw)
        except BadShard as error:
            raise CannotJudge(
                f"annotation {ANNOTATION} of {self._named(number)} cannot be relied on: {error}; "
                "delete the Lease, and it is made anew"
            ) from error

    def write(self, page: Page, shard: Shard, until: float) -> bool:
        """Write a shard over the one that was read; False where somebody else was quicker.

        Raises `FullShard`, and `CannotJudge`: it is not known then whether it was written.
        """
        raw = _lease(self._name(page.number), self.namespace, page.raw, encode(shard))
        verb = "create" if page.raw is None else "update"
        seconds = max(_seconds(until), _LEAST_WRITE_SECONDS)
        try:
            if page.raw is None:
                self._api.create(LEASES.path(self.namespace), raw, seconds)
            else:
                self._api.replace(self._path(page.number), raw, seconds)
        except ApiError as error:
            self._recorder.ledger_asked(verb, error.label)
            # One that was deleted in between is read again, and made.
            if error.is_conflict or (error.is_absent and page.raw is not None):
                return False
            raise self._failed(verb, page.number, error) from error
        self._recorder.ledger_asked(verb, "ok")
        return True

    def _failed(self, verb: str, number: int, error: ApiError) -> CannotJudge:
        fix = f"; the webhook needs get, create and update on leases of namespace {self.namespace}"
        return CannotJudge(
            f"requests in flight are not known: no {verb} of {self._named(number)}: {error}"
            + (fix if error.is_forbidden or error.is_absent else "")
        )

    def _path(self, number: int) -> str:
        return LEASES.path(self.namespace, self._name(number))

    def _named(self, number: int) -> str:
        return f"Lease {self.namespace}/{self._name(number)}"

    @staticmethod
    def _name(number: int) -> str:
        return f"{NAME}-{number:02}"


def _seconds(until: float) -> float:
    return min(LEASE_SECONDS, until - time.monotonic())


def _lease(name: str, namespace: str, before: Raw | None, written: str) -> Raw:
    """Make what is written; whatever else stands in a Lease stays."""
    raw: dict[str, Any] = dict(before or {"metadata": {"name": name, "namespace": namespace}})
    metadata = mapping(raw, "metadata")
    annotations = {**mapping(metadata, "annotations"), ANNOTATION: written}
    kind = {"apiVersion": "coordination.k8s.io/v1", "kind": LEASES.kind}
    return {**raw, **kind, "metadata": {**metadata, "annotations": annotations}}
