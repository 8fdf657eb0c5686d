"""How much longer admission takes with the audit on than off: the served webhook, twice.

Both run at the same time and are asked by turns, so that whatever else the machine does is done to
both; ratios are what counts. The API server asks about each object over a connection that stays.
Denials are the worst: each is a record that is written and delivered, to a process that takes all;
what passes costs nothing.
"""

import argparse
import copy
import random
import statistics
import tempfile
import uuid
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing import Process
from pathlib import Path
from typing import Any

from tests.controlplane.process import free_ports
from tests.e2e.manifests import deployment, hpa, stream, vpa
from tests.e2e.webhook_process import WebhookProcess
from webhook.demo.client import Client

MOST_P99_RATIO = 1.10


class Webhook(WebhookProcess):
    """Judges in a world of files, with more options or without."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder, folder)
        world = folder / "world"
        world.mkdir()
        (world / "all.json").write_text(stream(deployment("web"), vpa("web", "web")), "utf-8")
        start = self.command.index("--bind")
        self.command = [
            *(*self.command[: start - 2], "--manifests", str(world)),
            *(*self.command[start:], *options),
        ]


class Receiver(BaseHTTPRequestHandler):
    """Takes whatever is delivered."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def receive(port: int) -> None:
    """Answer until terminated."""
    HTTPServer(("127.0.0.1", port), Receiver).serve_forever()


def review(number: int) -> dict[str, Any]:
    """An HPA that is refused, among some hundreds of them."""
    raw = hpa(f"web-{number % 300}", "web")
    group, _, version = raw["apiVersion"].rpartition("/")
    request = {
        "uid": str(uuid.uuid4()),
        "kind": {"group": group, "version": version, "kind": raw["kind"]},
        "namespace": raw["metadata"]["namespace"],
        "operation": "CREATE",
        "userInfo": {"username": f"user-{number % 20}", "groups": ["system:authenticated"]},
        "object": raw,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def measure(folder: Path, count: int) -> dict[str, list[float]]:
    """Return how long answers took, in seconds, with the audit off and on."""
    port = free_ports(1)[0]
    receiver = Process(target=receive, args=(port,), daemon=True)
    spool = ("--audit-spool", str(folder / "spool"), "--audit-url", f"http://127.0.0.1:{port}")
    webhooks = {
        "off": Webhook(folder / "off"),
        "on": Webhook(folder / "on", *spool),
    }
    took: dict[str, list[float]] = {name: [] for name in webhooks}
    with ExitStack() as stack:
        receiver.start()
        stack.callback(receiver.terminate)
        clients = {}
        for name, webhook in webhooks.items():
            stack.enter_context(webhook)
            webhook.wait_until_ready()
            client = Client(webhook.port, webhook.folder / "certs" / "ca.crt")
            clients[name] = stack.enter_context(closing(client))
        chance = random.Random(0)  # noqa: S311 - to be had again
        for number in range(count + 200):
            asked = review(number)
            for name in chance.sample(list(clients), 2):
                answer = clients[name].send("/validate", copy.deepcopy(asked))
                if answer.allowed:
                    raise SystemExit(f"it was let in: {answer.response}")
                if number >= 200:  # caches are warm
                    took[name].append(answer.seconds)
    return took


def main() -> None:
    """Print the numbers; fail where the audit costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=4000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scaleguard-bench-") as folder:
        took = measure(Path(folder), given.count)
    cuts = {name: statistics.quantiles(seconds, n=100) for name, seconds in took.items()}
    ratios = {}
    for at in (50, 99):
        off, on = cuts["off"][at - 1] * 1e3, cuts["on"][at - 1] * 1e3
        ratios[at] = on / off
        print(f"p{at}: {off:.2f} ms off, {on:.2f} ms on, ratio {ratios[at]:.3f}")
    if ratios[99] > MOST_P99_RATIO:
        raise SystemExit(f"p99 is more than {MOST_P99_RATIO} times that without the audit")


if __name__ == "__main__":
    main()
