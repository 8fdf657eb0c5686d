"""How often the API server is asked for one review, by its own audit log."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.serving.autoscalers import Around, Asked
from tests.bench.serving.clusters import COUNTED, audit_log
from tests.bench.serving.servers import Webhook
from tests.controlplane.cluster import ControlPlane
from webhook.demo.client import Client

REVIEWS = 20

# An entry is written when an answer has gone out: that may be after it has come in.
_WRITTEN_SECONDS = 0.1

# What follows a cluster, and what tells of a refusal once it is out, is no part of an answer.
_BESIDE = {"list", "watch"}


def round_trips(plane: ControlPlane, folder: Path, audit_port: int) -> dict[str, dict[str, float]]:
    """Count requests for each review, by consistency and kind of review: medians."""
    found: dict[str, dict[str, float]] = {}
    for consistency in ("cached", "strict"):
        state = ["--kubeconfig", str(plane.user(COUNTED))]
        webhook = Webhook(folder / consistency, state, audit_port, consistency=consistency)
        with webhook:
            webhook.wait_until_ready()
            client = Client(webhook.port, webhook.folder / "certs" / "ca.crt")
            for meets in (True, False):
                asked = Asked("hpa", meets)
                key = "hpa-conflict" if meets else "hpa-alone"
                # The first review of a process discovers where Deployments are read.
                counts = list(_counts(plane, client, asked))[1:]
                found.setdefault(key, {})[consistency] = median(counts)
            client.close()
    return found


def _counts(plane: ControlPlane, client: Client, asked: Asked) -> Iterator[int]:
    log = audit_log(plane.layout.folder)
    for place in range(REVIEWS + 1):
        before = log.stat().st_size
        answer = client.send("/validate", asked.review(place, Around.NONE))
        time.sleep(_WRITTEN_SECONDS)
        if answer.allowed == asked.meets:
            raise AssertionError(f"it is answered otherwise: {answer.response}")
        with log.open("rb") as file:
            file.seek(before)
            entries = [json.loads(line) for line in file]
        yield sum(_counts_in(entry) for entry in entries)


def _counts_in(entry: dict[str, Any]) -> bool:
    resource = entry.get("objectRef", {}).get("resource", "")
    return entry["verb"] not in _BESIDE and resource != "events"
