import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cluster.fake import FakeApi
from tests.unit.cluster.followed import Followed
from tests.unit.cluster.states import Cluster
from webhook.cluster.api import Api


@pytest.fixture
def server() -> Iterator[FakeApi]:
    with FakeApi() as fake:
        threading.Thread(target=fake.serve_forever, args=(0.01,), daemon=True).start()
        yield fake
        fake.over.set()
        fake.shutdown()


@pytest.fixture
def api(server: FakeApi, tmp_path: Path) -> Iterator[Api]:
    found = server.api(tmp_path)
    yield found
    found.close()


@pytest.fixture
def followed(api: Api) -> Followed:
    return Followed(api)


@pytest.fixture
def cluster(api: Api) -> Iterator[Cluster]:
    found = Cluster(api)
    yield found
    for each in found.states:
        each.stop()
