"""Certificates of an installation: read from its Secret, and renewed by asking its controller."""

import time
from collections.abc import Callable, Sequence

from certs.pair import Bundle, Pair
from webhook.cluster.errors import ApiError
from webhook.core.fields import Raw, annotation, decoded, strings
from webhook.core.frozen import frozen
from webhook.core.objects import ROTATE_ANNOTATION, ROTATE_LEAF
from webhook.doctor.fetching.cluster import SECONDS, SECRETS, Cluster, UnseenError
from webhook.doctor.fetching.look import served_secret
from webhook.doctor.installation import Installation
from webhook.errors import ScaleguardError

_PAUSE_SECONDS = 2.0


def stored(cluster: Cluster, installation: Installation) -> Bundle:
    """Return what the webhook serves with, and whom it is to be trusted by.

    Raises `ScaleguardError` where that cannot be read.
    """
    try:
        data = strings(served_secret(cluster, installation), "data")
    except UnseenError as error:
        raise ScaleguardError(str(error)) from error
    return Bundle(
        Pair(decoded(data.get("ca.crt", "")), decoded(data.get("ca.key", ""))),
        Pair(decoded(data.get("tls.crt", "")), decoded(data.get("tls.key", ""))),
    )


@frozen
class Rotation:
    """A rotation that the controller of an installation is asked for."""

    cluster: Cluster
    installation: Installation
    what: str
    """`leaf` or `authority`."""
    before: Bundle

    def ask(self) -> None:
        """Ask for it; raises `ScaleguardError`."""
        path = SECRETS.path(self.installation.namespace, self._name)
        merged = {"metadata": {"annotations": {ROTATE_ANNOTATION: self.what}}}
        place = f"Secret {self.installation.namespace}/{self._name}"
        try:
            self.cluster.api.patch(path, merged, SECONDS)
        except ApiError as error:
            if error.is_absent:
                raise ScaleguardError(
                    f"there is no {place}: scaleguard does not make these certificates itself; "
                    "renew them where they come from"
                ) from error
            if error.is_forbidden:
                raise ScaleguardError(f"you may not patch {place}") from error
            raise ScaleguardError(f"{place}: {error}") from error

    def follow(self, seconds: float, tell: Callable[[str], None]) -> Bundle:
        """Wait until it is over, and tell each step that is seen.

        Raises `ScaleguardError` where it takes longer than `seconds`.
        """
        until = time.monotonic() + seconds
        told: list[str] = []
        while True:
            authority = _secret(self.cluster, self.installation, self._name)
            asked = annotation(authority, ROTATE_ANNOTATION) is not None
            now = stored(self.cluster, self.installation)
            steps = seen(self.before, now, begun=not asked)
            for step in steps:
                if step not in told:
                    tell(step)
                    told.append(step)
            if not asked and is_over(self.before, now, self.what):
                return now
            if time.monotonic() + _PAUSE_SECONDS > until:
                raise ScaleguardError(self._late(seconds, told))
            time.sleep(_PAUSE_SECONDS)

    def _late(self, seconds: float, told: Sequence[str]) -> str:
        namespace, name = self.installation.namespace, self.installation.name
        last = told[-1] if told else "the controller has not begun"
        log = f"kubectl -n {namespace} logs deployment/{name}-controller"
        return f"not done after {seconds:g} s: {last}; its log says what it does: {log}"

    @property
    def _name(self) -> str:
        return f"{self.installation.name}-authority"


def seen(before: Bundle, now: Bundle, *, begun: bool) -> list[str]:
    """How far a rotation has come."""
    steps = ["the controller has begun"] if begun else []
    if now.authority.certificate != before.authority.certificate:
        steps.append("the authorities that are trusted have changed")
    if now.leaf.certificate != before.leaf.certificate:
        steps.append("a new certificate is there to be served")
    return steps


def is_over(before: Bundle, now: Bundle, what: str) -> bool:
    """Whether a rotation has come to its end, as far as the Secret shows it."""
    is_new = now.leaf.certificate != before.leaf.certificate
    if what == ROTATE_LEAF:
        return is_new
    return is_new and now.authority.certificate != before.authority.certificate


def _secret(cluster: Cluster, installation: Installation, name: str) -> Raw:
    try:
        found = cluster.get(SECRETS, installation.namespace, name)
    except UnseenError as error:
        raise ScaleguardError(str(error)) from error
    if found is None:
        raise ScaleguardError(f"there is no Secret {installation.namespace}/{name}")
    return found
