import logging
import os
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs import store
from certs.authority import Names
from certs.pair import Bundle, Pair
from certs.store import StoreError, ensure, load


def foreign_pair(now: datetime) -> Pair:
    """Make a self-signed pair as somebody else would."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string("CN=corporate CA")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return Pair(
        certificate.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def write(folder: Path, name: str, pair: Pair) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.crt").write_bytes(pair.certificate)
    (folder / f"{name}.key").write_bytes(pair.key)


def test_empty_folder_is_filled(tmp_path: Path, names: Names, now: datetime) -> None:
    folder = tmp_path / "made" / "here"
    bundle = ensure(folder, names, now)
    assert load(folder) == bundle
    assert sorted(path.name for path in folder.iterdir()) == [
        "ca.crt",
        "ca.key",
        "tls.crt",
        "tls.key",
    ]


def test_keys_are_for_the_owner_alone(folder: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "tls.crt": 0o644, "tls.key": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_good_bundle_is_left_alone(
    folder: Path, bundle: Bundle, names: Names, now: datetime
) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert ensure(folder, names, now) == bundle
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_due_leaf_is_renewed_by_the_same_authority(
    folder: Path, bundle: Bundle, names: Names, now: datetime
) -> None:
    renewed = ensure(folder, names, now + timedelta(days=61))
    assert renewed.authority == bundle.authority
    assert renewed.leaf != bundle.leaf
    assert load(folder) == renewed


def test_expired_authority_is_renewed_with_its_leaf(
    folder: Path, bundle: Bundle, names: Names, now: datetime
) -> None:
    renewed = ensure(folder, names, now + timedelta(days=3651))
    assert renewed.authority != bundle.authority
    assert load(folder) == renewed


@pytest.mark.parametrize("lost", ["ca.crt", "tls.crt", "tls.key"])
def test_half_that_a_crash_left_is_replaced(
    folder: Path, names: Names, now: datetime, lost: str
) -> None:
    (folder / lost).unlink()
    assert ensure(folder, names, now).leaf.is_absent is False
    assert ensure(folder, names, now) == load(folder)


def test_half_written_file_is_replaced(folder: Path, names: Names, now: datetime) -> None:
    path = folder / "tls.crt"
    path.write_bytes(path.read_bytes()[:100])
    assert ensure(folder, names, now) == load(folder)
    assert ensure(folder, names, now).leaf.certificate == path.read_bytes()


def test_mismatch_is_replaced(folder: Path, bundle: Bundle, names: Names, now: datetime) -> None:
    (folder / "tls.key").write_bytes(bundle.authority.key)
    assert ensure(folder, names, now).leaf.key != bundle.authority.key


def test_supplied_pair_is_used_as_it_is(
    folder: Path, bundle: Bundle, names: Names, now: datetime
) -> None:
    (folder / "ca.key").unlink()
    late = now + timedelta(days=89)
    assert ensure(folder, names, late).leaf == bundle.leaf
    assert load(folder).leaf == bundle.leaf


def test_supplied_pair_that_expired_is_an_error(folder: Path, names: Names, now: datetime) -> None:
    (folder / "ca.key").unlink()
    expired = r"tls\.crt expired at 2026-05-30T12:00:00Z; .* not written over: renew them"
    with pytest.raises(StoreError, match=expired):
        ensure(folder, names, now + timedelta(days=90))


@pytest.mark.parametrize("lost", ["tls.key", "tls.crt"])
def test_half_of_a_supplied_pair_is_an_error(
    folder: Path, names: Names, now: datetime, lost: str
) -> None:
    (folder / "ca.key").unlink()
    (folder / lost).unlink()
    with pytest.raises(StoreError, match=f"{lost} is missing"):
        ensure(folder, names, now)


def test_supplied_mismatch_is_an_error(tmp_path: Path, names: Names, now: datetime) -> None:
    mixed = Pair(foreign_pair(now).certificate, foreign_pair(now).key)
    write(tmp_path, "tls", mixed)
    with pytest.raises(StoreError, match=r"tls\.key does not belong to tls\.crt"):
        ensure(tmp_path, names, now)
    assert load(tmp_path).leaf == mixed


def test_supplied_pair_beside_our_authority_is_not_written_over(
    folder: Path, names: Names, now: datetime
) -> None:
    supplied = foreign_pair(now)
    write(folder, "tls", supplied)
    with pytest.raises(StoreError, match=r"tls\.crt comes from another authority \(CN=corporate"):
        ensure(folder, names, now)
    assert load(folder).leaf == supplied


def test_authority_of_others_is_not_written_over(
    tmp_path: Path, names: Names, now: datetime
) -> None:
    supplied = foreign_pair(now)
    write(tmp_path, "ca", supplied)
    with pytest.raises(StoreError, match=r"ca\.crt comes from another authority"):
        ensure(tmp_path, names, now)
    assert load(tmp_path) == Bundle(supplied)


def test_file_that_cannot_be_read_is_an_error(tmp_path: Path, names: Names, now: datetime) -> None:
    (tmp_path / "tls.crt").mkdir()
    with pytest.raises(StoreError, match=r"tls\.crt cannot be read: .* give this process read"):
        ensure(tmp_path, names, now)


@pytest.fixture
def read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let every write fail from now on; root may write where the mode forbids it."""

    def refuse(*_: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(store, "_write", refuse)
    return folder


@pytest.mark.usefixtures("read_only")
def test_folder_that_cannot_be_written_is_an_error(
    tmp_path: Path, names: Names, now: datetime
) -> None:
    with pytest.raises(StoreError, match=r"no new one can be written: .* name a folder"):
        ensure(tmp_path, names, now)


def test_due_leaf_in_a_read_only_folder_still_serves(
    read_only: Path, bundle: Bundle, names: Names, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="scaleguard.certs"):
        assert ensure(read_only, names, now + timedelta(days=61)) == bundle
    assert "it is used as it is" in caplog.text


def test_failed_write_leaves_the_old_file_and_no_other(
    folder: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    before = sorted(folder.iterdir())
    with pytest.raises(OSError, match="No space left"):
        store.save(folder, Bundle(bundle.leaf, bundle.authority))
    assert sorted(folder.iterdir()) == before
    assert load(folder) == bundle
