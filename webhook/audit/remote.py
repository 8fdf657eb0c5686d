"""The findings of a `scaleguard audit` elsewhere, over HTTPS."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import requests

from webhook.audit.findings import Filters, Found, Page, page_of, parameters_of
from webhook.core.fields import mapping, text
from webhook.errors import ScaleguardError

_TIMEOUT_SECONDS: Final = (5.0, 35.0)


class Remote:
    """Asks a server; raises `ScaleguardError` with what it said."""

    def __init__(self, url: str, token: Callable[[], str] | None, authority: Path | None) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._session = requests.Session()
        self._session.trust_env = (
            False  # no proxy, and no password of a .netrc in the token's place
        )
        self._session.verify = str(authority) if authority is not None else True

    def findings(self, filters: Filters, limit: int, after: str | None = None) -> Page:
        """Return a page, newest first."""
        parameters = parameters_of(filters) | {"limit": str(limit)}
        if after is not None:
            parameters["after"] = after
        return page_of(self._get("/v1/findings", parameters))

    def decision(self, name: str) -> tuple[Found, ...]:
        """Return what was found in one decision; empty where it is not known."""
        found = self._get(f"/v1/decisions/{quote(name, safe='')}", {}, absent=True)
        return page_of(found).findings

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _get(
        self, path: str, parameters: dict[str, str], *, absent: bool = False
    ) -> dict[str, Any]:
        # Read each time: a projected token is replaced while `--follow` runs.
        headers = {"Authorization": f"Bearer {self._token()}"} if self._token is not None else {}
        try:
            answer = self._session.get(
                self._url + path,
                params=parameters,
                headers=headers,
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            body = answer.json()
        except requests.JSONDecodeError as error:
            raise ScaleguardError(f"{self._url}: this is no scaleguard audit: no JSON") from error
        except requests.RequestException as error:
            raise ScaleguardError(f"{self._url}: no answer: {error}") from error
        said = mapping({"body": body}, "body")
        if (
            answer.status_code == HTTPStatus.NOT_FOUND
            and absent
            and "no decision" in text(said, "error")
        ):
            return {}
        if answer.status_code != HTTPStatus.OK:
            error_, fix = text(said, "error") or f"status {answer.status_code}", text(said, "fix")
            raise ScaleguardError(f"{self._url}: {error_}; {fix or 'see its log'}")
        return dict(said)
