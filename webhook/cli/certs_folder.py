"""Certificates in a folder: made, and renewed where they are ours."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import AUTHORITY_NAME, Names, issue_leaf, make_authority
from certs.inspection import inspect
from certs.pair import Bundle, Pair, fault, parse_certificate
from certs.store import StoreError, load, save
from webhook.errors import ScaleguardError

_OURS = f"CN={AUTHORITY_NAME}"


def issued(folder: Path, names: Sequence[str], now: datetime, *, force: bool) -> Bundle:
    """Make an authority and a leaf in a folder; raises `ScaleguardError`.

    What is there is not written over unless it is forced.
    """
    there = stored(folder)
    if not force and not (there.leaf.is_absent and there.authority.is_absent):
        raise ScaleguardError(
            f"{folder} has certificates: renew them with `scaleguard certs rotate --cert-dir "
            f"{folder}`, or write over them with --force, and nobody trusts them any more"
        )
    authority = make_authority(now)
    return _saved(folder, Bundle(authority, issue_leaf(authority, Names.of(names), now)))


def rotated(folder: Path, names: Sequence[str], now: datetime, *, with_authority: bool) -> Bundle:
    """Renew the leaf of a folder, or authority and leaf; raises `ScaleguardError`.

    The authority before stays in ca.crt: who was told of it trusts what it issued.
    """
    there = stored(folder)
    authority = there.authority
    if not authority.key:
        raise ScaleguardError(
            f"{folder} has no ca.key: its certificates are yours, renew them where they come from"
        )
    if authority.certificate and inspect(authority.certificate).subject != _OURS:
        raise ScaleguardError(f"{folder}: ca.crt is not scaleguard's: renew it where it comes from")
    wanted = Names.of(names or _names(there))
    if with_authority:
        made = make_authority(now)
        before = parse_certificate(authority.certificate)
        still = before.public_bytes(Encoding.PEM) if before is not None else b""
        known = Pair(made.certificate + still, made.key)
        return _saved(folder, Bundle(known, issue_leaf(made, wanted, now)))
    reason = fault(authority, "ca", now)
    if reason is not None:
        raise ScaleguardError(f"{folder}: {reason}: renew it as well, with --authority")
    return _saved(folder, Bundle(authority, issue_leaf(authority, wanted, now)))


def stored(folder: Path) -> Bundle:
    """Return what a folder holds; raises `ScaleguardError`."""
    try:
        return load(folder)
    except StoreError as error:
        raise ScaleguardError(str(error)) from error


def _names(bundle: Bundle) -> list[str]:
    """What the leaf is valid for now."""
    try:
        info = inspect(bundle.leaf.certificate)
    except ValueError as error:
        raise ScaleguardError(
            "tls.crt names nothing: say with --tls-name what it is for"
        ) from error
    return [*info.dns_names, *map(str, info.ip_addresses)]


def _saved(folder: Path, bundle: Bundle) -> Bundle:
    try:
        save(folder, bundle)
    except OSError as error:
        raise ScaleguardError(f"{folder} cannot be written: {error}") from error
    return bundle
