"""Single autoscalers as they are now: the watches may be behind a change that frees the way."""

import time
from collections.abc import Mapping

from webhook.cluster.api import Api
from webhook.cluster.errors import ApiError
from webhook.cluster.pages import Raw
from webhook.cluster.recorder import Recorder
from webhook.cluster.resources import AUTOSCALERS, Resource
from webhook.core.objects import GroupKind, ObjectRef

FRESH_SECONDS = 1.0

RESOURCES: Mapping[GroupKind, Resource] = {
    resource.group_kind: resource for resource in AUTOSCALERS
}


class Fresh:
    """Reads autoscalers one by one; each read is counted."""

    def __init__(self, api: Api, recorder: Recorder) -> None:
        self._api = api
        self._recorder = recorder

    def read(self, ref: ObjectRef, until: float) -> Raw | None:
        """Read an object as it is once this was asked; None where there is none.

        Raises `ApiError` where that is not known.
        """
        resource = RESOURCES[ref.group_kind]
        seconds = min(FRESH_SECONDS, until - time.monotonic())
        try:
            raw = self._api.get(resource.path(ref.namespace, ref.name or ""), seconds)
        except ApiError as error:
            self._recorder.looked_up("counterpart", error.label)
            if error.is_absent:
                return None
            raise
        self._recorder.looked_up("counterpart", "found")
        return raw
