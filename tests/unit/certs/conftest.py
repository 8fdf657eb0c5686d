"""A moment, names and a bundle made then, for all tests of certificates."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from certs.authority import Names, issue_leaf, make_authority
from certs.pair import Bundle
from certs.store import save


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def names() -> Names:
    return Names.of(["scaleguard.scaleguard.svc", "127.0.0.1", "::1"])


@pytest.fixture
def bundle(now: datetime, names: Names) -> Bundle:
    authority = make_authority(now)
    return Bundle(authority, issue_leaf(authority, names, now))


@pytest.fixture
def folder(tmp_path: Path, bundle: Bundle) -> Path:
    save(tmp_path / "certs", bundle)
    return tmp_path / "certs"
