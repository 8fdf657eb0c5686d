"""Replace the judge when its files change, and keep it where they are broken.

Files are looked at every few seconds, by their content: that works for every kind of mount and
clock, and a ConfigMap reaches a pod only within a minute anyway.
"""

import logging
import threading
import time
from collections.abc import Callable

from webhook.config import Config
from webhook.core.decide import Judge
from webhook.core.frozen import frozen
from webhook.errors import ScaleguardError, UnavailableError
from webhook.reload.recorder import Recorder
from webhook.reload.sources import Material, Sources

LOOK_SECONDS = 2.0

_log = logging.getLogger("scaleguard.config")


@frozen
class Making:
    """Of what and how a judge is made, and what goes with replacing one."""

    sources: Sources
    make: Callable[[Material], Judge]
    """Raises `ScaleguardError` where nothing can be made of it."""
    keep: Callable[[Material], None] = lambda _material: None
    put_back: Callable[[Judge], None] = lambda _judge: None
    """Undoes what making another judge may have left behind elsewhere."""
    waiting: Callable[[Config], list[str]] = lambda _config: []
    """Names the changed keys that only a restart applies."""


class Reloading:
    """The judge in use, and who replaces it; `judge` is called by many threads."""

    def __init__(
        self,
        material: Material,
        judge: Judge,
        making: Making,
        recorder: Recorder,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Begin with a judge, and with what it was made of."""
        self._sources = making.sources
        self._making = making
        self._recorder = recorder
        self._now = now
        self._judge = judge
        self._config = material.config
        self._settled: str | None = material.digest
        """The content that needs no more work: it is in use, or refused for good."""
        self._told: str | None = None
        recorder.in_use(material.hash, now())

    @property
    def judge(self) -> Judge:
        """The last good one. Who judges keeps the one that they began with."""
        return self._judge

    @property
    def config(self) -> Config:
        """The last good one."""
        return self._config

    def start(self) -> "Reloading":
        """Begin to follow the files, in a thread: after a fork, not before."""
        if self._sources.config is not None or self._sources.policies:
            threading.Thread(target=self._follow, name="configuration", daemon=True).start()
        return self

    def _follow(self) -> None:
        while True:
            # By the wall clock, so that all processes look at the same time and judge alike.
            time.sleep(LOOK_SECONDS - self._now() % LOOK_SECONDS)
            try:
                self.look()
            except Exception:  # noqa: BLE001 - the thread has to go on
                _log.exception("the configuration could not be looked at")

    def look(self) -> None:
        """Look at the files once, and take up what has changed if it is good."""
        digest = self._sources.digest()
        if digest == self._settled:
            return
        try:
            material = self._sources.read()
            judge = self._making.make(material)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the last good one goes on
            # Files that changed meanwhile were not what anybody meant: the next look takes them.
            if self._sources.digest() == digest:
                self._refuse(digest, fault)
            return
        if material.digest == self._sources.digest():
            self._apply(material, judge)

    def _apply(self, material: Material, judge: Judge) -> None:
        self._judge, self._config = judge, material.config
        self._settled, self._told = material.digest, None
        self._recorder.in_use(material.hash, self._now())
        self._recorder.reloaded("applied")
        _log.info("configuration %s applied", material.hash)
        waiting = self._making.waiting(material.config)
        if waiting:
            _log.warning("%s: changed, but only a restart applies it", ", ".join(waiting))
        try:
            self._making.keep(material)
        except OSError as error:
            _log.warning("the last good configuration cannot be kept: %s", error)

    def _refuse(self, digest: str, fault: Exception) -> None:
        if self._told != digest:
            self._told = digest
            self._recorder.reloaded("refused")
            ours = None if isinstance(fault, ScaleguardError) else fault
            _log.error(
                "configuration refused, the last good one goes on: %s", _line(fault), exc_info=ours
            )
        self._settled = None if isinstance(fault, UnavailableError) else digest
        try:
            self._making.put_back(self._judge)
        except ScaleguardError as error:
            _log.debug("tried again at the next look: %s", error)
            self._settled = None


def _line(fault: Exception) -> str:
    """Put faults into one line, however many there are."""
    line, said = "", str(fault) or type(fault).__name__
    for part in map(str.strip, said.splitlines()):
        line += (" " if line.endswith(":") else "; ") * bool(line) + part
    return line
