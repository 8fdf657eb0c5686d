import pytest

from tests.unit.cluster.conftest import api, server
from tests.unit.controller.recorded import Counted

__all__ = ["api", "server"]


@pytest.fixture
def counted() -> Counted:
    return Counted()
