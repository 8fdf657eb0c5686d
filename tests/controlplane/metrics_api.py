"""metrics.k8s.io with a simulated load: what kubelets would measure, if there were any.

The real API server aggregates it, so HPA controller, VPA recommender and ``kubectl top`` read it as
they read metrics-server. Which pods there are, and which of them a selector means, it asks the API
server itself.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import ssl
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.controlplane.components import LOOPBACK
from tests.controlplane.usage import Usage, node_usage

if TYPE_CHECKING:
    from tests.controlplane.cluster import ControlPlane

Raw = dict[str, Any]

GROUP_VERSION = "metrics.k8s.io/v1beta1"
_ROOT = f"/apis/{GROUP_VERSION}"
_SERVICE, _NAMESPACE = "metrics-api", "kube-system"
# How long the usage was measured for. The HPA skips a pod that got ready within its last window.
_WINDOW = "1s"

_DISCOVERY = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": GROUP_VERSION,
    "resources": [
        {
            "name": name,
            "singularName": "",
            "namespaced": kind == "PodMetrics",
            "kind": kind,
            "verbs": ["get", "list"],
        }
        for name, kind in (("pods", "PodMetrics"), ("nodes", "NodeMetrics"))
    ],
}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what goes wrong here, and not that the API server hung up, as it may."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class MetricsApi:
    """The metrics of a control plane's pods; a context manager. Tests set its ``usage``."""

    def __init__(self, plane: ControlPlane, usage: Usage | None = None) -> None:
        self.usage = usage or Usage()
        self._plane = plane
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> Self:
        """Serve and register it; return when the API server passes requests on."""
        plane = self._plane
        host = f"{_SERVICE}.{_NAMESPACE}.svc"
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=plane.layout.authority)
        context.load_cert_chain(*plane.layout.serving(_SERVICE, host))
        # As a real one: only the API server is answered, which has asked RBAC before.
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = server = _Server((LOOPBACK, 0), self._handler())
        # Handshakes belong to the threads of their connections, not to the one that accepts.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        listed = {"apiVersion": "v1", "kind": "List", "items": self._registration()}
        try:
            plane.kubectl("apply", "-f", "-", input=json.dumps(listed))
            available = ("--for=condition=Available", "--timeout=30s")
            plane.kubectl("wait", *available, f"apiservice/{_api_service()}")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Take it out of the API server, which could not end a namespace without it, and end it."""
        if self._server is None:
            return
        server, self._server = self._server, None
        self._plane.kubectl("delete", "apiservice", _api_service(), check=False)
        self._plane.kubectl("delete", "service", "-n", _NAMESPACE, _SERVICE, check=False)
        server.shutdown()
        server.server_close()

    def answer(self, path: str, query: str) -> Raw | None:
        """Return what is at a path, None where nothing is."""
        if path == _ROOT:
            return _DISCOVERY
        match path.removeprefix(f"{_ROOT}/").split("/"):
            case ["nodes", *name] if len(name) <= 1:
                return self._nodes(name, query)
            case ["pods"]:
                return self._pods("", [], query)
            case ["namespaces", namespace, "pods", *name] if len(name) <= 1:
                return self._pods(f"/namespaces/{namespace}", name, query)
        return None

    def _pods(self, where: str, name: list[str], query: str) -> Raw | None:
        used = self.usage.by_pod(self._listed(f"{where}/pods"))
        if name:
            wanted = [pod for pod in used if pod.name == name[0]]
            return wanted[0].metrics(_now()) if wanted else None
        meant = {
            (raw["metadata"]["namespace"], raw["metadata"]["name"])
            for raw in self._listed(f"{where}/pods", query)
        }
        shown = [pod.metrics(_now()) for pod in used if (pod.namespace, pod.name) in meant]
        return _list("PodMetricsList", shown)

    def _nodes(self, name: list[str], query: str) -> Raw | None:
        used = self.usage.by_pod(self._listed("/pods"))
        nodes = self._listed("/nodes", query)
        shown = [node_usage(node, used).metrics(_now()) for node in nodes]
        if not name:
            return _list("NodeMetricsList", shown)
        return next((raw for raw in shown if raw["metadata"]["name"] == name[0]), None)

    def _listed(self, path: str, query: str = "") -> list[Raw]:
        given = parse_qs(query)
        selectors = [
            (key, given[key]) for key in ("labelSelector", "fieldSelector") if key in given
        ]
        context = ssl.create_default_context(cafile=str(self._plane.layout.authority))
        context.load_cert_chain(*self._plane.layout.admin)
        port = self._plane.layout.ports.apiserver
        connection = http.client.HTTPSConnection(LOOPBACK, port, timeout=5, context=context)
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v1{path}?{urlencode(selectors, doseq=True)}")
            response = connection.getresponse()
            listed: Raw = json.loads(response.read())
        if response.status != HTTPStatus.OK:
            raise http.client.HTTPException(listed.get("message", str(response.status)))
        items: list[Raw] = listed["items"]
        return items

    def _registration(self) -> list[Raw]:
        if self._server is None:
            raise RuntimeError("the metrics API has not been started")
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": _SERVICE, "namespace": _NAMESPACE},
            # There are no pods behind it: the API server dials what this says.
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        }
        spec = {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {
                "name": _SERVICE,
                "namespace": _NAMESPACE,
                "port": self._server.server_port,
            },
            "caBundle": self._plane.layout.bundle,
        }
        api = {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": _api_service()},
            "spec": spec,
        }
        return [service, api]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A connection that says nothing must not hold its thread for good.
            timeout = 60

            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                try:
                    found = api.answer(asked.path, asked.query)
                except (OSError, http.client.HTTPException) as error:
                    self._fail(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
                    return
                if found is None:
                    self._fail(HTTPStatus.NOT_FOUND, f"{asked.path} is not here")
                else:
                    self._send(HTTPStatus.OK, found)

            def _fail(self, status: HTTPStatus, said: str) -> None:
                reason = status.phrase.replace(" ", "")
                failure = {"status": "Failure", "reason": reason, "message": said, "code": status}
                self._send(status, {"kind": "Status", "apiVersion": "v1", **failure})

            def _send(self, status: HTTPStatus, raw: Raw) -> None:
                body = json.dumps(raw).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: it is asked several times a second."""

        return Handler

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _api_service() -> str:
    group, version = GROUP_VERSION.split("/")
    return f"{version}.{group}"


def _now() -> Raw:
    """When it was measured, in the whole seconds that the API has."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"timestamp": now, "window": _WINDOW}


def _list(kind: str, items: list[Raw]) -> Raw:
    return {"kind": kind, "apiVersion": GROUP_VERSION, "metadata": {}, "items": items}
