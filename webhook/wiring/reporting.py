"""Where a report is read from."""

from pathlib import Path
from typing import TYPE_CHECKING

from webhook.errors import ScaleguardError

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook.audit.reading import Reader


def reader_of(
    store: str, url: str | None, token_file: Path | None, authority: Path | None
) -> "Reader":
    """Return what reads a store, or where a URL is given asks a server; `ScaleguardError`."""
    if url is None:
        from webhook.audit.store.local import Local  # noqa: PLC0415 - a database is large

        return Local(store)
    from webhook.audit.remote import Remote  # noqa: PLC0415 - as is what speaks HTTP

    if not url.startswith("https://"):
        raise ScaleguardError(f"--url: {url}: a token goes over https:// only")
    return Remote(url, _token(token_file) if token_file is not None else None, authority)


def _token(file: Path) -> "Callable[[], str]":
    def read() -> str:
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ScaleguardError(f"--token-file: {file}: {error}") from error
        if not token or not token.isascii() or not token.isprintable():
            raise ScaleguardError(f"--token-file: {file}: this is no token")
        return token

    return read
