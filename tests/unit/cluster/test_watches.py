"""Several watches as one."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.cluster.fake import FakeApi, Stream, page
from tests.unit.cluster.followed import vpa
from tests.unit.cluster.states import wait_until
from webhook.cluster import watches as module
from webhook.cluster.api import Api
from webhook.cluster.recorder import Counters
from webhook.cluster.records import Autoscalers
from webhook.cluster.resources import NODES, VPAS, Resource
from webhook.cluster.surroundings import Nodes
from webhook.cluster.timing import Timing
from webhook.cluster.watch import Watch
from webhook.cluster.watches import Watches
from webhook.core.autoscalers.vpa import read_vpa


class Several:
    """Watches of VPAs and nodes, and what is noted of them."""

    def __init__(self, server: FakeApi, api: Api) -> None:
        self.server, self.api = server, api
        self.registry = CollectorRegistry()
        self.recorder = Counters(self.registry)
        self.noted = 0
        self.vpas = Watch(VPAS, Autoscalers(read_vpa), api, self.recorder, Timing(5.0))
        self.nodes = Watch(NODES, Nodes(), api, self.recorder, Timing(5.0))
        self.watches = Watches([self.vpas], self.recorder, self._note)

    def _note(self) -> None:
        self.noted += 1

    def serve(self, resource: Resource, *raws: dict[str, object]) -> None:
        self.server.on(resource.path(), page(raws))
        self.server.on(f"watch {resource.path()}", Stream(end="hang"))


@pytest.fixture
def several(server: FakeApi, api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Several]:
    monkeypatch.setattr(module, "_NOTE_SECONDS", 0.02)
    made = Several(server, api)
    made.serve(VPAS, vpa())
    made.serve(NODES)
    yield made
    made.watches.stop()


def test_they_begin_together_and_are_noted(several: Several) -> None:
    (why,) = several.watches.not_ready()
    assert "not listed yet" in why
    several.watches.start()
    wait_until(lambda: several.watches.not_ready() == [])
    wait_until(lambda: several.noted > 1)
    assert list(several.watches) == [several.vpas]


def test_another_one_may_come_later(several: Several) -> None:
    several.watches.start()
    several.watches.add(several.nodes)
    assert list(several.watches) == [several.vpas, several.nodes]
    wait_until(lambda: several.nodes.synced)


def test_nobody_waits_for_what_only_makes_advice_better(several: Several) -> None:
    several.watches.start()
    several.server.on(NODES.path())
    several.watches.add(several.nodes)
    wait_until(lambda: several.vpas.synced)
    assert several.watches.not_ready() == []
    assert not several.nodes.synced


def test_what_comes_after_the_end_is_ended_too(several: Several) -> None:
    several.watches.start()
    several.watches.stop()
    several.watches.add(several.nodes)
    assert several.nodes._stop.is_set()
