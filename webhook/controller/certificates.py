"""Keeps certificates: makes and renews them in Secrets, and tells the API server of them.

In rounds, by the leader alone. Each compares what is there with what has to be there
(`certs.rollover`) and writes the difference: whatever somebody else edits, or a crash leaves
behind, the next round mends. What has to be known before it is used comes first: authorities and
path are in the webhook configurations before a leaf is in its Secret that only they make good.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certs.authority import Names
from certs.kept import (
    read_authorities,
    read_paths,
    written_authorities,
    written_paths,
)
from certs.pair import Pair, parse_certificate
from certs.phases import OVERLAP_SECONDS, Phased
from certs.renewal import NotOursError
from certs.rollover import (
    Served,
    Terms,
    authority_change,
    leaf_change,
    path_change,
    trusted_bundle,
)
from webhook.cluster.api import Api
from webhook.cluster.configurations import Told
from webhook.cluster.errors import ApiError
from webhook.cluster.kept_secret import Content, KeptSecret
from webhook.controller.certificate_counters import CertificateCounters
from webhook.core.frozen import frozen
from webhook.core.objects import ROTATE_ANNOTATION, ROTATE_AUTHORITY, ROTATE_LEAF

# An edit of a caBundle by somebody else stands no longer than this. A round is five small reads.
ROUND_SECONDS = 30.0
_ROUNDS_OF_A_PHASE = 4
_FIRST_RETRY_SECONDS = 1.0
_FOLLOWER_SECONDS = 1.0
_REQUEST_SECONDS = 10.0

# More, and people are told: a clock of a cluster is off by much less.
_MOST_SKEW = timedelta(minutes=1)

_log = logging.getLogger("scaleguard.certificates")


@frozen(kw_only=True)
class Keeping:
    """What is kept where, and for whom."""

    namespace: str
    name: str
    """Of the Secrets, before `-authority`, `-certificate` and `-path`."""
    configurations: tuple[str, ...]
    names: Names
    """What the leaf is valid for; nothing is made where there are none: somebody else does."""
    overlap: timedelta = timedelta(seconds=OVERLAP_SECONDS)
    published: Path | None = None
    """Somebody else's authority, to be told to the API server; None: somebody else tells it."""


class Certificates:
    """Keeps them in a thread of its own, where and while it leads."""

    def __init__(
        self,
        api: Api,
        keeping: Keeping,
        is_leader: Callable[[], bool],
        counters: CertificateCounters,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing begins yet."""
        self._api, self._keeping, self._is_leader = api, keeping, is_leader
        self._counters, self._clock = counters, clock
        names = (f"{keeping.name}-{what}" for what in ("authority", "certificate", "path"))
        secrets = (KeptSecret(api, keeping.namespace, name) for name in names)
        self._authority, self._certificate, self._path = secrets
        self._problem = ""
        self._was_renewed = self._was_skewed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="certificates", daemon=True)

    def start(self) -> "Certificates":
        """Keep them from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Begin no other round."""
        self._stop.set()
        self._thread.join(_REQUEST_SECONDS)

    def _run(self) -> None:
        retry_seconds = _FIRST_RETRY_SECONDS
        pause = 0.0
        while not self._stop.wait(pause):
            if not self._is_leader():
                pause = _FOLLOWER_SECONDS
            elif self.attempt():
                pause, retry_seconds = self.round_seconds, _FIRST_RETRY_SECONDS
            else:
                pause, retry_seconds = retry_seconds, min(2 * retry_seconds, self.round_seconds)

    @property
    def round_seconds(self) -> float:
        """How often a round is done: no phase is missed by much."""
        phase = self._keeping.overlap.total_seconds()
        return min(ROUND_SECONDS, phase / _ROUNDS_OF_A_PHASE)

    def attempt(self) -> bool:
        """Do a round; whether it succeeded. A failure is counted each time and said once."""
        try:
            self.round()
        except (ApiError, NotOursError, OSError) as error:
            # Somebody else wrote at the same time, mostly the leader before: the next round sees.
            is_race = isinstance(error, ApiError) and error.is_conflict
            self._failed(str(error), logging.INFO if is_race else logging.ERROR)
            return False
        except Exception as error:  # noqa: BLE001 - the thread has to live, or certificates expire unseen
            _log.exception("a fault of the controller's own")
            self._failed(repr(error), logging.ERROR)
            return False
        self._problem = ""
        return True

    def _failed(self, problem: str, level: int) -> None:
        self._counters.failed()
        if problem != self._problem:
            _log.log(level, "certificates cannot be seen to: %s", problem)
        self._problem = problem

    def round(self) -> None:
        """Have everything as it should be; raises where that cannot be."""
        terms = Terms(self._now(), self._keeping.overlap)
        told = Told(self._api, self._keeping.configurations)
        if not self._keeping.names.dns and not self._keeping.names.ip_addresses:
            bundle = self._published()
            told.tell(bundle, self._paths(terms, told, bundle).current)
            return
        served, kept = self._certificate.read(), self._authority.read()
        before = read_authorities(kept.data, terms.now)
        known = trusted_bundle(before, terms.now) if before is not None else b""
        paths = self._paths(terms, told, known)
        asked = kept.annotations.get(ROTATE_ANNOTATION, "")
        if asked not in {"", ROTATE_LEAF, ROTATE_AUTHORITY}:
            _log.warning(
                "%s: %s is leaf or authority: %r", self._authority, ROTATE_ANNOTATION, asked
            )
        authorities = self._authorities(
            before, kept, served, terms, is_asked=asked == ROTATE_AUTHORITY
        )
        bundle = trusted_bundle(authorities, terms.now)
        told.tell(bundle, paths.current)
        self._leaf(served, authorities, bundle, terms.now, is_asked=asked == ROTATE_LEAF)
        # One that is asked for while another rotation is under way begins when that is over.
        is_begun = asked != ROTATE_AUTHORITY or authorities.next is not None
        if asked and is_begun:
            # Last: what is asked for is done twice rather than not at all.
            self._authority.write(self._authority.read(), {}, ROTATE_ANNOTATION)

    def _published(self) -> bytes:
        """Return somebody else's authority; nothing where somebody else tells it."""
        given = self._keeping.published
        if given is None:
            return b""
        bundle = given.read_bytes()
        if parse_certificate(bundle) is None:
            raise NotOursError(f"{given} holds no PEM certificate: the one before stays trusted")
        return bundle

    def _paths(self, terms: Terms, told: "Told", bundle: bytes) -> Phased[str]:
        """Return the paths as they have to be now; `bundle` is what has to be trusted so far."""
        kept = self._path.read()
        state = read_paths(kept.data, terms.now)
        if state is not None:
            # What an earlier round could not tell comes first: nothing moves on before it is known.
            told.tell(bundle, state.current)
        change = path_change(state, terms, told.asked_at, asked=self._was_renewed)
        self._was_renewed = False
        found = change.to if change is not None else state
        if found is None:
            raise AssertionError("path_change makes one where there is none")
        if change is not None:
            self._path.write(kept, written_paths(found))
            _log.info("%s: %s", self._path, change.why)
            self._counters.renewed("path")
        return found

    def _authorities(
        self,
        state: Phased[Pair] | None,
        kept: Content,
        served: Content,
        terms: Terms,
        *,
        is_asked: bool,
    ) -> Phased[Pair]:
        """Return the authorities as they have to be now; `state` is what was kept of them."""
        given = Served(_leaf_of(served), served.data.get("ca.crt", b""))
        change = authority_change(state, terms, given, asked=is_asked)
        found = change.to if change is not None else state
        if found is None:
            raise AssertionError("authority_change makes one where there is none")
        if change is not None:
            self._authority.write(kept, written_authorities(found))
            _log.info("%s: %s", self._authority, change.why)
            self._counters.renewed("authority")
        certificate = parse_certificate(found.current.certificate)
        if certificate is not None:
            self._counters.authority_expires(certificate.not_valid_after_utc.timestamp())
        return found

    def _leaf(
        self,
        served: Content,
        authorities: Phased[Pair],
        bundle: bytes,
        now: datetime,
        *,
        is_asked: bool,
    ) -> None:
        """Have a leaf of the current authority beside the bundle by which it is known."""
        before = _leaf_of(served)
        change = leaf_change(before, authorities.current, self._keeping.names, now, asked=is_asked)
        leaf = change.to if change is not None else before
        data = {"ca.crt": bundle, "tls.crt": leaf.certificate, "tls.key": leaf.key}
        if any(served.data.get(name) != value for name, value in data.items()):
            self._certificate.write(served, {**data})
        if change is not None:
            _log.info("%s: %s: a new leaf", self._certificate, change.why)
            self._counters.renewed("leaf")
            self._was_renewed = not before.is_absent

    def _now(self) -> datetime:
        """Return the time: where clocks differ that of the API server, who looks at certificates.

        It is told in whole seconds only.
        """
        own = self._clock()
        told = self._api.time(_REQUEST_SECONDS) or own
        is_skewed = abs(told - own) > _MOST_SKEW
        if is_skewed and not self._was_skewed:
            _log.warning(
                "the clock here says %s, that of the API server %s: certificates are made by the "
                "API server's, and one of the two is to be set right",
                f"{own:%Y-%m-%dT%H:%M:%SZ}",
                f"{told:%Y-%m-%dT%H:%M:%SZ}",
            )
        self._was_skewed = is_skewed
        return told if is_skewed else own


def _leaf_of(served: Content) -> Pair:
    return Pair(served.data.get("tls.crt", b""), served.data.get("tls.key", b""))
