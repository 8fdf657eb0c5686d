"""Who may ask, where client certificates are demanded: in front of whatever answers.

Who shows a certificate that no authority of ours signed gets no connection. Who shows none gets
one, and is answered at the paths of probes alone.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter

from webhook.serving import refusal
from webhook.serving.environment import LAST
from webhook.serving.plain import Asked, ShortWay
from webhook.serving.refusal import Answer, Refusal

Environ = dict[str, Any]
Respond = Callable[..., Any]
Application = Callable[[Environ, Respond], Iterable[bytes]]

PROBES: Final = frozenset({"/livez", "/readyz"})
"""What a kubelet asks for, which has no certificate."""

# Whoever reaches the port could fill the log.
_SAY_SECONDS = 60.0

_log = logging.getLogger("scaleguard.server")


class Callers:
    """Knows an API server by its certificate; for many threads."""

    def __init__(
        self,
        names: Collection[str],
        context: Callable[[], ssl.SSLContext],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`names` are the common names that may ask, none: all; `context` is the newest one."""
        self._names = frozenset(names)
        self._context = context
        self._clock = clock
        self._lock = threading.Lock()
        self._said = -_SAY_SECONDS
        self.registry = CollectorRegistry()
        self._refused = Counter(
            "scaleguard_wrong_callers",
            "Callers that were refused for their client certificate, by what was wrong with it.",
            ["reason"],
            registry=self.registry,
        )

    def before(self, application: Application) -> Application:
        """Let through to an application who may ask."""

        def asked(environ: Environ, respond: Respond) -> Iterable[bytes]:
            if environ["PATH_INFO"] in PROBES:
                return application(environ, respond)
            socket = environ["gunicorn.socket"]
            if socket.context is not self._context():
                # Hands were shaken under other authorities, perhaps: they are shaken anew.
                environ[LAST] = True
            refused = self._why_not(socket.caller)
            if refused is None:
                return application(environ, respond)
            answer = refused.written()
            respond(f"{answer.status.value} {answer.status.phrase}", answer.headers)
            return (answer.body,)

        return asked

    def before_short(self, short: ShortWay) -> ShortWay:
        """Let through to the short way who may ask; all others go the long one, to be refused."""

        def asked(request: Asked, socket: Any) -> Answer | None:
            may = socket.context is self._context() and self._may(socket.caller)
            return short(request, socket) if may else None

        return asked

    def distrust(self, why: str) -> None:
        """Count who was hung up on, because nobody whom we know signed what was shown."""
        self._refuse("untrusted", f"its certificate is not trusted: {why}")

    def _may(self, caller: str | None) -> bool:
        return caller is not None and (not self._names or caller in self._names)

    def _why_not(self, caller: str | None) -> Refusal | None:
        if self._may(caller):
            return None
        if caller is None:
            refused, reason = refusal.no_certificate(), "none"
        else:
            refused, reason = refusal.wrong_caller(caller), "name"
        self._refuse(reason, refused.error)
        return refused

    def _refuse(self, reason: str, why: str) -> None:
        self._refused.labels(reason).inc()
        with self._lock:
            now = self._clock()
            if now - self._said < _SAY_SECONDS:
                return
            self._said = now
        _log.warning("a caller is refused: %s (said once a minute at most)", why)
