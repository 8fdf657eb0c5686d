import json
import os
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from prometheus_client import values

from webhook.errors import ScaleguardError
from webhook.exposition import MetricsServer, listen, registry
from webhook.server.metrics import Metrics
from webhook.serving.multiprocess import SharedCounters, shared_counters
from webhook.serving.options import split_address


@pytest.fixture
def shared() -> Iterator[SharedCounters]:
    with shared_counters() as shared:
        yield shared


def shown(shared: SharedCounters, seconds: float | None = 60.0) -> dict[str, float]:
    return {
        sample.name: sample.value
        for metric in registry(shared.folder, lambda: seconds).collect()
        for sample in metric.samples
    }


def test_counters_are_shared_until_the_end() -> None:
    before = values.ValueClass
    with shared_counters() as shared:
        assert Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]) == shared.folder
        Metrics().shed()
        assert shown(shared)["scaleguard_shed_total"] == 1
    assert not shared.folder.exists()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    assert values.ValueClass is before


def test_worker_counts_on_in_the_place_of_a_dead_one(shared: SharedCounters) -> None:
    for worker, place in ((1, "0"), (2, "1")):
        shared.take_place(worker)
        shared.enter_place(worker)
        assert shared.place() == place
        Metrics().shed()
    shared.leave_place(1)
    shared.leave_place(99)
    shared.take_place(3)
    shared.enter_place(3)
    assert shared.place() == "0"
    Metrics().shed()
    assert shown(shared)["scaleguard_shed_total"] == 3
    assert {path.stem.rpartition("_")[2] for path in shared.folder.iterdir()} == {"0", "1"}


def test_certificate_is_shown_where_there_is_one(shared: SharedCounters) -> None:
    assert shown(shared)["scaleguard_certificate_expiry_seconds"] == 60
    assert "scaleguard_certificate_expiry_seconds" not in shown(shared, None)


@pytest.fixture
def address(shared: SharedCounters) -> Iterator[tuple[str, int]]:
    listener = listen("127.0.0.1", 0)
    server = MetricsServer(listener, registry(shared.folder, lambda: 60.0))
    server.start()
    yield listener.getsockname()
    server.shutdown()
    server.server_close()


def get(address: tuple[str, int], path: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(*address, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_metrics_are_served_as_text(address: tuple[str, int]) -> None:
    Metrics().reviewed("validate", "allowed", 0.003)
    response, body = get(address, "/metrics?x=y")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    assert b'scaleguard_reviews_total{endpoint="validate",result="allowed"} 1.0\n' in body
    assert b'scaleguard_review_seconds_bucket{endpoint="validate",le="0.005"} 1.0\n' in body
    assert b'scaleguard_review_seconds_bucket{endpoint="validate",le="0.0025"} 0.0\n' in body


def test_nothing_else_is_served(address: tuple[str, int]) -> None:
    response, body = get(address, "/")
    assert response.status == 404
    assert b"use /metrics" in body


def test_checks_are_served_beside_metrics_where_there_are_any(shared: SharedCounters) -> None:
    listener = listen("127.0.0.1", 0)
    reasons: list[str] = ['leases: not "read" yet']
    checks = {"/healthz": list, "/readyz": lambda: reasons}
    server = MetricsServer(listener, registry(shared.folder, lambda: 60.0), checks)
    server.start()
    here = listener.getsockname()
    response, body = get(here, "/readyz?verbose")
    assert response.status == 503
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"status": "not ready", "reasons": reasons}
    reasons.clear()
    for path in ("/readyz", "/healthz"):
        response, body = get(here, path)
        assert (response.status, json.loads(body)) == (200, {"status": "ok"})
    assert get(here, "/livez")[0].status == 404
    assert get(here, "/metrics")[0].status == 200
    server.shutdown()
    server.server_close()


def test_a_webhook_has_its_probes_elsewhere(address: tuple[str, int]) -> None:
    assert get(address, "/readyz")[0].status == 404


def test_silent_clients_do_not_keep_all_threads(address: tuple[str, int]) -> None:
    silent = [socket.create_connection(address, timeout=5) for _ in range(8)]
    hung_up = sum(_is_closed(client) for client in silent)
    for client in silent:
        client.close()
    assert hung_up == 4


def _is_closed(client: socket.socket) -> bool:
    client.settimeout(0.3)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8443", ("127.0.0.1", 8443)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_address_is_split(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "8443", ":8443", "::1:8443", "a:b", "a:65536", "[::1]", "a:-1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(
        ScaleguardError, match=r"is no address: write HOST:PORT, as in 127\.0\.0\.1"
    ):
        split_address(text)
