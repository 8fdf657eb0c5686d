"""Batches travel over HTTPS, as the audit reads them."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from certs.authority import Names
from certs.store import ensure
from tests.unit.audit.batches import record
from webhook.audit.delivered import read_delivery
from webhook.audit.delivery import DeliveryError, HttpsDelivery, StandingsDelivery
from webhook.audit.spool import Waiting
from webhook.audit.stood import read_telling
from webhook.controller.receiver import Delivery, NotTakenError
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.standing import Standing
from webhook.wiring.scanning import ToAudit

BATCH = [Waiting(json.dumps(record().as_json()), (("d1", 1.5), ("d2", 2.0)), (1, 2))]


class Receiver(ThreadingHTTPServer):
    status = 200
    answer = b"{}"
    requests: list[tuple[str, str | None, Any]]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.requests.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(server.answer)))
        self.end_headers()
        self.wfile.write(server.answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    ensure(folder, Names.of(("localhost",)), datetime.now(UTC))
    return folder


@pytest.fixture
def receiver(certificates: Path) -> Iterator[Receiver]:
    server = Receiver(("127.0.0.1", 0), Handler)
    server.requests = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "tls.crt", certificates / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def delivery(receiver: Receiver, certificates: Path, tmp_path: Path) -> Iterator[HttpsDelivery]:
    (tmp_path / "token").write_text("first\n")
    url = f"https://localhost:{receiver.server_port}/"
    made = HttpsDelivery(url, certificates / "ca.crt", tmp_path / "token")
    yield made
    made.close()


def test_a_batch_arrives_as_the_audit_reads_it(
    receiver: Receiver, delivery: HttpsDelivery, tmp_path: Path
) -> None:
    delivery.deliver("prod", "webhook-1", BATCH)
    (tmp_path / "token").write_text("second\n")
    delivery.deliver("prod", "webhook-1", BATCH)
    (path, first, body), (_, second, _) = receiver.requests
    assert (path, first, second) == ("/v1/records", "Bearer first", "Bearer second")
    read = read_delivery(body)
    assert (read.cluster, read.replica) == ("prod", "webhook-1")
    assert read.records[0].record == record()
    assert read.records[0].decisions == (("d1", 1.5), ("d2", 2.0))


@pytest.mark.parametrize("status", [400, 413, 422, 204, 302, 401, 403, 404, 429, 500, 503])
def test_an_answer_says_whether_to_try_again(
    receiver: Receiver, delivery: HttpsDelivery, status: int
) -> None:
    receiver.status = status
    with pytest.raises(DeliveryError, match=f"status {status}") as raised:
        delivery.deliver("c", "r", BATCH)
    assert raised.value.again is (status not in {400, 413, 422})


def test_who_is_not_the_audit_is_told_nothing(receiver: Receiver, tmp_path: Path) -> None:
    other = tmp_path / "other"
    ensure(other, Names.of(("localhost",)), datetime.now(UTC))
    made = HttpsDelivery(f"https://localhost:{receiver.server_port}", other / "ca.crt", None)
    with pytest.raises(DeliveryError, match="no answer") as raised:
        made.deliver("c", "r", BATCH)
    made.close()
    assert raised.value.again
    assert receiver.requests == []


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_files_that_are_not_there_yet_are_waited_for(
    receiver: Receiver, certificates: Path, tmp_path: Path, missing: str
) -> None:
    authority = tmp_path / "no" if missing == "ca.crt" else certificates / "ca.crt"
    made = HttpsDelivery(f"https://localhost:{receiver.server_port}", authority, tmp_path / "no")
    with pytest.raises(DeliveryError) as raised:
        made.deliver("c", "r", BATCH)
    made.close()
    assert raised.value.again
    assert receiver.requests == []


# ---------------------------------------------------------------- how things stand

WEB = Standing(WorkloadKey("shop", "apps", "Deployment", "web"), (record(),), {"replicas": {}})


@pytest.fixture
def to_audit(receiver: Receiver, certificates: Path, tmp_path: Path) -> Iterator[ToAudit]:
    (tmp_path / "token").write_text("first\n")
    url = f"https://localhost:{receiver.server_port}/"
    made = StandingsDelivery(url, certificates / "ca.crt", tmp_path / "token")
    yield ToAudit(made, "prod", "controller-1")
    made.close()


def test_standings_arrive_as_the_audit_reads_them(receiver: Receiver, to_audit: ToAudit) -> None:
    to_audit.take(Delivery(7.5, [WEB]))
    to_audit.take(Delivery(8.0, [], 6.25))
    ((path, token, body), (_, _, last)) = receiver.requests
    assert (path, token) == ("/v1/standings", "Bearer first")
    read = read_telling(body)
    assert (read.cluster, read.replica, read.at) == ("prod", "controller-1", 7.5)
    assert (read.standings, read.pass_began) == ((WEB,), None)
    assert read.standings[0].who_scales == WEB.who_scales
    over = read_telling(last)
    assert (over.standings, over.pass_began) == ((), 6.25)
    to_audit.close()


@pytest.mark.parametrize(
    ("status", "again"), [(400, False), (413, False), (404, True), (503, True)]
)
def test_standings_that_are_not_taken_say_whether_to_try_again(
    receiver: Receiver, to_audit: ToAudit, status: int, *, again: bool
) -> None:
    receiver.status = status
    with pytest.raises(NotTakenError, match=f"status {status}") as raised:
        to_audit.take(Delivery(7.5, [WEB]))
    assert raised.value.again is again


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b'{"taken": 0, "older": 1}', "newer ones are kept of 1 workloads"), (b"<html>", "not the")],
)
def test_standings_that_did_not_count_are_told_again(
    receiver: Receiver, to_audit: ToAudit, answer: bytes, why: str
) -> None:
    receiver.answer = answer
    with pytest.raises(NotTakenError, match=why) as raised:
        to_audit.take(Delivery(7.5, [WEB]))
    assert raised.value.again
    receiver.answer = b'{"taken": 1, "older": 0}'
    to_audit.take(Delivery(8.0, [WEB]))
