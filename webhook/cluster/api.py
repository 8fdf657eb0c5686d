"""Requests to the API server in raw JSON, each with a deadline.

Of the Kubernetes client this uses what is hard: finding credentials, refreshing them, TLS. Its
models and informers are never used.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlencode, urlsplit

from kubernetes.client.configuration import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject, RESTResponse
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from webhook.cluster import wire
from webhook.cluster.credentials import loader
from webhook.cluster.errors import DEADLINE, UNREACHABLE, ApiError, of_status
from webhook.cluster.pages import PAGE_OBJECTS, Listing, Pages, Raw
from webhook.core.fields import mapping, text
from webhook.core.frozen import frozen

Record = TypeVar("Record")

CONNECT_SECONDS = 5.0

JSON = "application/json"
METADATA = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{JSON}"
METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"
"""Objects without what is in them; a server that knows no such form sends them whole."""
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
"""Server-side apply; JSON is YAML."""

# Credentials that are refused are loaded again, not more often than this.
_RENEWAL_SECONDS = 30.0

_log = logging.getLogger("scaleguard.cluster")


@frozen
class Event:
    """One event of a watch."""

    type: str
    object: Raw


@frozen
class Reply:
    """Whatever was answered."""

    status: int
    body: bytes
    warnings: tuple[str, ...]
    """What the API server, or a webhook by it, warns of."""


class Api:
    """An API server and who we are to it; for many threads."""

    def __init__(self, load: Callable[[], Configuration]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._warnings = wire.Warnings()
        self._user_agent = f"scaleguard/{version('scaleguard')}"
        self._configuration = load()
        self._rest = _Connections(self._configuration)
        self._loaded = time.monotonic()

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return str(self._configuration.host)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._rest.close()

    def get(
        self,
        path: str,
        seconds: float,
        query: Mapping[str, str] | None = None,
        accept: str = JSON,
    ) -> Raw:
        """Return an object; raises `ApiError`."""
        until = time.monotonic() + seconds
        try:
            return self._json("GET", path, until, query, accept=accept)
        except ApiError as error:
            # A kept connection that the server closed at this moment fails without an answer.
            if error.reason != UNREACHABLE or time.monotonic() >= until:
                raise
            return self._json("GET", path, until, query, accept=accept)

    def time(self, seconds: float) -> datetime | None:
        """Return the time by the API server's clock; None where it does not tell it.

        Raises `ApiError`.
        """
        response = self._send("GET", "/version", seconds)
        wire.body(response, time.monotonic() + seconds)
        response.response.release_conn()
        return wire.date(response)

    def list(  # noqa: PLR0913 - what a list consists of
        self,
        path: str,
        read: Callable[[Raw], Record],
        page_seconds: float,
        *,
        seconds: float | None = None,
        on_page: Callable[[int], None] = lambda _count: None,
        labels: str = "",
        at_once: int = PAGE_OBJECTS,
    ) -> Listing[Record]:
        """Return all objects of a resource page by page, each read as soon as it is there.

        Without a resourceVersion: what was written before this call is in it. `labels` selects
        some, `at_once` is how many a page has. Raises `ApiError`.
        """
        until = time.monotonic() + seconds if seconds is not None else float("inf")
        return Pages(path, read, page_seconds, until, on_page, labels, at_once).all(self.get)

    def version(self, path: str, seconds: float) -> str:
        """Return the resourceVersion of a resource as it is now; raises `ApiError`."""
        page = self.get(path, seconds, {"limit": "1"}, METADATA_LIST)
        return text(mapping(page, "metadata"), "resourceVersion")

    def watch(
        self,
        path: str,
        resource_version: str,
        server_seconds: int,
        read_seconds: float,
        *,
        metadata_only: bool = False,
    ) -> Generator[Event | None, None, None]:
        """Yield None once the watch stands, then events until the server ends it.

        Raises `ApiError`, also when nothing came for `read_seconds`, and when the server does not
        end it after `server_seconds`.
        """
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(server_seconds),
        }
        until = time.monotonic() + server_seconds + read_seconds
        accept = METADATA if metadata_only else JSON
        response = self._send("GET", path, read_seconds, query, accept=accept)
        try:
            yield None
            for line in wire.lines(response, until):
                event = wire.decode(line)
                found = event.get("object")
                yield Event(str(event.get("type", "")), found if isinstance(found, dict) else {})
        finally:
            response.response.close()

    def create(self, path: str, raw: Raw, seconds: float) -> Raw:
        """Create an object; raises `ApiError`."""
        return self._json("POST", path, time.monotonic() + seconds, None, raw, JSON)

    def replace(self, path: str, raw: Raw, seconds: float) -> Raw:
        """Write an object over the version that it names; raises `ApiError`."""
        return self._json("PUT", path, time.monotonic() + seconds, None, raw, JSON)

    def patch(self, path: str, patch: Raw | Sequence[Raw], seconds: float) -> Raw:
        """Patch an object: a list is a JSON patch (RFC 6902), an object a merge patch (RFC 7396).

        Raises `ApiError`.
        """
        merges = isinstance(patch, dict)
        content, kind = (patch, MERGE_PATCH) if merges else (list(patch), JSON_PATCH)
        return self._json("PATCH", path, time.monotonic() + seconds, None, content, kind)

    def apply(
        self, path: str, raw: Raw, manager: str, seconds: float, *, dry_run: bool = False
    ) -> Raw:
        """Apply an object by server-side apply, as the one who manages its fields.

        Takes over the fields that others have set. Raises `ApiError`.
        """
        query = {"fieldManager": manager, "force": "true"}
        if dry_run:
            query["dryRun"] = "All"
        return self._json("PATCH", path, time.monotonic() + seconds, query, raw, APPLY_PATCH)

    def delete(self, path: str, uid: str, seconds: float) -> None:
        """Delete an object if it still is the one with this uid; raises `ApiError`."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        self._json("DELETE", path, time.monotonic() + seconds, None, options, JSON)

    def ask(
        self,
        method: str,
        path: str,
        seconds: float,
        query: Mapping[str, str] | None = None,
        raw: Raw | None = None,
    ) -> Reply:
        """Return what is answered, be it good or an error; raises `ApiError` where nothing is."""
        until = time.monotonic() + seconds
        kind = None if raw is None else JSON
        response = self._answer(method, path, seconds, query, raw, kind)
        try:
            body = wire.body(response, until)
        except ApiError:
            response.response.close()
            raise
        finally:
            response.response.release_conn()
        return Reply(response.status, body, wire.warnings(response))

    def _json(  # noqa: PLR0913, PLR0917 - what a request consists of
        self,
        method: str,
        path: str,
        until: float,
        query: Mapping[str, str] | None,
        body: Any = None,
        content_type: str | None = None,
        accept: str = JSON,
    ) -> Raw:
        left = until - time.monotonic()
        response = self._send(method, path, left, query, body, content_type, accept)
        try:
            return wire.decode(wire.body(response, until))
        except ApiError:
            response.response.close()  # unread, it must not go back among those that are kept
            raise
        finally:
            response.response.release_conn()

    def _send(  # noqa: PLR0913, PLR0917 - what a request consists of
        self,
        method: str,
        path: str,
        seconds: float,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str | None = None,
        accept: str = JSON,
    ) -> RESTResponse:
        """Send a request; return the response with its body unread, where it is a good one."""
        response = self._answer(method, path, seconds, query, body, content_type, accept)
        self._warnings.log(response)
        if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            return response
        raise self._refused(response, time.monotonic() + seconds)

    def _answer(  # noqa: PLR0913, PLR0917 - what a request consists of
        self,
        method: str,
        path: str,
        seconds: float,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str | None = None,
        accept: str = JSON,
    ) -> RESTResponse:
        """Send a request; return the response with its body unread."""
        rest, headers = self._ready()
        headers["Accept"] = accept
        if content_type is not None:
            headers["Content-Type"] = content_type
        place = path + (f"?{urlencode(query)}" if query else "")
        if seconds <= 0:
            raise ApiError(0, DEADLINE, "no time was left")
        timeout = (min(CONNECT_SECONDS, seconds), seconds)
        try:
            response = rest.request(method, place, headers, body, timeout)
        except ApiException as error:  # the client's word for what TLS says
            raise ApiError(0, UNREACHABLE, str(error.reason)) from error
        except wire.BROKEN as error:
            raise wire.failure(error) from error
        return response

    def _refused(self, response: RESTResponse, until: float) -> ApiError:
        try:
            text = wire.body(response, until, wire.MOST_ERROR_BYTES)
            response.response.release_conn()
        except ApiError:
            response.response.close()
            text = b""
        if response.status == HTTPStatus.UNAUTHORIZED:
            self._renew()
        return of_status(response.status, text, response.headers.get("Retry-After"))

    def _ready(self) -> tuple["_Connections", dict[str, str]]:
        """Return the connections, and headers with credentials that were refreshed where due."""
        with self._lock:
            rest = self._rest
            settings: Mapping[str, Any] = self._configuration.auth_settings()
        headers = {"User-Agent": self._user_agent}
        headers.update({one["key"]: one["value"] for one in settings.values() if one["value"]})
        return rest, headers

    def _renew(self) -> None:
        """Load the credentials again: certificates of exec plugins expire, kubeconfigs change."""
        with self._lock:
            if time.monotonic() - self._loaded < _RENEWAL_SECONDS:
                return
            self._loaded = time.monotonic()
            try:
                self._configuration = self._load()
            except Exception:  # noqa: BLE001 - whatever a plugin does, requests go on with what there is
                _log.exception("the credentials were refused, and there are no others")
            else:
                self._rest = _Connections(self._configuration)


class _Connections:
    """The client's connections to one API server."""

    def __init__(self, configuration: Configuration) -> None:
        self._server = str(configuration.host)
        self._rest = RESTClientObject(configuration)
        self.close = self._rest.close
        manager = self._rest.pool_manager
        self._wrong = ""
        try:
            server = _parts(self._server)
            self._below = server.path.rstrip("/")
            self._pool = manager.connection_from_url(self._server)
        except (HTTPError, ValueError) as error:
            self._wrong = f"{self._server!r} is no URL of an API server: {error}"
        else:
            # A proxy that reads what it hands on is told whole URLs: the manager's to know.
            self._is_direct = server.scheme == "https" or not manager.proxy

    def request(
        self,
        method: str,
        place: str,
        headers: dict[str, str],
        body: Any,
        timeout: tuple[float, float],
    ) -> RESTResponse:
        """Send a request; return the response with its body unread.

        Raises `ApiError` where the server's URL is wrong, as where nobody is there.

        A GET goes to the connections at once: for each of them the layers above would find out
        anew which server is asked, which takes a third of the processor time of a read.
        """
        if self._wrong:
            raise ApiError(0, UNREACHABLE, self._wrong)
        if method != "GET" or not self._is_direct:
            response: RESTResponse = self._rest.request(
                method, self._server + place, headers, body, None, timeout
            )
            return response
        connect, read = timeout
        return RESTResponse(
            self._pool.urlopen(
                method,
                self._below + place,
                headers=headers,
                timeout=Timeout(connect=connect, read=read),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        )


def _parts(url: str) -> SplitResult:
    parts = urlsplit(url)
    # Without a scheme the client would send a token in the clear.
    if parts.scheme not in {"http", "https"}:
        raise ValueError("it has to begin with https:// or http://")
    return parts


def connect(kubeconfig: Path | None = None, context: str | None = None) -> Api:
    """Find the API server: in a pod by its service account, else by a kubeconfig as kubectl does.

    Nothing is sent yet. Raises `ScaleguardError` with what to do.
    """
    return Api(loader(kubeconfig, context))
