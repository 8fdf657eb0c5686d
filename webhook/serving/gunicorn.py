"""Serve the application with gunicorn: processes, threads, TLS, metrics, and a gentle end."""

import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger

from certs.store import StoreError, check_mounted, ensure
from webhook.errors import ScaleguardError
from webhook.exposition import MetricsServer, listen, registry
from webhook.serving.authorities import Authorities
from webhook.serving.multiprocess import SharedCounters, memory_folder, shared_counters
from webhook.serving.options import Addresses, ServeOptions, split_address
from webhook.serving.tls import REQUEST_SECONDS, ServedCertificate, now_utc
from webhook.serving.worker import Worker

# The API server keeps idle connections for 90 s. Were ours closed first, a request that is being
# written at that moment would fail, and it is not sent again.
KEEPALIVE_SECONDS = 120

# Below the 1,024 file descriptors that a process has where nobody raised the limit. Three API
# servers keep 75 connections.
_MOST_CONNECTIONS = 512

_log = logging.getLogger("scaleguard.server")

MakeApp = Callable[[ServedCertificate], Any]
"""Makes a WSGI application. What is wrong with the certificate is for /readyz alone, because a
client that minds does not get as far as a request."""


def serve(
    options: ServeOptions,
    make_app: MakeApp,
    on_serving: Callable[[Addresses], None] | None = None,
    on_leaving: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; to be called from the main thread.

    `make_app` is called in each worker process, because threads do not survive a fork. It has
    to return within 30 s, gunicorn's patience: what takes longer goes on behind `not_ready`.
    `on_serving` is called in this process once the addresses are bound, before any worker is up:
    connections wait until then. `on_leaving` is called in each worker after
    its last answer. Raises `ScaleguardError` where serving cannot begin.
    """
    split_address(options.bind)
    if options.client_authorities is not None:
        Authorities(options.client_authorities).check()
    try:
        if options.mounted:
            check_mounted(options.certificate_folder, now_utc())
        else:
            ensure(options.certificate_folder, options.names, now_utc())
    except StoreError as error:
        raise ScaleguardError(str(error)) from error
    with _metrics_listener(options.metrics_bind) as listener, shared_counters() as shared:
        application = _Application(options, make_app, shared, listener, on_serving)
        application.on_leaving = on_leaving
        _run(application)


def _run(application: "_Application") -> None:
    master = os.getpid()
    # What workers inherit stays shared with them: their collections would write to all of it.
    gc.collect()
    gc.freeze()
    try:
        application.run()
    except SystemExit as stop:
        if os.getpid() != master:
            _leave(stop.code)
        if stop.code:
            raise ScaleguardError(f"the server ended with {stop.code}: see the log") from stop


def _leave(code: object) -> None:
    """End a worker here: what the master's callers clean up is not the worker's to clean up."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else code is not None)


@contextmanager
def _metrics_listener(bind: str | None) -> Iterator[socket | None]:
    if bind is None:
        yield None
        return
    host, port = split_address(bind)
    try:
        listener = listen(host, port)
    except OSError as error:
        raise ScaleguardError(f"metrics cannot be served on {bind}: {error}") from error
    with listener:
        yield listener


class _Application(BaseApplication):
    """What gunicorn asks for its configuration and, in each worker, for the application."""

    def __init__(
        self,
        options: ServeOptions,
        make_app: MakeApp,
        shared: SharedCounters,
        listener: socket | None,
        on_serving: Callable[[Addresses], None] | None,
    ) -> None:
        self.options = options
        self.drain_seconds = options.drain_seconds
        self._make_app = make_app
        self._shared = shared
        self._listener = listener
        self._on_serving = on_serving
        self.on_leaving: Callable[[], None] | None = None
        file = options.client_authorities
        authorities = Authorities(file) if file is not None else None
        self._certificate = ServedCertificate(options.certificate_folder, authorities)
        super().__init__()

    def load_config(self) -> None:
        """Set what is not gunicorn's default; its own files and variables do not count."""
        for name, value in self._settings().items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application, in a worker."""
        if self._listener is not None:
            shown = registry(
                self._shared.folder, lambda: self._certificate.expiry_seconds(now_utc())
            )
            MetricsServer(self._listener, shown).start()
        return self._make_app(self._certificate)

    def distrust(self, why: str) -> None:
        """Take notice of a client whose certificate is not trusted, in a worker."""
        self._certificate.distrust(why)

    def _settings(self) -> dict[str, Any]:
        options, shared = self.options, self._shared
        return {
            "bind": options.bind,
            "workers": options.workers,
            "threads": options.threads,
            "worker_class": Worker,
            "worker_connections": _MOST_CONNECTIONS,
            "worker_tmp_dir": memory_folder(),  # on a disk, a heartbeat can wait for others' writes
            "preload_app": False,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # nobody speaks for others, a port-forward neither
            "keepalive": KEEPALIVE_SECONDS,
            # Until the last request that was begun has its answer or has missed its deadline.
            "graceful_timeout": int(options.drain_seconds + REQUEST_SECONDS) + 2,
            "certfile": str(options.certificate_folder / "tls.crt"),
            "keyfile": str(options.certificate_folder / "tls.key"),
            "do_handshake_on_connect": False,
            "ssl_context": self._certificate.for_gunicorn,
            "logger_class": _Log,
            "loglevel": "warning",
            "proc_name": "scaleguard",
            "when_ready": self._announce,
            "pre_fork": lambda _server, worker: shared.take_place(worker.age),
            "post_fork": lambda _server, worker: shared.enter_place(worker.age),
            "worker_exit": lambda _server, _worker: self.on_leaving and self.on_leaving(),
            "child_exit": lambda _server, worker: shared.leave_place(worker.age),
        }

    def _announce(self, server: Arbiter) -> None:
        url = f"https://{_address(server.LISTENERS[0])}"
        metrics_url = f"http://{_address(self._listener)}/metrics" if self._listener else None
        _log.info("serving on %s", url)
        if self.options.client_authorities is not None:
            _log.info("only for clients with a certificate of %s", self.options.client_authorities)
        if metrics_url is not None:
            _log.info("metrics on %s", metrics_url)
        if self._on_serving is not None:
            self._on_serving(Addresses(url, metrics_url))


def _address(listener: Any) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Log(Logger):
    """gunicorn's log, written by whoever writes that of this process."""

    def setup(self, cfg: Config) -> None:
        """Take away the handlers that gunicorn made."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
