"""The faults of a schedule, one after the other, while requests go on."""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException
from typing import NamedTuple, Self

from tests.chaos.schedule import Due
from tests.chaos.stage import SHOPS, Pod, Stage
from tests.chaos.windows import Window, Windows
from tests.e2e.manifests import hpa
from tests.e2e.patient_client import PatientClient
from webhook.cluster.resources import HPAS

_LOOK_SECONDS = 0.3
_SAY_SECONDS = 15.0


class _Away(NamedTuple):
    """What is gone, or broken, and comes back."""

    seconds: float
    leaves_nobody: bool = False
    """Whether nobody can be let in, or judged, without it."""


_AWAY = {
    "API server": _Away(1.0, leaves_nobody=True),
    "etcd": _Away(5.0, leaves_nobody=True),
    "OPA": _Away(4.0, leaves_nobody=True),
    "PostgreSQL": _Away(8.0),
    "broken configuration": _Away(6.0),
    "broken rules": _Away(6.0),
}


@dataclass
class Happened:
    """A fault as it went."""

    what: str
    begun: float
    mended: float
    window: Window | None = None


class Run:
    """Disturbs a stage; a context manager, within which kubelets look after the pods."""

    def __init__(self, stage: Stage, note: Callable[[], None], say: Callable[[str], None]) -> None:
        """`note` is called every few seconds; `say` takes a line of progress."""
        self.stage = stage
        self._note = note
        self._say = say
        self.windows = Windows()
        self.happened: list[Happened] = []
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._over = threading.Event()
        self._kubelet = threading.Thread(target=self._look)
        self._none_serves: Window | None = None
        self._routing = threading.Lock()

    def __enter__(self) -> Self:
        self._kubelet.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._kubelet.join(30)

    def play(self, due: list[Due], seconds: float) -> None:
        """Let all of it happen; in the thread that the stage belongs to."""
        begun = said = time.monotonic()
        waiting = list(due)
        while (now := time.monotonic()) < begun + seconds:
            while waiting and begun + waiting[0].at_seconds <= now:
                self._begin(waiting.pop(0).fault)
            self._mend(now)
            for pod in self.stage.pods:
                pod.revive()
            if now - said >= _SAY_SECONDS:
                said = now
                self._say(f"{now - begun:.0f} s of {seconds:.0f} s, {len(self.happened)} faults")
                self._note()
            time.sleep(0.05)
        self.settle()

    def settle(self) -> None:
        """Mend what is still broken, and wait until requests are judged."""
        deadline = time.monotonic() + 60
        self._mend(float("inf"))
        while self.windows.are_open() or not all(pod.is_serving for pod in self.stage.pods):
            for pod in self.stage.pods:
                pod.revive()
            assert time.monotonic() < deadline, f"it does not recover:\n{self.stage.said()}"
            time.sleep(0.1)

    def _begin(self, fault: str) -> None:
        begun, stage = time.monotonic(), self.stage
        away, window = 0.0, None
        if fault in _AWAY:
            away = _AWAY[fault].seconds
            if _AWAY[fault].leaves_nobody and not (fault == "OPA" and stage.engine != "opa"):
                window = self.windows.open(fault)
            mend = self._take_away(fault)
            self._in(away, mend, window)
        elif fault.endswith("webhook"):
            self._kill(stage.pods[1])
        elif fault == "both webhooks":
            self._kill(stage.pods[1])
            self._kill(stage.pods[0])
            window = self._none_serves
        elif fault in {"leaf", "authority"}:
            stage.rotate(fault)
        else:
            if fault == "engine opa":
                stage.engine = "opa"
                stage.fail("Ignore")
            stage.configure()
        self.happened.append(Happened(fault, begun, time.monotonic() + away, window))

    def _take_away(self, fault: str) -> Callable[[], None]:
        """Return how it comes back."""
        stage, plane = self.stage, self.stage.plane
        match fault:
            case "etcd":
                plane.child("etcd").signal(signal.SIGSTOP)
                return lambda: plane.child("etcd").signal(signal.SIGCONT)
            case "PostgreSQL":
                stage.postgres.stop()
                return stage.postgres.start
            case "API server" | "OPA":
                child = stage.opa if fault == "OPA" else plane.child("kube-apiserver")
                child.kill()
                return child.start
            case _:
                stage.configure(broken=fault.removeprefix("broken "))
                return stage.configure

    def _kill(self, pod: Pod) -> None:
        with self._routing:
            begun = time.monotonic()
            pod.kill()
            self.windows.kills.append((begun, time.monotonic()))
            if not self.stage.route() and self._none_serves is None:
                self._none_serves = self.windows.open("no webhook")

    def _in(self, seconds: float, do: Callable[[], None], window: Window | None = None) -> None:
        def mend() -> None:
            do()
            if window is not None:
                window.mended = time.monotonic()

        self._later.append((time.monotonic() + seconds, mend))

    def _mend(self, now: float) -> None:
        due = [each for each in self._later if each[0] <= now]
        self._later = [each for each in self._later if each[0] > now]
        for _, mend in due:
            mend()

    def _look(self) -> None:
        """Play the kubelets, and find out when requests are judged again."""
        path = f"{HPAS.path(SHOPS[0])}?dryRun=All"
        probe = hpa("probe", "api", resource="memory", namespace=SHOPS[0])
        client = PatientClient(self.stage.plane, most_retries=0, timeout_seconds=4)
        with closing(client):
            while not self._over.wait(_LOOK_SECONDS):
                found = self.stage.look()
                with self._routing:
                    serving = self.stage.route(found)
                    if serving and self._none_serves is not None:
                        self._none_serves.mended = time.monotonic()
                        self._none_serves = None
                if not self.windows.are_open():
                    continue
                asked = time.monotonic()
                try:
                    said = client.create(path, probe)
                except (OSError, HTTPException):
                    continue
                if said.is_denied:
                    self.windows.judged(asked)
