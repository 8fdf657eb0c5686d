"""A Service asked without the API server: what it serves, and whether that is trusted."""

import http.client
import socket
import ssl
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from webhook.doctor.fetching.cluster import UnseenError
from webhook.errors import ScaleguardError

_SECONDS = 5.0
_MOST_BYTES = 64 * 1024
_HTTPS_PORT = 443


class NoAnswerError(UnseenError):
    """Nobody answers there."""


class Address(NamedTuple):
    """Where to dial."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it stands in a URL."""
        return f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def address(url: str) -> Address:
    """Read the address of a URL; raises `ScaleguardError`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _HTTPS_PORT
    except ValueError as error:
        raise ScaleguardError(f"--webhook-url {url}: {error}") from error
    if parts.scheme != "https" or not host:
        raise ScaleguardError(f"--webhook-url {url}: give it as https://HOST:PORT")
    return Address(host, port)


def served(where: Address, name: str, bundles: Iterable[bytes]) -> tuple[bytes, dict[bytes, str]]:
    """Return the certificate (PEM), and what TLS says against it with each bundle as authorities.

    `name` is what the certificate has to be valid for. Raises `NoAnswerError` where nobody does.
    """
    context = _unverified()
    try:
        with (
            socket.create_connection(where, _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            found = secured.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise NoAnswerError(f"{where}: {error}") from error
    leaf = ssl.DER_cert_to_PEM_cert(found).encode()
    return leaf, {bundle: _refused(where, name, bundle) for bundle in dict.fromkeys(bundles)}


def ask(where: Address, name: str, path: str) -> tuple[int, bytes]:
    """Ask for a path, whoever signed the certificate; raises `NoAnswerError` where nobody is."""
    connection = http.client.HTTPSConnection(*where, timeout=_SECONDS, context=_unverified())
    try:
        plain = socket.create_connection(where, _SECONDS)
        connection.sock = _unverified().wrap_socket(plain, server_hostname=name)
        connection.request("GET", path, headers={"Host": name})
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(f"{where}{path}: {error}") from error
    finally:
        connection.close()


def _refused(where: Address, name: str, bundle: bytes) -> str:
    """What TLS says with one bundle; nothing where it trusts what is served."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # As the API server, which is written in Go: an authority that another one signed is enough.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=bundle.decode("ascii"))
        with (
            socket.create_connection(where, _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ValueError) as error:
        return str(error)


def _unverified() -> ssl.SSLContext:
    """A context for looking: what is served is judged, and nothing is sent that matters."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
