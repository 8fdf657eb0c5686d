"""The autoscalers that a judgement compares with: by watches, or listed at this moment."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TypeVar

from webhook.cluster.api import Api
from webhook.cluster.errors import DEADLINE, ApiError
from webhook.cluster.recorder import Recorder
from webhook.cluster.records import Autoscalers
from webhook.cluster.resources import HPAS, POD_AUTOSCALERS, SCALED_OBJECTS, VPAS, Resource
from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.pod_autoscaler import read_pod_autoscaler
from webhook.core.autoscalers.scaled_object import read_scaled_object
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa, read_vpa
from webhook.core.verdict import CannotJudge

# Four lists for each of a few requests at once; a request that has to wait for a thread still has
# the rest of its time.
LISTING_THREADS = 16

LIST_SECONDS = 1.5
"""For all of them, inside the 3 s that an API server waits at most; workloads come after that."""

Kept = TypeVar("Kept", Scaler, Vpa)


@dataclass(frozen=True, slots=True)
class Counterparts:
    """Everything that scales something, by what it scales."""

    hpas: Autoscalers[Scaler]
    scaled_objects: Autoscalers[Scaler]
    pod_autoscalers: Autoscalers[Scaler]
    vpas: Autoscalers[Vpa]

    @classmethod
    def none(cls) -> "Counterparts":
        """Begin with nothing."""
        return cls(
            Autoscalers(read_hpa),
            Autoscalers(read_scaled_object),
            Autoscalers(read_pod_autoscaler),
            Autoscalers(read_vpa),
        )

    def scalers_on(self, key: WorkloadKey) -> tuple[Scaler, ...]:
        """Scalers of replicas on a workload."""
        return self.hpas.on(key) + self.scaled_objects.on(key) + self.pod_autoscalers.on(key)

    def targets(self, namespace: str) -> list[WorkloadKey]:
        """The workloads of a namespace that anything acts on, each once."""
        kinds = (self.hpas, self.scaled_objects, self.pod_autoscalers, self.vpas)
        return list(dict.fromkeys(key for kind in kinds for key in kind.targets(namespace)))


class Listings:
    """Lists the autoscalers of a namespace, as they are once the list was asked for.

    Two requests right after each other must not both pass, and a watch lags by milliseconds.
    """

    def __init__(self, api: Api, recorder: Recorder, watched: Counterparts) -> None:
        self._api = api
        self._watched = watched
        self._recorder = recorder
        self._pool = ThreadPoolExecutor(LISTING_THREADS, "list")

    def of(self, namespace: str, until: float) -> Counterparts:
        """List a namespace; raises `CannotJudge` where that takes too long or is refused."""
        until = min(until, time.monotonic() + LIST_SECONDS)
        found = Counterparts.none()
        asked = (
            (HPAS, self._ask(HPAS, found.hpas, namespace, until)),
            (SCALED_OBJECTS, self._ask(SCALED_OBJECTS, found.scaled_objects, namespace, until)),
            (POD_AUTOSCALERS, self._ask(POD_AUTOSCALERS, found.pod_autoscalers, namespace, until)),
            (VPAS, self._ask(VPAS, found.vpas, namespace, until)),
        )
        for resource, answer in asked:
            try:
                self._await(answer, until)
            except ApiError as error:
                self._recorder.looked_up("counterparts", error.label)
                for _, other in asked:
                    other.cancel()
                raise CannotJudge(
                    f"{resource} of namespace {namespace} cannot be listed: {error}"
                ) from error
        self._recorder.looked_up("counterparts", "found")
        return found

    def _ask(
        self, resource: Resource, kept: Autoscalers[Kept], namespace: str, until: float
    ) -> "Future[None]":
        return self._pool.submit(self._list, resource, kept, namespace, until)

    def _list(
        self, resource: Resource, kept: Autoscalers[Kept], namespace: str, until: float
    ) -> None:
        left = until - time.monotonic()
        try:
            found = self._api.list(resource.path(namespace), kept.read, left, seconds=left)
        except ApiError as error:
            if error.is_absent and resource.optional and not self._holds(resource):
                return  # without its CRD there is none
            raise
        kept.replace(found.items)

    def _holds(self, resource: Resource) -> bool:
        """Whether the watch knows objects of it: of several API servers one may be behind."""
        held = {
            VPAS: len(self._watched.vpas),
            SCALED_OBJECTS: len(self._watched.scaled_objects),
            POD_AUTOSCALERS: len(self._watched.pod_autoscalers),
        }
        return held[resource] > 0

    @staticmethod
    def _await(answer: "Future[None]", until: float) -> None:
        try:
            answer.result(max(0.0, until - time.monotonic()))
        except FutureTimeoutError as error:
            raise ApiError(0, DEADLINE, "no answer in time") from error
