"""The findings of a store on this machine, for those who only read."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from webhook.audit.findings import Filters, Found, Page
from webhook.audit.store.errors import StoreUnavailableError
from webhook.audit.store.opened import open_store
from webhook.audit.store.query import decision, findings
from webhook.errors import ScaleguardError

Answer = TypeVar("Answer")


class Local:
    """Asks a store; raises `ScaleguardError` where there is none, or it does not answer."""

    def __init__(self, url: str) -> None:
        self._store = open_store(url)
        file = self._store.engine.url.database
        if not self._store.is_postgresql and not Path(file or "").is_file():
            raise ScaleguardError(
                f"{file}: there is no store: name one with --store or --data, a server with --url"
            )
        self._told(self._store.check)

    def findings(self, filters: Filters, limit: int, after: str | None = None) -> Page:
        """Return a page, newest first."""
        return self._told(lambda: findings(self._store, filters, limit, after))

    def decision(self, name: str) -> tuple[Found, ...]:
        """Return what was found in one decision; empty where it is not known."""
        return self._told(lambda: decision(self._store, name))

    def close(self) -> None:
        """Close the connections."""
        self._store.close()

    def _told(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except StoreUnavailableError as error:
            raise ScaleguardError(
                f"{self._store.name}: the store does not answer: {error}"
            ) from error
