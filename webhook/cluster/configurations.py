"""Our webhook configurations: whom the API server trusts there, and at which path it asks."""

import base64
import logging
from collections.abc import Iterator
from typing import Any

from certs.kept import is_path
from webhook.cluster.errors import ApiError
from webhook.cluster.kept_secret import Api
from webhook.core.fields import Raw, decoded, mapping, members, text
from webhook.core.frozen import frozen

_REQUEST_SECONDS = 10.0

# Kind as kubectl names it -> what is asked there.
_ENDPOINTS = {
    "validatingwebhookconfigurations": "validate",
    "mutatingwebhookconfigurations": "mutate",
}
_ROOT = "/apis/admissionregistration.k8s.io/v1"

Configurations = list[tuple[str, Raw]]
"""Those that are there, each with its path."""

_log = logging.getLogger("scaleguard.certificates")


@frozen
class Published:
    """What the API server knows of one webhook."""

    configuration: str
    """`validatingwebhookconfigurations/NAME`."""
    webhook: str
    bundle: bytes
    """PEM; empty where there is none."""
    segment: str
    """The first segment of the path that is asked at; empty where there is none."""
    host: str
    """The name that the certificate has to have; empty where it is asked by a URL."""


def read(api: Api, names: tuple[str, ...]) -> Configurations:
    """Return the configurations of these names.

    One that is not there is somebody's emergency exit, and no error. Raises `ApiError`.
    """
    paths = [f"{_ROOT}/{kind}/{name}" for kind in _ENDPOINTS for name in names]
    found = ((path, _get(api, path)) for path in paths)
    return [(path, raw) for path, raw in found if raw is not None]


def published(configurations: Configurations) -> Iterator[Published]:
    """Read what the API server knows of each webhook."""
    for path, raw in configurations:
        for _, webhook in members(raw, "webhooks"):
            client = mapping(webhook, "clientConfig")
            service = mapping(client, "service")
            names = [text(service, name) for name in ("name", "namespace")]
            yield Published(
                path.removeprefix(f"{_ROOT}/"),
                text(webhook, "name"),
                decoded(text(client, "caBundle")),
                _segment(text(service, "path")),
                f"{'.'.join(names)}.svc" if all(names) else "",
            )


class Told:
    """What the API server was told, in one round of who tells it."""

    def __init__(self, api: Api, names: tuple[str, ...]) -> None:
        """Read it. Raises `ApiError`."""
        self._api = api
        self._configurations = read(api, names)

    @property
    def asked_at(self) -> str:
        """A path of ours that it asks at; empty where there is none."""
        segments = (one.segment for one in published(self._configurations))
        return next(filter(is_path, segments), "")

    def tell(self, bundle: bytes, segment: str) -> None:
        """Put authorities and path into every webhook that has others; raises `ApiError`.

        Without a bundle (somebody else's certificate) what is there is theirs, too.
        """
        for number, (path, raw) in enumerate(self._configurations):
            patch = _patch(raw, bundle, f"/{segment}/{_ENDPOINTS[path.split('/')[-2]]}")
            if patch:
                changed = self._api.patch(path, patch, _REQUEST_SECONDS)
                self._configurations[number] = path, changed
                _log.info("%s: authorities and path are told", path.removeprefix(f"{_ROOT}/"))


def _patch(raw: Raw, bundle: bytes, asked_at: str) -> list[dict[str, Any]]:
    wanted = base64.b64encode(bundle).decode()
    patch: list[dict[str, Any]] = []
    for index, webhook in members(raw, "webhooks"):
        at, client = f"/webhooks/{index}/clientConfig", mapping(webhook, "clientConfig")
        if bundle and text(client, "caBundle") != wanted:
            patch.append(_add(f"{at}/caBundle", wanted))
        if "service" in client and text(mapping(client, "service"), "path") != asked_at:
            patch.append(_add(f"{at}/service/path", asked_at))
    if not patch:
        return []
    # Refused where it is no longer the newest: who led before and comes late takes nothing back.
    version = text(mapping(raw, "metadata"), "resourceVersion")
    return [_add("/metadata/resourceVersion", version), *patch]


def _add(path: str, value: str) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def _segment(path: str) -> str:
    """Read the segment before the endpoint: `/segment/validate`."""
    parts = path.strip("/").split("/")
    return parts[0] if len(parts) == len(("segment", "endpoint")) else ""


def _get(api: Api, path: str) -> Raw | None:
    try:
        return api.get(path, _REQUEST_SECONDS)
    except ApiError as error:
        if error.is_absent:
            return None
        raise
