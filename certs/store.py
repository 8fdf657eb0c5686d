"""A folder with ca.crt, ca.key, tls.crt and tls.key, written so that readers can trust it."""

import logging
import os
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from certs.authority import AUTHORITY_NAME, Names, issue_leaf, make_authority
from certs.pair import Bundle, Pair, fault, parse_certificate
from certs.plan import Keep, RenewAuthority, plan

AUTHORITY = "ca"
LEAF = "tls"

_PUBLIC, _SECRET = 0o644, 0o600

_log = logging.getLogger("scaleguard.certs")


class StoreError(Exception):
    """The folder holds nothing that may be served; the message says what to do."""


def load(folder: Path) -> Bundle:
    """Read what the folder holds, empty where files or the folder are missing, good or not.

    Raises `StoreError` for files that exist and cannot be read.
    """
    return Bundle(_pair(folder, AUTHORITY), _pair(folder, LEAF))


def ensure(folder: Path, names: Names, now: datetime) -> Bundle:
    """Return a bundle whose leaf can be served now; make or renew it where it is ours to make.

    A pair that somebody supplied (tls.crt and tls.key without ca.key, or signed by another
    authority) is used as it is and never written over. Raises `StoreError` where that pair is
    missing a half, does not match, or is not valid now, and where the folder cannot be written.
    """
    bundle = load(folder)
    if not bundle.authority.key and not bundle.leaf.is_absent:
        return _supplied(folder, bundle, now)
    planned = plan(bundle, now, names)
    if isinstance(planned, Keep):
        return bundle
    _refuse_others(folder, bundle, planned.reason)
    fresh = isinstance(planned, RenewAuthority)
    authority = make_authority(now) if fresh else bundle.authority
    renewed = Bundle(authority, issue_leaf(authority, names, now))
    try:
        save(folder, renewed, with_authority=fresh)
    except OSError as error:
        # A read-only mount whose leaf is due, or lacks a name, still serves.
        if fault(bundle.leaf, LEAF, now) is None:
            _log.warning("%s; it is used as it is: %s", planned.reason, error)
            return bundle
        raise StoreError(
            f"{folder}: {planned.reason}, and no new one can be written: {error}; "
            "name a folder that can be written, or put tls.crt and tls.key there"
        ) from error
    _log.info("%s: new %s certificate", planned.reason, AUTHORITY if fresh else LEAF)
    return renewed


def save(folder: Path, bundle: Bundle, *, with_authority: bool = True) -> None:
    """Write a bundle, each file whole; raises `OSError`.

    ca.key comes first and tls.crt last: whatever a crash leaves behind has a ca.key, so that it is
    known as ours, and a leaf that does not match its key, which nobody serves.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if with_authority:
        _write(folder / f"{AUTHORITY}.key", bundle.authority.key, _SECRET)
        _write(folder / f"{AUTHORITY}.crt", bundle.authority.certificate, _PUBLIC)
    _write(folder / f"{LEAF}.key", bundle.leaf.key, _SECRET)
    _write(folder / f"{LEAF}.crt", bundle.leaf.certificate, _PUBLIC)


def _supplied(folder: Path, bundle: Bundle, now: datetime) -> Bundle:
    reason = fault(bundle.leaf, LEAF, now)
    if reason is not None:
        raise StoreError(
            f"{folder}: {reason}; tls.crt and tls.key without ca.key are taken for yours and not "
            "written over: renew them, or remove both to have a certificate made here"
        )
    return bundle


def _refuse_others(folder: Path, bundle: Bundle, reason: str) -> None:
    authority = parse_certificate(bundle.authority.certificate)
    leaf = parse_certificate(bundle.leaf.certificate)
    for name, issuer in (
        ("ca.crt", authority.subject if authority else None),
        ("tls.crt", leaf.issuer if leaf else None),
    ):
        if issuer is not None and not _is_ours(issuer):
            raise StoreError(
                f"{folder}: {reason}, and {name} comes from another authority "
                f"({issuer.rfc4514_string()}), so nothing is written over: remove ca.key to serve "
                "with your own tls.crt and tls.key, or remove all four files to have new ones made"
            )


def _is_ours(name: x509.Name) -> bool:
    return any(
        attribute.value == AUTHORITY_NAME
        for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME)
    )


def _pair(folder: Path, name: str) -> Pair:
    return Pair(_read(folder / f"{name}.crt"), _read(folder / f"{name}.key"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read: {error}; give this process read access"
        ) from error


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file by another one that is whole and on disk before it has the name."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
