"""A folder with ca.crt, ca.key, tls.crt and tls.key, written so that readers can trust it."""

import logging
import os
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from certs.authority import Names
from certs.pair import Bundle, Pair, fault
from certs.renewal import NotOursError, renewed

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

    Raises `StoreError` where what somebody else made stands in the way (`certs.renewal`), and where
    the folder cannot be written.
    """
    bundle = load(folder)
    try:
        renewal = renewed(bundle, names, now)
    except NotOursError as error:
        raise StoreError(f"{folder}: {error}") from error
    if renewal is None:
        return bundle
    try:
        save(folder, renewal.bundle)
    except OSError as error:
        # A read-only mount whose leaf is due, or lacks a name, still serves.
        if fault(bundle.leaf, LEAF, now) is None:
            _log.warning("%s; it is used as it is: %s", renewal.reason, error)
            return bundle
        raise StoreError(
            f"{folder}: {renewal.reason}, and no new one can be written: {error}; "
            "name a folder that can be written, or put tls.crt and tls.key there"
        ) from error
    _log.info("%s: new %s", renewal.reason, renewal.what)
    return renewal.bundle


def check_mounted(folder: Path, now: datetime) -> None:
    """Look at a leaf that somebody else put there, before it is served.

    One that is out of time is served, and said to be: it is replaced while the server runs. Raises
    `StoreError` for what cannot be served at all, with where it comes from.
    """
    reason = fault(load(folder).leaf, LEAF, now, in_time=False)
    if reason is not None:
        raise StoreError(
            f"{folder}: {reason}; somebody else writes it: a mounted Secret is filled by the "
            "controller, see its log, or by cert-manager, or by you"
        )


def save(folder: Path, bundle: Bundle) -> None:
    """Write a bundle, each file whole; raises `OSError`.

    ca.key comes first and tls.crt last: whatever a crash leaves behind has a ca.key, so that it is
    known as ours, and a leaf that does not match its key, which nobody serves.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(folder / f"{AUTHORITY}.key", bundle.authority.key, _SECRET)
    _write(folder / f"{AUTHORITY}.crt", bundle.authority.certificate, _PUBLIC)
    _write(folder / f"{LEAF}.key", bundle.leaf.key, _SECRET)
    _write(folder / f"{LEAF}.crt", bundle.leaf.certificate, _PUBLIC)


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
