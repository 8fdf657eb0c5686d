"""Where the cluster holds the webhook's certificates: a Secret, and its webhook configurations."""

import base64
import binascii
import logging
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from certs.pair import Bundle, Pair
from webhook.cluster.errors import ApiError
from webhook.core.fields import Raw, mapping, members, strings, text

_REQUEST_SECONDS = 10.0

_CONFIGURATIONS = tuple(
    f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"
    for kind in ("validating", "mutating")
)

_log = logging.getLogger("scaleguard.certificates")


class Api(Protocol):
    """What is needed of the API server; `webhook.cluster.api` has it."""

    def get(self, path: str, seconds: float, /) -> dict[str, Any]:
        """Return an object; raises `ApiError`."""
        ...

    def create(self, path: str, raw: dict[str, Any], seconds: float, /) -> dict[str, Any]:
        """Create an object; raises `ApiError`."""
        ...

    def patch(
        self, path: str, patch: dict[str, Any] | list[dict[str, Any]], seconds: float, /
    ) -> dict[str, Any]:
        """Merge an object into one, or apply a JSON patch to it; raises `ApiError`."""
        ...


@dataclass(frozen=True, slots=True)
class CertificateSecret:
    """The Secret with ca.crt, ca.key, tls.crt and tls.key."""

    api: Api
    namespace: str
    name: str

    def __str__(self) -> str:
        """Name it."""
        return f"Secret {self.namespace}/{self.name}"

    def read(self) -> tuple[Bundle, str | None]:
        """Return what it holds, and its version; None where there is no Secret."""
        found = _get(self.api, f"{self._secrets}/{self.name}")
        if found is None:
            return Bundle(), None
        data = strings(found, "data")
        pairs = [
            Pair(_value(data, f"{one}.crt"), _value(data, f"{one}.key")) for one in ("ca", "tls")
        ]
        return Bundle(*pairs), text(mapping(found, "metadata"), "resourceVersion")

    def write(self, bundle: Bundle, version: str | None) -> bool:
        """Put a bundle there; False where somebody else wrote since that version was read."""
        metadata = {"name": self.name}
        try:
            if version is None:
                raw = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
                self.api.create(self._secrets, raw | {"data": _data(bundle)}, _REQUEST_SECONDS)
            else:
                # With a version that is no longer the newest, a merge patch is refused.
                merged = {"metadata": {"resourceVersion": version}, "data": _data(bundle)}
                self.api.patch(f"{self._secrets}/{self.name}", merged, _REQUEST_SECONDS)
        except ApiError as error:
            if error.status == HTTPStatus.CONFLICT:
                return False
            if version is None and error.is_forbidden:
                told = f"there is no {self}, and none may be created: `helm upgrade` makes it"
                raise ApiError(error.status, error.reason, told) from error
            raise
        return True

    @property
    def _secrets(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets"


def publish(api: Api, configurations: tuple[str, ...], authority: bytes) -> None:
    """Put the authority into every webhook that names another one; raises `ApiError`.

    A configuration that is not there is somebody's emergency exit, and no error. Without an
    authority (somebody's own certificate) what is there is theirs, too.
    """
    if not authority:
        return
    wanted = base64.b64encode(authority).decode()
    for path in [f"{kind}/{name}" for kind in _CONFIGURATIONS for name in configurations]:
        patch: list[dict[str, Any]] = []
        for index, webhook in members(_get(api, path) or {}, "webhooks"):
            if text(mapping(webhook, "clientConfig"), "caBundle") != wanted:
                at = f"/webhooks/{index}"
                patch += [
                    {"op": "test", "path": f"{at}/name", "value": text(webhook, "name")},
                    {"op": "add", "path": f"{at}/clientConfig/caBundle", "value": wanted},
                ]
        if patch:
            api.patch(path, patch, _REQUEST_SECONDS)
            _log.info("%s: the certificate authority was put there", path.rpartition("/v1/")[2])


def _get(api: Api, path: str) -> Raw | None:
    try:
        return api.get(path, _REQUEST_SECONDS)
    except ApiError as error:
        if error.is_absent:
            return None
        raise


def _value(data: dict[str, str], name: str) -> bytes:
    with suppress(binascii.Error):
        return base64.b64decode(data.get(name, ""))
    return b""


def _data(bundle: Bundle) -> dict[str, str]:
    content = {
        "ca.crt": bundle.authority.certificate,
        "ca.key": bundle.authority.key,
        "tls.crt": bundle.leaf.certificate,
        "tls.key": bundle.leaf.key,
    }
    return {name: base64.b64encode(value).decode() for name, value in content.items()}
