import logging
import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from certs.authority import Names, issue_leaf, make_authority
from certs.pair import Bundle, parse_key
from certs.store import save
from webhook.serving import tls
from webhook.serving.tls import ServedCertificate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = Names.of(["localhost"])
AUTHORITY = make_authority(NOW)


def made(now: datetime = NOW) -> Bundle:
    return Bundle(AUTHORITY, issue_leaf(AUTHORITY, NAMES, now))


@pytest.fixture
def served(tmp_path: Path) -> ServedCertificate:
    save(tmp_path, made())
    return ServedCertificate(tmp_path)


def test_context_is_made_once(served: ServedCertificate) -> None:
    context = served.context()
    assert served.context() is context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_new_pair_takes_the_place_of_the_old_one(served: ServedCertificate, tmp_path: Path) -> None:
    old = served.context()
    save(tmp_path, made(NOW + timedelta(days=60)))
    assert served.context() is not old
    assert served.problems(NOW + timedelta(days=100)) == []


def test_expiry_is_told(served: ServedCertificate) -> None:
    assert served.problems(NOW) == []
    assert served.expiry_seconds(NOW) == 90 * 86400
    late = NOW + timedelta(days=91)
    assert served.problems(late) == ["the certificate expired at 2026-05-30T12:00:00Z"]
    assert served.expiry_seconds(late) == -86400


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
def test_mismatch_is_never_served(served: ServedCertificate, tmp_path: Path, name: str) -> None:
    old = served.context()
    other = made().leaf
    (tmp_path / name).write_bytes(other.certificate if name == "tls.crt" else other.key)
    assert served.context() is old
    assert served.expiry_seconds(NOW) == 90 * 86400


@pytest.mark.parametrize("length", [0, 100, 400])
def test_half_written_file_is_never_served(
    served: ServedCertificate, tmp_path: Path, length: int
) -> None:
    old = served.context()
    whole = (tmp_path / "tls.crt").read_bytes()
    (tmp_path / "tls.crt").write_bytes(whole[:length])
    assert served.context() is old
    (tmp_path / "tls.crt").write_bytes(whole + whole[:length])
    newest = served.context()
    assert newest is old or length == 0


def test_key_with_a_passphrase_is_refused_without_asking_for_it(
    served: ServedCertificate, tmp_path: Path
) -> None:
    old = served.context()
    key = parse_key(made().leaf.key)
    assert key is not None
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "tls.key").write_bytes(encrypted)
    assert served.context() is old


def test_bad_pair_is_told_once(
    served: ServedCertificate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served.context()
    (tmp_path / "tls.crt").unlink()
    with caplog.at_level(logging.WARNING, logger="scaleguard.server"):
        for _ in range(3):
            served.context()
    assert len(caplog.records) == 1
    assert "the last good one is served" in caplog.text


def test_nothing_to_serve_is_an_error(tmp_path: Path) -> None:
    served = ServedCertificate(tmp_path)
    with pytest.raises(OSError, match="cannot be loaded: see the log"):
        served.context()
    assert served.problems(NOW) == ["no certificate is loaded"]
    assert served.expiry_seconds(NOW) is None


def test_files_behind_links_are_followed(tmp_path: Path) -> None:
    """Kubernetes mounts a Secret as links, and changes the folder that they point to."""
    for version, now in (("one", NOW), ("two", NOW + timedelta(days=1))):
        save(tmp_path / version, made(now))
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / "..data").symlink_to(tmp_path / "one")
    for name in ("tls.crt", "tls.key"):
        (mount / name).symlink_to(Path("..data") / name)
    served = ServedCertificate(mount)
    old = served.context()
    (mount / "..new").symlink_to(tmp_path / "two")
    (mount / "..new").replace(mount / "..data")
    assert served.context() is not old


@pytest.fixture
def connection(served: ServedCertificate) -> Iterator[tuple[ssl.SSLSocket, socket.socket]]:
    """Connect a server's socket, before its handshake, with a client that says nothing."""
    here, there = socket.socketpair()
    secured = served.context().wrap_socket(here, server_side=True, do_handshake_on_connect=False)
    with there, secured:
        yield secured, there


def test_request_has_a_deadline_of_its_own(
    connection: tuple[ssl.SSLSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "REQUEST_SECONDS", 0.05)
    secured, there = connection
    secured._sslobj = None  # type: ignore[attr-defined]  # what counts here lies below TLS
    for flag in (True, None):
        # Both are how a socket is made to wait without a limit.
        secured.settimeout(None) if flag is None else secured.setblocking(flag)
        there.sendall(b"a")
        assert secured.recv(10) == b"a"
        with pytest.raises(ConnectionResetError, match="did not finish its request in time"):
            secured.recv(10)
        with pytest.raises(ConnectionResetError, match="did not finish its request in time"):
            secured.recv(10)


def test_socket_of_the_poller_does_not_wait(
    connection: tuple[ssl.SSLSocket, socket.socket],
) -> None:
    secured, _ = connection
    secured._sslobj = None  # type: ignore[attr-defined]  # what counts here lies below TLS
    secured.settimeout(0)
    assert not os.get_blocking(secured.fileno())
    with pytest.raises(BlockingIOError):
        secured.recv(10)
