"""What gunicorn does for each request, without what it would find out anew each time.

As in `worker`, internals of gunicorn are overridden, whose version is pinned.
"""

from typing import Any, cast

from gunicorn.config import Config
from gunicorn.http.body import LengthReader
from gunicorn.http.parser import RequestParser


class Parser(RequestParser):
    """Knows by the length that a body was read to its end, instead of trying to read more."""

    def finish_body(  # type: ignore[override]  # its stubs are older than what it returns
        self, deadline: float | None = None, max_bytes: int | None = None
    ) -> bool:
        """Discard what is left of a body; see gunicorn."""
        return _is_read(getattr(self.mesg, "body", None)) or bool(
            super().finish_body(deadline, max_bytes)
        )


def _is_read(body: Any) -> bool:
    """Whether a body of known length was read whole, and all of it taken."""
    reader = getattr(body, "reader", None)
    whole = isinstance(reader, LengthReader) and reader.length == 0
    return whole and not body.failed and body.buf.tell() == 0


def unchanging(config: Config) -> Config:
    """Return a configuration that does not change any more."""
    return cast("Config", _Settings(config))


class _Settings:
    """Holds values; gunicorn's own asks functions for each of them."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.is_ssl = config.is_ssl
        for name, setting in config.settings.items():
            setattr(self, name, setting.get())

    def __getattr__(self, name: str) -> Any:
        """Ask for what is no setting but made of some."""
        return getattr(self._config, name)
