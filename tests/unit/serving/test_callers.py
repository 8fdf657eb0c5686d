"""Who is answered where client certificates are demanded, after real handshakes."""

import logging
import socket
import ssl
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from certs.authority import Names, issue_leaf, make_authority
from certs.pair import Bundle
from certs.store import save
from tests.controlplane.pki import Authority, KeyPair
from webhook.errors import ScaleguardError
from webhook.serving.authorities import Authorities
from webhook.serving.callers import PROBES, Callers, Environ, Respond
from webhook.serving.environment import LAST
from webhook.serving.plain import Asked
from webhook.serving.refusal import Answer
from webhook.serving.tls import ServedCertificate
from webhook.serving.verification import why_refused

NOW = datetime.now(UTC)
OURS, OTHERS = Authority("ours"), Authority("others")
NAME = "kube-apiserver-webhooks"
API_SERVER = OURS.issue(NAME)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "clients.crt"
    file.write_bytes(OURS.pair.certificate)
    return file


@pytest.fixture
def served(tmp_path: Path, bundle: Path) -> ServedCertificate:
    authority = make_authority(NOW)
    save(tmp_path, Bundle(authority, issue_leaf(authority, Names.of(["localhost"]), NOW)))
    return ServedCertificate(tmp_path, Authorities(bundle))


@contextmanager
def met(served: ServedCertificate, folder: Path, shown: KeyPair | None) -> Iterator[ssl.SSLSocket]:
    """Shake hands with a client that shows a certificate; yield the socket of the server."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    if shown is not None:
        client.load_cert_chain(*shown.write(folder, "shown"))
    here, there = socket.socketpair()
    with ThreadPoolExecutor(1) as pool, here, there:
        there.settimeout(10)
        greeting = pool.submit(client.wrap_socket, there)
        secured = served.context().wrap_socket(
            here, server_side=True, do_handshake_on_connect=False
        )
        try:
            secured.settimeout(10)
            secured.do_handshake()
            yield secured
        finally:
            secured.close()
            with suppress(OSError):
                greeting.result().close()


def asked(callers: Callers, environ: Environ) -> tuple[str, bytes]:
    """What is answered, and what an application says where it was let through."""
    said: list[str] = []

    def application(_environ: Environ, respond: Respond) -> Iterable[bytes]:
        respond("200 OK", [])
        return (b"judged",)

    answer = callers.before(application)(environ, lambda status, _headers: said.append(status))
    is_judged = said[0] == "200 OK" and LAST not in environ
    short = callers.before_short(lambda *_: Answer(b"judged"))
    by_short = short(Asked(environ["PATH_INFO"], b""), environ["gunicorn.socket"])
    if environ["PATH_INFO"] not in PROBES:
        assert (by_short is not None) == is_judged, "the short way lets nobody else through"
    return said[0], b"".join(answer)


def review(of: object, path: str = "/a-secret/validate") -> Environ:
    return {"PATH_INFO": path, "gunicorn.socket": of}


def counted(callers: Callers, reason: str) -> float | None:
    name = "scaleguard_wrong_callers_total"
    return callers.registry.get_sample_value(name, {"reason": reason})


def test_who_shows_a_certificate_of_the_authority_is_answered(
    served: ServedCertificate, tmp_path: Path
) -> None:
    callers = Callers([NAME], served.context)
    with met(served, tmp_path, API_SERVER) as connection:
        environ = review(connection)
        assert asked(callers, environ) == ("200 OK", b"judged")
    assert LAST not in environ


def test_who_shows_none_is_answered_at_the_paths_of_probes_alone(
    served: ServedCertificate, tmp_path: Path
) -> None:
    callers = Callers([], served.context)
    with met(served, tmp_path, None) as connection:
        for path in ("/livez", "/readyz"):
            assert asked(callers, review(connection, path)) == ("200 OK", b"judged")
        others = ("/validate", "/a-secret/mutate", "/", "/livez/", "/readyz/validate", "//livez")
        for path in others:
            status, body = asked(callers, review(connection, path))
            assert status == "401 Unauthorized"
            assert msgspec.json.decode(body)["error"] == "no client certificate was shown"
    assert counted(callers, "none") == len(others)


@pytest.mark.parametrize(
    ("subject", "said"), [("kubernetes-admin", "'kubernetes-admin'"), ("", "''")]
)
def test_who_shows_that_of_somebody_else_is_refused_where_names_are_given(
    served: ServedCertificate, tmp_path: Path, subject: str, said: str
) -> None:
    shown = OURS.issue(subject, groups=["system:masters"])
    callers = Callers([NAME], served.context)
    with met(served, tmp_path, shown) as connection:
        status, body = asked(callers, review(connection))
        assert asked(Callers([], served.context), review(connection)) == ("200 OK", b"judged")
    assert status == "403 Forbidden"
    assert f"the client certificate is of {said}" in msgspec.json.decode(body)["error"]
    assert counted(callers, "name") == 1


def test_a_certificate_that_python_cannot_read_has_no_name(
    served: ServedCertificate, tmp_path: Path
) -> None:
    odd = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x03\x82\x01\xff")
    with met(served, tmp_path, OURS.issue(NAME, extension=odd)) as connection:
        assert asked(Callers([NAME], served.context), review(connection))[0] == "403 Forbidden"
        assert asked(Callers([], served.context), review(connection)) == ("200 OK", b"judged")


@pytest.mark.parametrize(
    "shown",
    [
        OTHERS.issue(NAME),
        OURS.issue(NAME, hosts=["localhost"]),
        OURS.issue(NAME, life=timedelta(minutes=30)),
    ],
    ids=["signed by another", "for a server", "expired"],
)
def test_what_is_not_trusted_gets_no_connection(
    served: ServedCertificate, tmp_path: Path, shown: KeyPair
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError), met(served, tmp_path, shown):
        pass


def test_a_bundle_that_changes_counts_for_who_comes_and_ends_connections_gently(
    served: ServedCertificate, bundle: Path, tmp_path: Path
) -> None:
    callers = Callers([], served.context)
    with met(served, tmp_path, API_SERVER) as connection:
        bundle.write_bytes(OTHERS.pair.certificate)
        environ = review(connection)
        assert asked(callers, environ) == ("200 OK", b"judged")
        assert environ[LAST], "an API server that is still trusted comes back at once"
        with pytest.raises(ssl.SSLCertVerificationError), met(served, tmp_path, API_SERVER):
            pass
        with met(served, tmp_path, OTHERS.issue(NAME)) as another:
            assert asked(callers, review(another)) == ("200 OK", b"judged")


@pytest.mark.parametrize("damage", [b"", b"garbage", OTHERS.pair.certificate[:300]])
def test_a_bundle_that_is_broken_changes_nothing_and_keeps_no_leaf_from_being_renewed(
    served: ServedCertificate,
    bundle: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: bytes,
) -> None:
    served.context()
    bundle.write_bytes(damage)
    authority = make_authority(NOW)
    save(tmp_path, Bundle(authority, issue_leaf(authority, Names.of(["localhost"]), NOW)))
    with met(served, tmp_path, API_SERVER) as connection:
        assert asked(Callers([], served.context), review(connection))[0] == "200 OK"
    # As each replica looks for itself whether it is trusted, without a certificate of its own.
    assert why_refused(served.context(), authority.certificate, "localhost") is None
    assert "the last good one counts" in caplog.text
    assert served.problems() == []


@pytest.mark.parametrize("text", ["", "garbage"])
def test_a_server_does_not_begin_without_authorities(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clients.crt"
    file.write_text(text, "utf-8")
    with pytest.raises(ScaleguardError, match=r"clients\.crt: .* certificates of authorities"):
        Authorities(file).check()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises((OSError, ValueError)):  # whatever OpenSSL says
        Authorities(file).demand(context)


def test_who_reaches_the_port_does_not_fill_the_log(
    served: ServedCertificate, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    callers = Callers([], served.context, clock=lambda: now[0])
    with caplog.at_level(logging.WARNING, logger="scaleguard.server"):
        for moment in (0.0, 1.0, 59.0, 60.0):
            now[0] = moment
            callers.distrust("self-signed certificate")
    assert counted(callers, "untrusted") == 4
    why = "its certificate is not trusted: self-signed certificate"
    said = f"a caller is refused: {why} (said once a minute at most)"
    assert [one.getMessage() for one in caplog.records] == [said] * 2
