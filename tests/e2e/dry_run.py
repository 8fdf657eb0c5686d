"""Pods that an API server is asked to create, and does not keep: everything but storage happens."""

import http.client
import json
import ssl
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from tests.controlplane.cluster import ControlPlane

Raw = dict[str, Any]

CREATED = 201


class Answer(NamedTuple):
    """What the API server says: the pod as it would be stored, or why it would not be."""

    accepted: bool
    body: Raw
    warnings: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The reason of a refusal."""
        message: str = self.body.get("message", "")
        return message


class DryRun:
    """One connection that is kept: starting a kubectl for each pod takes longer than the answer."""

    def __init__(self, plane: ControlPlane) -> None:
        context = ssl.create_default_context(cafile=str(plane.layout.authority))
        context.load_cert_chain(*plane.layout.admin)
        address = urlsplit(plane.server)
        self._connection = http.client.HTTPSConnection(
            str(address.hostname), address.port, timeout=30, context=context
        )

    def create(self, raw: Raw, namespace: str) -> Answer:
        """Ask for a pod to be created, in a dry run; one without a name is called `pod`."""
        own = raw.get("metadata")
        metadata = own if isinstance(own, dict) else {}
        placed = {**raw, "metadata": {"name": "pod", **metadata, "namespace": namespace}}
        self._connection.request(
            "POST",
            f"/api/v1/namespaces/{namespace}/pods?dryRun=All",
            json.dumps(placed),
            {"Content-Type": "application/json"},
        )
        response = self._connection.getresponse()
        warnings = tuple(response.headers.get_all("Warning", []))
        return Answer(response.status == CREATED, json.loads(response.read()), warnings)

    def accepts(self, raw: Raw, namespace: str) -> bool:
        """Say whether a pod would be stored."""
        return self.create(raw, namespace).accepted

    def refuses(self, raw: Raw, namespace: str, why: str = "") -> bool:
        """Say whether a pod would not be stored, and for this reason where one is given."""
        answer = self.create(raw, namespace)
        return not answer.accepted and why in answer.why

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
