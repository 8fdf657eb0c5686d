"""Who a request comes from, and whether they may."""

import ipaddress

from flask import request

from webhook.audit.serving import refusal
from webhook.audit.serving.access import Access, CannotTellError, User
from webhook.core.frozen import frozen

_SCHEME = "bearer "


@frozen(kw_only=True)
class Callers:
    """Whom the server listens to."""

    access: Access | None
    """None: there is no cluster that knows tokens, so none is good."""
    writers: frozenset[str]
    """The users who may deliver."""
    trusts_loopback: bool = False
    """Whether who comes from this machine without a token may read everything."""

    def check_writer(self) -> None:
        """Let pass who may deliver; raises `Refusal`."""
        user = self._user()
        if user.name not in self.writers:
            raise refusal.no_writer(user.name)

    def check_reader(self, verb: str, namespace: str) -> None:
        """Let pass who may read in a namespace, or in all of them; raises `Refusal`."""
        if self._is_trusted():
            return
        user = self._user()
        if not self._may(user, verb, namespace):
            raise refusal.no_reader(user.name, verb, namespace)

    def readable(self, verb: str, namespaces: frozenset[str]) -> frozenset[str]:
        """Return the namespaces of some in which the caller may read; raises `Refusal`."""
        if self._is_trusted():
            return namespaces
        user = self._user()
        if self._may(user, verb, ""):
            return namespaces
        return frozenset(one for one in namespaces if one and self._may(user, verb, one))

    def _may(self, user: User, verb: str, namespace: str) -> bool:
        try:
            return self.access is not None and self.access.may(user, verb, namespace)
        except CannotTellError as error:
            raise refusal.cannot_tell(str(error)) from error

    def _user(self) -> User:
        written = request.headers.get("Authorization", "")
        token = written[len(_SCHEME) :].strip()
        if not written.lower().startswith(_SCHEME) or not token:
            raise refusal.no_token()
        try:
            user = self.access.who(token) if self.access is not None else None
        except CannotTellError as error:
            raise refusal.cannot_tell(str(error)) from error
        if user is None:
            raise refusal.bad_token()
        return user

    def _is_trusted(self) -> bool:
        """Whether it is somebody on this machine who is trusted for that alone.

        The Host has to be this machine as well: a page of another origin that a browser here was
        made to take for us names its own.
        """
        return (
            self.trusts_loopback
            and "Authorization" not in request.headers
            and _is_loopback(request.remote_addr or "")
            and _is_loopback(_host(request.host))
        )


def _host(written: str) -> str:
    if written.startswith("["):
        return written[1:].partition("]")[0]
    return written.partition(":")[0]


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
