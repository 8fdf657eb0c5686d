"""Denials that were answered are delivered, though all processes are killed under load."""

import json
import re
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.manifests import deployment, hpa, stream, vpa
from tests.e2e.webhook_process import WebhookProcess, wait_until
from webhook.core.record import read_record

pytestmark = pytest.mark.slow

_DECISION = re.compile(r"; decision ([0-9a-f]{12})$")


class Receiver(ThreadingHTTPServer):
    """Takes deliveries as the audit does: each decision of a finding once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.taken: set[tuple[str, str]] = set()
        self.away = False
        self.lock = threading.Lock()

    def decisions(self) -> set[str]:
        with self.lock:
            return {decision for decision, _ in self.taken}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(503 if server.away else 200)
        if not server.away:
            with server.lock:
                for one in body["records"]:
                    fingerprint = read_record(one["record"]).fingerprint
                    server.taken |= {(decision, fingerprint) for decision, _ in one["decisions"]}
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Webhook(WebhookProcess):
    """Judges in a world of files, with two processes that record."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        super().__init__(folder, folder)
        world = folder / "world"
        world.mkdir(exist_ok=True)
        (world / "all.json").write_text(stream(deployment("web"), vpa("web", "web")), "utf-8")
        self.command = [
            *(sys.executable, "-m", "webhook", "webhook", "--manifests", str(world)),
            *("--bind", f"127.0.0.1:{self.port}", "--cert-dir", str(folder / "certs")),
            *("--metrics-bind", f"127.0.0.1:{self.metrics_port}", "--workers", "2"),
            *("--audit-spool", str(folder / "spool"), "--cluster-name", "test"),
            *("--audit-url", f"http://127.0.0.1:{receiver.server_port}"),
        ]

    def refused(self, name: str) -> str:
        """Have an HPA refused; return the decision that people are told."""
        raw = hpa(name, "web")
        group, _, version = raw["apiVersion"].rpartition("/")
        request = {
            "uid": str(uuid.uuid4()),
            "kind": {"group": group, "version": version, "kind": raw["kind"]},
            "namespace": raw["metadata"]["namespace"],
            "operation": "CREATE",
            "userInfo": {"username": "ada"},
            "object": raw,
        }
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        _, body = self._ask("POST", "/validate", review | {"request": request})
        found = _DECISION.search(body["response"]["status"]["message"])
        assert found is not None
        return found[1]


class Load:
    """Has HPAs refused until the webhook is gone, in some threads."""

    def __init__(self, webhook: Webhook) -> None:
        self.answered: list[str] = []
        self._webhook = webhook
        self.threads = [threading.Thread(target=self._run, args=(at,)) for at in range(4)]
        for thread in self.threads:
            thread.start()

    def _run(self, at: int) -> None:
        try:
            for number in range(100_000):
                self.answered.append(self._webhook.refused(f"web-{at}-{number % 20}"))
        except (OSError, HTTPException, json.JSONDecodeError):
            return  # it was killed

    def join(self) -> None:
        for thread in self.threads:
            thread.join(60)


@pytest.mark.parametrize("away", [False, True], ids=["audit-answers", "audit-is-away"])
def test_what_was_answered_is_delivered_though_all_is_killed(
    tmp_path: Path, receiver: Receiver, *, away: bool
) -> None:
    receiver.away = away
    first = Webhook(tmp_path, receiver)
    first.__enter__()
    first.wait_until_ready()
    load = Load(first)
    wait_until(lambda: len(load.answered) >= 300)
    first.kill()
    load.join()
    answered = set(load.answered)
    assert len(answered) == len(load.answered)
    if away:
        assert receiver.decisions() == set()
    receiver.away = False
    with Webhook(tmp_path, receiver) as second:
        second.wait_until_ready()
        wait_until(lambda: answered <= receiver.decisions(), 60)
        lost = [
            second.metric("scaleguard_audit_lost_total", reason=reason)
            for reason in ("full", "busy", "unwritable", "corrupt", "refused")
        ]
    assert not any(lost)
    # What was written and not answered any more: one for each thread of the load.
    assert len(receiver.decisions() - answered) <= 4


def test_who_is_told_to_stop_delivers_what_waits(tmp_path: Path, receiver: Receiver) -> None:
    with Webhook(tmp_path, receiver) as webhook:
        webhook.wait_until_ready()
        answered = {webhook.refused(f"web-{number}") for number in range(50)}
        stopped = time.monotonic()
    assert answered <= receiver.decisions()
    assert time.monotonic() - stopped < 15
