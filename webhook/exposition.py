"""GET /metrics and how the process is, plain HTTP on an address of its own."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

# A scrape takes milliseconds; four at a time are more than Prometheus in a pair asks for.
_MOST_SCRAPES = 4
_SCRAPE_SECONDS = 5.0


class CertificateAge(Collector):
    """How long the certificate that is served still lasts, read at each scrape."""

    def __init__(self, expiry_seconds: Callable[[], float | None]) -> None:
        self._expiry_seconds = expiry_seconds

    def collect(self) -> Iterable[Metric]:
        """Yield the gauge; nothing where no certificate is loaded."""
        seconds = self._expiry_seconds()
        if seconds is not None:
            yield GaugeMetricFamily(
                "scaleguard_certificate_expiry_seconds",
                "Seconds until the certificate that is served expires; negative when it has.",
                seconds,
            )


class Processes(Collector):
    """What all processes say together.

    Their files forget no label: an info of what is over is 0 there, and is not shown.
    """

    def __init__(self, folder: Path) -> None:
        self._merged = MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterable[Metric]:
        """Yield what is counted, added up or compared as each metric wants it."""
        for metric in self._merged.collect():  # type: ignore[no-untyped-call]
            if metric.name.endswith("_info"):
                metric.samples = [sample for sample in metric.samples if sample.value]
            yield metric


def registry(folder: Path, expiry_seconds: Callable[[], float | None]) -> CollectorRegistry:
    """Put together what is shown: the counters of all processes, and the certificate."""
    shown = CollectorRegistry()
    shown.register(Processes(folder))
    shown.register(CertificateAge(expiry_seconds))
    return shown


class MetricsServer(ThreadingHTTPServer):
    """Serves one registry on a socket that all worker processes share: any of them answers."""

    daemon_threads = True

    def __init__(
        self,
        listener: socket.socket,
        shown: CollectorRegistry,
        checks: Mapping[str, Callable[[], list[str]]] | None = None,
    ) -> None:
        """`checks` are paths beside /metrics, each with what says why all is not well."""
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.shown = shown
        self.checks = checks or {}
        self._scrapes = threading.BoundedSemaphore(_MOST_SCRAPES)

    def start(self) -> None:
        """Serve in a thread of its own, for as long as the process lives."""
        threading.Thread(target=self.serve_forever, name="metrics", daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; hang up on who comes when too many are being answered."""
        if self._scrapes.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, in the thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._scrapes.release()


class _Handler(BaseHTTPRequestHandler):
    timeout = _SCRAPE_SECONDS
    server: MetricsServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in self.server.checks:
            self._tell(self.server.checks[path]())
            return
        if path != "/metrics":
            self._send(
                HTTPStatus.NOT_FOUND,
                "application/json",
                b'{"error": "nothing is served here", "fix": "use /metrics"}',
            )
            return
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        self._send(HTTPStatus.OK, content_type, encode(self.server.shown))

    def _tell(self, reasons: list[str]) -> None:
        """Answer as the webhook's own probes do."""
        status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
        said = {"status": "not ready", "reasons": reasons} if reasons else {"status": "ok"}
        self._send(status, "application/json", json.dumps(said).encode())

    def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing: scrapes come every few seconds."""


def listen(host: str, port: int) -> socket.socket:
    """Bind the address of the metrics, before the fork; raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # Every process is woken by a connection, and one gets it: the others must not wait in accept.
    listener.settimeout(0)
    return listener
