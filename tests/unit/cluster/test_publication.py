"""What a replica says of the webhook configurations by which it is asked."""

import base64
import logging

import pytest

from certs.rollover import make_path
from tests.unit.controller.certificates import MUTATING, VALIDATING, FakeApi
from webhook.cluster.configurations import Told
from webhook.cluster.errors import ApiError
from webhook.cluster.publication import Publication
from webhook.core.fields import Raw
from webhook.core.self_protection import self_protection

HOST = "scaleguard.guard.svc"
PATH = make_path()


class Replica:
    """Who trusts `good` takes what is served here; one path is answered."""

    def __init__(self, api: FakeApi) -> None:
        self.asked: list[str] = []
        self.publication = Publication(api, ("scaleguard",), self.why_refused, PATH.__eq__)

    def why_refused(self, bundle: bytes, host: str) -> str | None:
        self.asked.append(host)
        return None if bundle == b"good" else "a stranger signed it"

    def problems(self) -> list[str]:
        self.publication.look()
        return self.publication.problems()


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(VALIDATING, MUTATING)


def test_it_is_well_where_it_is_trusted_and_asked_where_it_answers(api: FakeApi) -> None:
    replica = Replica(api)
    assert replica.publication.problems() == [], "not known yet is no reason"
    Told(api, ("scaleguard",)).tell(b"good", PATH)
    assert replica.problems() == []
    assert set(replica.asked) == {HOST}


def test_what_does_not_fit_is_said_once_for_each_configuration(api: FakeApi) -> None:
    replica = Replica(api)
    assert replica.problems() == [
        f"{kind}webhookconfigurations/scaleguard has no caBundle yet: the controller puts it there"
        for kind in ("validating", "mutating")
    ]
    Told(api, ("scaleguard",)).tell(b"bad", PATH)
    assert replica.problems() == [
        f"the caBundle of {kind}webhookconfigurations/scaleguard does not fit what is served: "
        "a stranger signed it"
        for kind in ("validating", "mutating")
    ]
    Told(api, ("scaleguard",)).tell(b"good", make_path())
    assert replica.problems() == [
        f"{kind}webhookconfigurations/scaleguard asks at another path than the mounted ones"
        for kind in ("validating", "mutating")
    ]


def test_a_webhook_that_nobody_has_told_yet_takes_no_replica_away(api: FakeApi) -> None:
    Told(api, ("scaleguard",)).tell(b"good", PATH)
    service = {"name": "scaleguard", "namespace": "guard"}
    added = {"name": "three", "clientConfig": {"service": service}}
    api.objects[VALIDATING]["webhooks"].append(added)  # as `helm upgrade` does
    replica = Replica(api)
    assert replica.problems() == [], "the others are answered all the same"
    (remark,) = replica.publication.remarks()
    assert remark.startswith("validatingwebhookconfigurations/scaleguard has no caBundle yet")
    Told(api, ("scaleguard",)).tell(b"good", PATH)
    assert replica.problems() == replica.publication.remarks() == []
    assert replica.asked.count(HOST) == 4, "once for all that trust the same, each time"


def test_the_emergency_exit_and_urls_are_no_problem(api: FakeApi) -> None:
    del api.objects[MUTATING]
    bad = base64.b64encode(b"bad").decode()
    client = {"url": "https://elsewhere", "caBundle": bad}
    for webhook in api.objects[VALIDATING]["webhooks"]:
        webhook["clientConfig"] = client
    assert Replica(api).problems() == []


def test_what_cannot_be_read_changes_nothing_and_is_said_once(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    replica = Replica(api)
    Told(api, ("scaleguard",)).tell(b"bad", PATH)
    known = replica.problems()
    api.refused["get", VALIDATING] = ApiError(0, "Unreachable")
    with caplog.at_level(logging.WARNING):
        assert replica.problems() == replica.problems() == known
    # Watches of tests before may say that their API server is gone.
    said = [
        one.message
        for one in caplog.records
        if one.name == "scaleguard.certificates" and one.levelno >= logging.WARNING
    ]
    assert said == ["webhook configurations cannot be read: Unreachable"]


def test_a_selector_that_makes_the_webhook_need_itself_is_said_once(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    def gaps(raws: list[Raw]) -> list[str]:
        return self_protection(raws, {}, "guard")

    publication = Publication(api, ("scaleguard",), lambda *_: None, lambda _: True, gaps)
    Told(api, ("scaleguard",)).tell(b"good", PATH)
    wanted = ["kube-system", "kube-node-lease", "guard"]
    left_out = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": wanted}
    for path in (VALIDATING, MUTATING):
        for webhook in api.objects[path]["webhooks"]:
            webhook["namespaceSelector"] = {"matchExpressions": [left_out]}
    publication.look()
    assert publication.remarks() == []
    wanted.pop()
    publication.look()
    publication.look()
    remarks = publication.remarks()
    assert len(remarks) == 4
    assert all("does not leave out guard" in one for one in remarks)
    assert [one.message for one in caplog.records if "leave out" in one.message] == [
        f"{one}; `helm upgrade` puts the chart's selectors back" for one in remarks
    ]


def test_it_looks_again_and_again(api: FakeApi) -> None:
    replica, waited = Replica(api), list[float]()

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        Told(api, ("scaleguard",)).tell(b"good", PATH)
        return len(waited) == 3

    replica.publication.run(wait)
    assert waited == [10, 10, 10]
    assert replica.publication.problems() == []
