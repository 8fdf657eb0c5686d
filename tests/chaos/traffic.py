"""What is asked for meanwhile: pods, HPAs and VPAs, some of which must be refused."""

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPException
from typing import NamedTuple

from tests.controlplane.cluster import ControlPlane
from tests.e2e.load import AT_ONCE, Send
from tests.e2e.manifests import deployment, hpa, stream, vpa
from tests.e2e.patient_client import PatientClient, Said
from tests.e2e.refusals import DECISION, owned_pod
from webhook.cluster.resources import HPAS, VPAS, Resource

SLOTS = 240
"""Workloads that are fought for in turn. What one round has left goes before the next begins."""

_REPEATED = 40
_LABEL = "scaleguard.io/workload-class"

ADMITTED, DENIED, EITHER = "admitted", "denied", "either"


class Seen(NamedTuple):
    """A request and what became of it."""

    what: str
    name: str
    begun: float
    ended: float
    outcome: str
    """`right`; `failed` without a verdict; `unjudged` or `unfitted`, let in by failurePolicy;
    `wrong`, which nothing excuses."""
    said: str


class Traffic:
    """Makes the requests of a `Load`, and keeps what became of them."""

    def __init__(self, plane: ControlPlane, namespaces: Sequence[str]) -> None:
        self._namespaces = namespaces
        self._slots = itertools.count()
        self._beside = ThreadPoolExecutor(AT_ONCE)
        self._left: defaultdict[str, set[tuple[Resource, str]]] = defaultdict(set)
        self.seen: list[Seen] = []
        self.told: list[str] = []
        """The decisions that somebody was told of, each of which is on record."""
        made = [
            one
            for namespace in namespaces
            for name in ("web", "api")
            for one in (
                deployment(name, replicas=0, namespace=namespace),
                vpa(name, name, controlled=["memory"], namespace=namespace),
            )
        ]
        plane.kubectl("apply", "-f", "-", input=stream(*made))

    def senders(self) -> list[Send]:
        return [self.fitted, self.round, self.refused, self.let_in, self.round, self.misspelt]

    def fitted(self, client: PatientClient, number: int) -> Said:
        """A GPU pod, which is changed."""
        namespace = self._of(number)
        resources = {"limits": {"nvidia.com/gpu": 1}}
        raw = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"llm-{number}", "namespace": namespace},
            "spec": {"containers": [{"name": "app", "image": "app", "resources": resources}]},
        }
        path = f"{_pods(namespace)}?dryRun=All"
        return self._ask("GPU pod", f"llm-{number}", lambda: client.create(path, raw), ADMITTED)

    def misspelt(self, client: PatientClient, number: int) -> Said:
        """A pod that asks for what is nearly a GPU."""
        name, path = f"typo-{number % _REPEATED}", _pods(self._of(number))
        raw = owned_pod(name, self._of(number))
        return self._ask("misspelt pod", name, lambda: client.create(path, raw), DENIED)

    def refused(self, client: PatientClient, number: int) -> Said:
        """An HPA on the memory of a workload whose memory a VPA has."""
        name, namespace = f"refused-{number % _REPEATED}", self._of(number)
        raw = hpa(name, "api", resource="memory", namespace=namespace)
        path = HPAS.path(namespace)
        said = self._ask("refused HPA", name, lambda: client.create(path, raw), DENIED)
        if said.is_done:
            client.delete(path, name)  # nobody judged it, and it would be in the way of others
        return said

    def let_in(self, client: PatientClient, number: int) -> Said:
        """An HPA on what no VPA has."""
        namespace = self._of(number)
        raw = hpa(f"web-{number}", "web", namespace=namespace)
        path = f"{HPAS.path(namespace)}?dryRun=All"
        return self._ask("HPA", f"web-{number}", lambda: client.create(path, raw), ADMITTED)

    def round(self, client: PatientClient, number: int) -> Said:
        """An HPA and a VPA of one workload at the same moment; mostly only one may stay."""
        turn = next(self._slots) % SLOTS
        slot, namespace = f"w{turn}", self._of(turn)
        self._tidy(client, namespace, slot)
        is_free = number % 12 == 1
        controlled = ["memory"] if is_free else None
        # With something left there from before, not even these two may be let in.
        expected = ADMITTED if is_free and not self._left[slot] else EITHER
        mine, other = f"h{number}", f"v{number}"
        self._left[slot] |= {(HPAS, mine), (VPAS, other)}
        raws = {
            HPAS: hpa(mine, slot, namespace=namespace),
            VPAS: vpa(other, slot, controlled=controlled, namespace=namespace),
        }

        def create(resource: Resource) -> Said:
            path, name = resource.path(namespace), raws[resource]["metadata"]["name"]
            what = f"{resource.kind} of a round"
            return self._ask(what, name, lambda: client.create(path, raws[resource]), expected)

        beside = self._beside.submit(create, VPAS)
        try:
            return create(HPAS)
        finally:
            beside.exception()  # it is noted

    def _of(self, number: int) -> str:
        return self._namespaces[number % len(self._namespaces)]

    def _tidy(self, client: PatientClient, namespace: str, slot: str) -> None:
        for resource, name in tuple(self._left[slot]):
            try:
                said = client.delete(resource.path(namespace), name)
            except (OSError, HTTPException):
                continue
            if said.is_done or said.status == HTTPStatus.NOT_FOUND:
                self._left[slot].discard((resource, name))

    def _ask(self, what: str, name: str, ask: Callable[[], Said], expected: str) -> Said:
        begun = time.monotonic()
        try:
            said = ask()
        except (OSError, HTTPException) as error:
            self._note(what, name, begun, "failed", repr(error))
            raise
        message = str(said.body.get("message", ""))
        if said.is_denied and (found := DECISION.search(message)):
            self.told.append(found[1])
        self._note(what, name, begun, _outcome(said, expected, what), message)
        return said

    def _note(self, what: str, name: str, begun: float, outcome: str, said: str) -> None:
        self.seen.append(Seen(what, name, begun, time.monotonic(), outcome, said))


def _pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def _outcome(said: Said, expected: str, what: str) -> str:
    if said.is_denied:
        return "wrong" if expected == ADMITTED else "right"
    if said.is_done:
        if expected == DENIED:
            return "unjudged"
        is_bare = what == "GPU pod" and _LABEL not in said.body["metadata"].get("labels", {})
        return "unfitted" if is_bare else "right"
    # It was stored by the first try, of which the answer was lost.
    return "right" if said.status == HTTPStatus.CONFLICT else "failed"
