"""Forgets what is old, in a thread, now and then."""

import logging
import threading
import time
from typing import Final

from webhook.audit.serving.metrics import Metrics
from webhook.audit.store.errors import StoreUnavailableError
from webhook.audit.store.opened import Store
from webhook.audit.store.retention import Forgotten, Retention, forget

_ROUND_SECONDS: Final = 60.0

_log = logging.getLogger("scaleguard.audit")


class Keeper:
    """Keeps to a retention; as many as there are may do so at once."""

    def __init__(
        self,
        store: Store,
        retention: Retention,
        metrics: Metrics,
        round_seconds: float = _ROUND_SECONDS,
    ) -> None:
        self._store = store
        self._retention = retention
        self._metrics = metrics
        self._round_seconds = round_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch at hand."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._round_seconds):
            self._round()

    def _round(self) -> None:
        go_on = lambda: not self._over.is_set()  # noqa: E731 - a name for what is handed on
        try:
            done = forget(self._store, self._retention, time.time(), go_on)
            self._metrics.takes(self._store.size_bytes())
        except StoreUnavailableError as error:
            self._metrics.could_not_forget()
            _log.warning("what is old was not forgotten: %s", error)
        except Exception:  # noqa: BLE001 - the thread has to go on
            self._metrics.could_not_forget()
            _log.exception("what is old was not forgotten, by a fault of our own")
        else:
            self._metrics.forgotten(done)
            if done != Forgotten():
                _log.info("forgotten: %s", done)
