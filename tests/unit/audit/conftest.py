"""Stores of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres
from webhook.audit.serving.metrics import Metrics
from webhook.audit.store.opened import Store, open_store
from webhook.audit.store.schema import bring_up


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store may be made."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/audit.db"
    running: Postgres = request.getfixturevalue("postgres")
    return running.database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    bring_up(opened)
    yield opened
    opened.close()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()
