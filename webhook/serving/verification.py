"""Whether a client that trusts certain authorities would accept the certificate that is served."""

import ssl
from contextlib import suppress

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for.
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)

# Either side speaks two or three times.
_MOST_TURNS = 10


def why_refused(served: ssl.SSLContext, bundle: bytes, host: str) -> str | None:
    """Shake hands in memory as such a client; say why it would refuse, None where it would not.

    `bundle` are the authorities in PEM, `host` the name that the client asks for. OpenSSL looks at
    chain and names as the API server does. At the time it does not look: the API server goes by its
    own clock, and a node whose clock is wrong would take its replica away for nothing. And like the
    API server, which is written in Go, it takes an authority that another one signed.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= _NO_CHECK_TIME | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    try:
        client.load_verify_locations(cadata=bundle.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError):
        return "there is no certificate in it"
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=host)
    answering = served.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(_MOST_TURNS):
        try:
            asking.do_handshake()
        except ssl.SSLWantReadError:
            _answer(answering)
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
        except ssl.SSLError as error:
            return error.reason or str(error)
        else:
            return None
    return "the handshake comes to no end"


def _answer(answering: ssl.SSLObject) -> None:
    with suppress(ssl.SSLWantReadError):
        answering.do_handshake()
