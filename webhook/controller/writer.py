"""Everything that the controller writes, each request counted and no faster than is allowed."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from webhook.cluster.api import Api
from webhook.cluster.bucket import Bucket
from webhook.cluster.errors import ApiError
from webhook.cluster.resources import VPAS
from webhook.controller.recorder import Counters
from webhook.core.vpa_plan.steps import Apply, Remove, Step

FIELD_MANAGER = "scaleguard-controller"

REQUEST_SECONDS = 10.0
NOT_LEADER = "NotLeader"

# Invalid by the CRD, or denied by a webhook.
_REFUSED = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}
)

Answer = TypeVar("Answer")


class Writer:
    """Writes VPAs, by requests that the API server and its webhooks judge like anybody's."""

    def __init__(
        self, api: Api, bucket: Bucket, recorder: Counters, may_write: Callable[[], bool]
    ) -> None:
        """`may_write` is asked before each request: leadership may end while one waits."""
        self._api = api
        self._bucket = bucket
        self._recorder = recorder
        self._may_write = may_write

    def write(self, step: Step) -> None:
        """Do what a step says; raises `ApiError`."""
        if isinstance(step, Remove):
            self._remove(step)
        else:
            self._apply(step)

    def refusal(self, vpa: dict[str, Any]) -> str | None:
        """Try a VPA without writing it: what is said against it, None where the cluster takes it.

        Raises `ApiError` where that cannot be told at this moment.
        """
        try:
            self._put(vpa, "try", dry_run=True)
        except ApiError as error:
            if error.status in _REFUSED:
                return str(error)
            raise
        return None

    def _apply(self, step: Apply) -> None:
        self._put(dict(step.vpa), "apply")
        if step.surplus is not None:
            path, patch = VPAS.path(step.ref.namespace, step.ref.name), dict(step.surplus)
            self._asked("trim", lambda: self._api.patch(path, patch, REQUEST_SECONDS))

    def _put(self, vpa: dict[str, Any], verb: str, *, dry_run: bool = False) -> None:
        path = VPAS.path(vpa["metadata"]["namespace"], vpa["metadata"]["name"])
        self._asked(
            verb,
            lambda: self._api.apply(path, vpa, FIELD_MANAGER, REQUEST_SECONDS, dry_run=dry_run),
        )

    def _remove(self, step: Remove) -> None:
        path = VPAS.path(step.ref.namespace, step.ref.name)
        try:
            self._asked("delete", lambda: self._api.delete(path, step.uid, REQUEST_SECONDS))
        except ApiError as error:
            # Gone, or another one under this name: what was meant is not there any more.
            if not (error.is_absent or error.is_conflict):
                raise

    def _asked(self, verb: str, ask: Callable[[], Answer]) -> Answer:
        self._bucket.take()
        if not self._may_write():
            raise ApiError(0, NOT_LEADER, "another replica writes now")
        try:
            answer = ask()
        except ApiError as error:
            self._recorder.asked(verb, error.label)
            raise
        self._recorder.asked(verb, "ok")
        return answer
