import pytest
from flask.testing import FlaskClient

from tests.unit.server.fakes import FakeService
from webhook.server.app import create_app
from webhook.server.metrics import Metrics


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def client(service: FakeService, metrics: Metrics) -> FlaskClient:
    return create_app(service, metrics).test_client()
