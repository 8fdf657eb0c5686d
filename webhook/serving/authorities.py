"""The authorities that sign the certificates by which callers are known."""

import logging
import ssl
from pathlib import Path

from webhook.errors import ScaleguardError

_log = logging.getLogger("scaleguard.server")


class Authorities:
    """Those of a file in PEM; where it cannot be read any more, those that it held before."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._bundle = ""

    def check(self) -> None:
        """Raise `ScaleguardError` where there are none to begin with."""
        try:
            self._read()
        except (OSError, ValueError) as error:
            raise ScaleguardError(
                f"--client-ca {self.file}: {error}; it has to hold certificates of authorities, "
                "in PEM"
            ) from error

    def demand(self, context: ssl.SSLContext) -> None:
        """Have clients asked for a certificate of theirs.

        Raises `OSError` or `ValueError` where none could ever be read. Who shows none gets a
        connection nevertheless: a kubelet that probes has none to show.
        """
        try:
            self._bundle = self._read()
        except (OSError, ValueError) as error:
            if not self._bundle:
                raise
            _log.warning("%s cannot be loaded, the last good one counts: %s", self.file, error)
        context.load_verify_locations(cadata=self._bundle)
        # As for the API server, which is written in Go: one that another signed is enough.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_OPTIONAL

    def _read(self) -> str:
        bundle = self.file.read_bytes().decode("ascii", "ignore")
        # In a context of its own: of what is half written, some might be taken.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=bundle)
        return bundle
