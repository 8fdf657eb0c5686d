"""Tens of thousands of objects in a real API server, within seconds.

Created one by one they take minutes: 460 a second on two idle cores. So one of each form is
created, and all others are written into etcd as the API server made that one: with its defaults,
its managedFields and a uid of their own. The API server reads JSON there as well as what it writes.
"""

import base64
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import islice
from typing import Any

from tests.bench.serving.drivers import Failed
from tests.controlplane.cluster import ControlPlane
from webhook.cluster.api import Api, connect

Raw = dict[str, Any]

# Where they are created, and where the API server keeps them.
_PLACES = {
    "Namespace": ("/api/v1/namespaces", "namespaces"),
    "Deployment": ("/apis/apps/v1/namespaces/{}/deployments", "deployments"),
    "HorizontalPodAutoscaler": (
        "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
        "horizontalpodautoscalers",
    ),
    "VerticalPodAutoscaler": (
        "/apis/autoscaling.k8s.io/v1/namespaces/{}/verticalpodautoscalers",
        "autoscaling.k8s.io/verticalpodautoscalers",
    ),
}

# Below the 128 operations that etcd takes in one transaction.
_AT_ONCE = 100

_SECONDS = 30.0


def fill(plane: ControlPlane, objects: Iterable[Raw]) -> None:
    """Have a cluster hold objects; namespaces come before what is in them."""
    stored = _stored(connect(plane.kubeconfig), objects)
    with closing(HTTPConnection("127.0.0.1", plane.layout.ports.etcd, timeout=_SECONDS)) as etcd:
        while puts := list(islice(stored, _AT_ONCE)):
            _write(etcd, puts)


def _stored(api: Api, objects: Iterable[Raw]) -> Iterator[tuple[str, str]]:
    """Yield keys and values; the first of each form is created instead."""
    made: dict[str, tuple[str, Raw]] = {}
    for raw in objects:
        form = _renamed(json.dumps(raw), raw, {"name": "NAME", "namespace": "NAMESPACE"})
        path, stored_at = _PLACES[raw["kind"]]
        metadata = raw["metadata"]
        space = metadata.get("namespace", "")
        if form not in made:
            created = api.create(path.format(space), raw, _SECONDS)
            del created["metadata"]["resourceVersion"]
            made[form] = json.dumps(created), created
            continue
        text, of = made[form]
        text = text.replace(of["metadata"]["uid"], str(uuid.uuid4()))
        value = _renamed(text, of, metadata)
        yield "/".join(filter(None, ("/registry", stored_at, space, metadata["name"]))), value


def _renamed(text: str, of: Raw, names: Raw) -> str:
    """Write other names wherever those of an object stand: in its target, in its labels."""
    text = text.replace(of["metadata"]["name"], names["name"])
    if "namespace" in of["metadata"]:
        text = text.replace(f'"{of["metadata"]["namespace"]}"', f'"{names["namespace"]}"')
    return text


def _write(etcd: HTTPConnection, puts: Sequence[tuple[str, str]]) -> None:
    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    operations = [
        {"request_put": {"key": encoded(key), "value": encoded(value)}} for key, value in puts
    ]
    etcd.request("POST", "/v3/kv/txn", json.dumps({"success": operations}))
    reply = etcd.getresponse()
    said = reply.read()
    if reply.status != HTTPStatus.OK:
        raise Failed(f"etcd answered {reply.status}: {said[:300]!r}")
