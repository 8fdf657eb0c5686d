"""Two webhook processes that share nothing but the API server, behind one address."""

import base64
import json
import shutil
import ssl
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.controlplane.cluster import ControlPlane
from tests.e2e.balancer import Balancer
from tests.e2e.guard import AUTOSCALERS, rule
from tests.e2e.manifests import hpa
from tests.e2e.patient_client import PatientClient
from tests.e2e.webhook_process import WebhookProcess, wait_until
from webhook.cluster.leases import NAME as LEASE_NAME
from webhook.cluster.resources import HPAS, LEASES
from webhook.core.shard import SHARDS

Raw = dict[str, Any]

NAME = "scaleguard-consistency"

THREADS = 8
"""Of each process, where no option says otherwise."""


class Replicas:
    """The processes and what the API server is told of them; a context manager."""

    def __init__(
        self,
        plane: ControlPlane,
        folder: Path,
        *,
        delay_seconds: float = 0.0,
        more_rules: Sequence[Raw] = (),
        **config: Any,
    ) -> None:
        """`more_rules` are what the API server asks about beside autoscalers."""
        self._plane = plane
        self._more_rules = list(more_rules)
        self._delay_seconds = delay_seconds
        self._is_strict = config.get("consistency") != "cached"
        self._client = PatientClient(plane)
        self._stack = ExitStack()
        self.processes = [
            WebhookProcess(folder / name, plane.kubeconfig, **config) for name in ("a", "b")
        ]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            first, second = self.processes
            stack.enter_context(first)
            first.wait_until_ready()
            shutil.copytree(first.folder / "certs", second.folder / "certs")
            stack.enter_context(second)
            second.wait_until_ready()
            port = stack.enter_context(Balancer([one.port for one in self.processes])).port
            webhooks = [self._webhook("guard", port)]
            if self._delay_seconds:
                slow = _SlowWebhook(first.folder / "certs", self._delay_seconds)
                webhooks.append(self._webhook("slow", stack.enter_context(slow).port))
            stack.callback(self._client.close)
            stack.callback(self._delete)
            self._apply(webhooks)
            wait_until(self._is_asked, what="the API server does not ask")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def count(self, name: str, **labels: str) -> float:
        """A metric, added up."""
        return sum(one.metric(name, **labels) or 0.0 for one in self.processes)

    def shares(self) -> list[float]:
        """How many reviews each process was asked about."""
        ended = ("allowed", "denied", "ask_again")
        return [
            sum(one.metric("scaleguard_reviews_total", result=each) or 0.0 for each in ended)
            for one in self.processes
        ]

    def log(self) -> str:
        return "\n".join(one.log()[-4000:] for one in self.processes)

    def _is_asked(self) -> bool:
        """Whether the API server has learnt of the webhook, and the Leases are there."""
        path, probe = f"{HPAS.path('default')}?dryRun=All", hpa("probe", "probe")
        # As many as there are threads: each makes an engine for the rules at its first request.
        with ThreadPoolExecutor(2 * THREADS) as pool:
            for _ in range(2 * THREADS):
                pool.submit(self._client.create, path, probe)
        leases = self._client.get(LEASES.path("default")).body["items"]
        made = sum(one["metadata"]["name"].startswith(LEASE_NAME) for one in leases)
        return sum(self.shares()) > 0 and (made == SHARDS or not self._is_strict)

    def _webhook(self, name: str, port: int) -> Raw:
        bundle = (self.processes[0].folder / "certs" / "ca.crt").read_bytes()
        return {
            "name": f"{name}.scaleguard.io",
            "clientConfig": {
                "url": f"https://127.0.0.1:{port}/validate",
                "caBundle": base64.b64encode(bundle).decode(),
            },
            "rules": [
                *(rule(*each, ["CREATE", "UPDATE"]) for each in AUTOSCALERS),
                *self._more_rules,
            ],
            "failurePolicy": "Fail",
            "sideEffects": "NoneOnDryRun",
            "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1"],
        }

    def _apply(self, webhooks: list[Raw]) -> None:
        configuration = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": NAME},
            "webhooks": webhooks,
        }
        self._plane.kubectl("apply", "-f", "-", input=json.dumps(configuration))

    def _delete(self) -> None:
        self._plane.kubectl("delete", "validatingwebhookconfiguration", NAME, "--ignore-not-found")


class _SlowWebhook:
    """Lets everything in, but late: what we have admitted is stored that much later."""

    def __init__(self, certificates: Path, delay_seconds: float) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Late)
        self._server.daemon_threads = True
        self._server.delay_seconds = delay_seconds  # type: ignore[attr-defined]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "tls.crt", certificates / "tls.key")
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Late(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.server.delay_seconds)  # type: ignore[attr-defined]
        review["response"] = {"uid": review.pop("request")["uid"], "allowed": True}
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
