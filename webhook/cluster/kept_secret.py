"""A Secret that the chart makes and we fill: read as a whole, written over the version read."""

import base64
from collections.abc import Mapping
from typing import Any, Protocol

from webhook.cluster.errors import ApiError
from webhook.core.fields import decoded, mapping, strings, text
from webhook.core.frozen import frozen

_REQUEST_SECONDS = 10.0


class Api(Protocol):
    """What is needed of the API server; `webhook.cluster.api` has it."""

    def get(self, path: str, seconds: float, /) -> dict[str, Any]:
        """Return an object; raises `ApiError`."""
        ...

    def patch(
        self, path: str, patch: dict[str, Any] | list[dict[str, Any]], seconds: float, /
    ) -> dict[str, Any]:
        """Merge an object into one, or apply a JSON patch to it; raises `ApiError`."""
        ...


@frozen
class Content:
    """What a Secret held when it was read."""

    data: Mapping[str, bytes]
    annotations: Mapping[str, str]
    version: str


@frozen
class KeptSecret:
    """One Secret by its name."""

    api: Api
    namespace: str
    name: str

    def __str__(self) -> str:
        """Name it."""
        return f"Secret {self.namespace}/{self.name}"

    def read(self) -> Content:
        """Return what it holds, without what is no base64; raises `ApiError`."""
        try:
            found = self.api.get(self._path, _REQUEST_SECONDS)
        except ApiError as error:
            if error.is_absent:
                told = f"there is no {self}: `helm upgrade` makes it"
                raise ApiError(error.status, error.reason, told) from error
            raise
        data = {name: decoded(value) for name, value in strings(found, "data").items()}
        metadata = mapping(found, "metadata")
        annotations = strings(metadata, "annotations")
        return Content(data, annotations, text(metadata, "resourceVersion"))

    def write(self, before: Content, data: Mapping[str, bytes | None], *without: str) -> None:
        """Change what it holds; what is None goes, and so do annotations of the names `without`.

        Raises `ApiError`, a conflict where somebody else wrote since it was read.
        """
        merged = {
            # With a version that is no longer the newest, a merge patch is refused.
            "metadata": {
                "resourceVersion": before.version,
                "annotations": dict.fromkeys(without),
            },
            "data": {
                name: base64.b64encode(value).decode() if value is not None else None
                for name, value in data.items()
            },
        }
        self.api.patch(self._path, merged, _REQUEST_SECONDS)

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets/{self.name}"
