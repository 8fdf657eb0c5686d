"""How a batch of records, and how things stand, get to the audit."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

import msgspec
import requests

from webhook.audit.spool import Waiting
from webhook.audit.stood import Telling

# To connect, and between two bytes of the answer: the audit writes a batch in well under a second.
_TIMEOUT_SECONDS: Final = (5.0, 30.0)

# What is wrong with the delivery itself; everything else may be another at the next attempt.
_REFUSED: Final = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


class DeliveryError(Exception):
    """A batch was not taken; the message says why."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again
        """Whether the same batch may be taken later."""


class Deliver(Protocol):
    """Takes batches somewhere."""

    def deliver(self, cluster: str, replica: str, batch: Sequence[Waiting]) -> None:
        """Return once the batch is kept there; raises `DeliveryError`."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class Audit:
    """A `scaleguard audit` that something is delivered to, over HTTPS."""

    def __init__(self, url: str, authority: Path | None, token: Path | None) -> None:
        self._url = url.rstrip("/")
        self._authority, self._token = authority, token
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, and no password of a .netrc

    def post(self, path: str, body: bytes) -> bytes:
        """Return what the server answers once it keeps this; raises `DeliveryError`."""
        try:
            answer = self._session.post(
                f"{self._url}{path}",
                data=body,
                headers={"Content-Type": "application/json"} | self._headers(),
                timeout=_TIMEOUT_SECONDS,
                # Given with the request: the file may be another one by now.
                verify=str(self._authority) if self._authority is not None else True,
                allow_redirects=False,
            )
        except (requests.RequestException, OSError) as error:
            raise DeliveryError(f"no answer: {error}", again=True) from error
        if answer.status_code != HTTPStatus.OK:
            why = f"status {answer.status_code}: {answer.text[:300]}"
            raise DeliveryError(why, again=answer.status_code not in _REFUSED)
        return answer.content

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _headers(self) -> dict[str, str]:
        """Say who delivers; the token is read each time, because it is replaced every hour."""
        if self._token is None:
            return {}
        return {"Authorization": f"Bearer {self._token.read_text(encoding='utf-8').strip()}"}


class HttpsDelivery(Audit):
    """Delivers records."""

    def deliver(self, cluster: str, replica: str, batch: Sequence[Waiting]) -> None:
        """Return once the server has answered that it keeps the batch."""
        self.post("/v1/records", body_of(cluster, replica, batch))


class _Stood(msgspec.Struct):
    """What of an answer matters: how many did not count."""

    older: int = 0


class StandingsDelivery(Audit):
    """Delivers how things stand."""

    def deliver(self, telling: Telling) -> None:
        """Return once the server has answered that it keeps them, all of them.

        It keeps newer ones where another replica told them whose clock is ahead of ours.
        """
        answer = self.post("/v1/standings", msgspec.json.encode(telling.as_json()))
        try:
            older = msgspec.json.decode(answer, type=_Stood).older
        except ValueError as error:
            raise DeliveryError(f"the answer is not the audit's: {error}", again=True) from error
        if older:
            why = f"newer ones are kept of {older} workloads: do clocks of replicas differ?"
            raise DeliveryError(why, again=True)


def body_of(cluster: str, replica: str, batch: Sequence[Waiting]) -> bytes:
    """Write a delivery as docs/decisions/0010 has it."""
    records = [
        {"record": msgspec.Raw(one.body.encode()), "decisions": one.decisions} for one in batch
    ]
    return msgspec.json.encode({"cluster": cluster, "replica": replica, "records": records})
