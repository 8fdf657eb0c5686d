"""Requests that are refused, of every kind, and the decisions that their senders were told of."""

import itertools
import re
import threading
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, NamedTuple, Self

from tests.controlplane.cluster import ControlPlane
from tests.e2e.manifests import deployment, hpa, vpa
from tests.e2e.patient_client import PatientClient
from webhook.cluster.resources import HPAS, SCALED_OBJECTS, VPAS

Raw = dict[str, Any]

DECISION = re.compile(r"; decision ([0-9a-f]{12})$")
AT_ONCE = 4
_NAMES = 40
"""Of each kind: what comes again under a name is a repeat."""

MISSPELT: Raw = {"rules": {"gpu-unschedulable": "deny"}}
"""Refuses pods that ask for what is nearly the name of an accelerator."""

PODS = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["pods"],
    "operations": ["CREATE"],
}


class Told(NamedTuple):
    """What a sender was told was refused."""

    decision: str
    kind: str
    name: str
    """Of a pod that its owner makes: the start of its name."""


def scaled_object(name: str, target: str, namespace: str) -> Raw:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"name": target},
            "triggers": [{"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}],
        },
    }


def owned_pod(owner: str, namespace: str) -> Raw:
    """A pod as an operator makes it of which nobody knows: the API server gives it its name.

    What is made from a template that is known is judged there.
    """
    controller = {
        "apiVersion": "example.com/v1",
        "kind": "Trainer",
        "name": owner,
        "uid": "6f0e1f5c-0000-4000-8000-000000000001",
        "controller": True,
    }
    resources = {"limits": {"nvidia.com/gpus": 1}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{owner}-",
            "namespace": namespace,
            "ownerReferences": [controller],
        },
        "spec": {"containers": [{"name": "app", "image": "app", "resources": resources}]},
    }


def prepare(plane: ControlPlane, namespace: str) -> None:
    """Make what the refused ones conflict with: `web` has a VPA, `api` an HPA."""
    with closing(PatientClient(plane)) as client:
        for name in ("web", "api"):
            path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
            assert client.create(path, deployment(name, namespace=namespace)).is_done
        made = client.create(VPAS.path(namespace), vpa("web", "web", namespace=namespace))
        assert made.is_done, made
        made = client.create(HPAS.path(namespace), hpa("api", "api", namespace=namespace))
        assert made.is_done, made


class Refused:
    """Sends such requests in threads, from entering to leaving, and keeps what was told."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._client = PatientClient(plane)
        self._namespace = namespace
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(AT_ONCE)]
        self.told: list[Told] = []
        self.unanswered = 0
        """Requests that no webhook answered: their senders know that nothing was decided."""
        self.wrong: list[Any] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        self._client.close()

    def _run(self) -> None:
        kinds = itertools.cycle((self._hpa, self._vpa, self._scaled_object, self._pod))
        for _ in range(next(self._numbers) % 4):
            next(kinds)
        while not self._over.is_set():
            self._send(next(kinds))

    def _send(self, make: Callable[[int], tuple[str, Raw]]) -> None:
        path, raw = make(next(self._numbers) % _NAMES)
        try:
            said = self._client.create(path, raw)
        except (OSError, HTTPException):
            self.unanswered += 1
            return
        message = said.body.get("message", "")
        if found := DECISION.search(message):
            metadata = raw["metadata"]
            name = metadata.get("name") or metadata["generateName"]
            self.told.append(Told(found[1], raw["kind"], name))
        elif said.status == HTTPStatus.INTERNAL_SERVER_ERROR or said.tries > 1:
            self.unanswered += 1
        else:
            self.wrong.append(said)

    def _hpa(self, number: int) -> tuple[str, Raw]:
        name, namespace = f"hpa-{number}", self._namespace
        return HPAS.path(namespace), hpa(name, "web", namespace=namespace)

    def _vpa(self, number: int) -> tuple[str, Raw]:
        name, namespace = f"vpa-{number}", self._namespace
        return VPAS.path(namespace), vpa(name, "api", namespace=namespace)

    def _scaled_object(self, number: int) -> tuple[str, Raw]:
        name, namespace = f"so-{number}", self._namespace
        return SCALED_OBJECTS.path(namespace), scaled_object(name, "web", namespace)

    def _pod(self, number: int) -> tuple[str, Raw]:
        namespace = self._namespace
        return f"/api/v1/namespaces/{namespace}/pods", owned_pod(f"llm-{number}", namespace)
