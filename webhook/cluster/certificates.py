"""The webhook's own certificates: kept in a Secret, served from a folder, told to the API server.

One process of each pod sees to it, in rounds: take what the Secret holds, or renew it there; put
the authority into the webhook configurations; write the leaf where it is served from. Several pods
do it at once: who comes second to the Secret takes what the first one wrote.
"""

import fcntl
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import IO

from prometheus_client import CollectorRegistry, Counter

from certs.authority import Names, issue_leaf, make_authority
from certs.pair import Bundle, Pair, fault
from certs.renewal import NotOursError, renewed
from certs.store import StoreError, load, save
from webhook.cluster.certificate_objects import Api, CertificateSecret, publish
from webhook.cluster.errors import ApiError
from webhook.errors import ConfigError

# An edit of a caBundle by somebody else stands no longer than this. A round is three small reads.
ROUND_SECONDS = 30.0
_FIRST_RETRY_SECONDS = 1.0

# So many replicas may write the Secret between our reading it and our writing it.
_MOST_WRITES = 5

_log = logging.getLogger("scaleguard.certificates")


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept where, and for whom."""

    namespace: str
    secret: str
    configurations: tuple[str, ...]
    folder: Path
    names: Names


def prepare(keeping: Keeping, now: datetime) -> bytes | None:
    """Have something in the folder that can be served; before the server begins.

    What was served before a restart, with its authority, is served again. Else a certificate is
    made that nobody trusts, so that /readyz can say what is missing: that one is returned. Raises
    `ConfigError` where the folder is somebody's own.
    """
    try:
        found = load(keeping.folder)
        if found.authority.key:
            raise ConfigError(
                f"{keeping.folder} holds an authority of its own (ca.key), which certificates of "
                "--cert-secret would replace: name another folder with --cert-dir"
            )
        if found.authority.certificate and fault(found.leaf, "tls", now) is None:
            return None
        leaf = issue_leaf(make_authority(now), keeping.names, now)
        save(keeping.folder, Bundle(leaf=leaf))
    except (StoreError, OSError) as error:
        raise ConfigError(f"--cert-dir: {error}") from error
    return leaf.certificate


class Keeper:
    """Keeps certificates in a thread of a worker process; it is made after the fork."""

    def __init__(
        self, api: Api, keeping: Keeping, now: Callable[[], datetime], temporary: bytes | None
    ) -> None:
        """`temporary` is what `prepare` returned."""
        self._api, self._keeping, self._now = api, keeping, now
        self._secret = CertificateSecret(api, keeping.namespace, keeping.secret)
        self._temporary = temporary
        self._problem = f"{self._secret} was not read yet"
        self._lock: IO[bytes] | None = None
        # In no registry: the counters of workers are collected from the files that they share.
        self._errors = Counter(
            "scaleguard_certificate_errors",
            "Times that the webhook's own certificates could not be seen to.",
            registry=CollectorRegistry(),
        )
        self._renewals = Counter(
            "scaleguard_certificate_renewals",
            "Certificates that were made: a leaf, or an authority with its leaf.",
            ("what",),
            registry=CollectorRegistry(),
        )

    def start(self) -> None:
        """Keep them from now on, for as long as the process lives."""
        wait = threading.Event().wait
        threading.Thread(target=self.run, args=(wait,), name="certificates", daemon=True).start()

    def not_ready(self) -> list[str]:
        """Say why nothing is served yet that the API server trusts."""
        if self._temporary is None:
            return []
        with suppress(OSError):
            if (self._keeping.folder / "tls.crt").read_bytes() != self._temporary:
                self._temporary = None
                return []
        return [f"no certificate yet: {self._problem}"]

    def run(self, wait: Callable[[float], bool]) -> None:
        """Do a round every `ROUND_SECONDS`, sooner after a failure; until `wait` says to stop."""
        pause = retry_seconds = _FIRST_RETRY_SECONDS
        stopped = False
        while not stopped:
            if self._attempt():
                pause, retry_seconds = ROUND_SECONDS, _FIRST_RETRY_SECONDS
            else:
                pause, retry_seconds = retry_seconds, min(2 * retry_seconds, ROUND_SECONDS)
            stopped = wait(pause)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _attempt(self) -> bool:
        try:
            if self._is_ours_to_do():
                self.round()
                self._problem = ""
        except (ApiError, NotOursError, OSError, StoreError) as error:
            self._failed(str(error))
            return False
        except Exception as error:  # noqa: BLE001 - the thread has to live, or certificates expire unseen
            _log.exception("a fault of the webhook's own")
            self._failed(repr(error))
            return False
        return True

    def _failed(self, problem: str) -> None:
        self._errors.inc()
        if problem != self._problem:  # counted each time, said once
            _log.error("the own certificates cannot be seen to: %s", problem)
        self._problem = problem

    def _is_ours_to_do(self) -> bool:
        """Whether this process is the one of its pod that does the rounds.

        The kernel holds the lock for the process: when that ends, another takes over.
        """
        if self._lock is None:
            lock = (self._keeping.folder / ".keeper").open("ab")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                self._problem = "another process of this pod sees to it: see the log"
                return False
            self._lock = lock
        return True

    def round(self) -> None:
        """Have everything as it should be; raises where that cannot be."""
        served = load(self._keeping.folder)
        kept = self._kept(served.authority.certificate)
        # Without its key, the folder's authority is known as one that is kept elsewhere.
        wanted = Bundle(Pair(kept.authority.certificate), kept.leaf)
        try:
            publish(self._api, self._keeping.configurations, wanted.authority.certificate)
        except ApiError:
            # A new leaf need not wait for that; a new authority must, as nobody trusts it yet.
            if served.authority == wanted.authority:
                self._serve(served, wanted)
            raise
        self._serve(served, wanted)

    def _serve(self, served: Bundle, wanted: Bundle) -> None:
        if served != wanted:
            save(self._keeping.folder, wanted)

    def _kept(self, trusted: bytes) -> Bundle:
        """Return what the Secret holds, renewed there where that is due."""
        for _ in range(_MOST_WRITES):
            bundle, version = self._secret.read()
            renewal = renewed(bundle, self._keeping.names, self._now(), trusted)
            if renewal is None:
                return bundle
            if self._secret.write(renewal.bundle, version):
                _log.info("%s: %s: new %s", self._secret, renewal.reason, renewal.what)
                self._renewals.labels(renewal.what).inc()
                return renewal.bundle
        raise ApiError(HTTPStatus.CONFLICT, "Conflict", "others write it again and again")
