"""What the API server says of kinds that nobody here knows."""

import json

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, status
from webhook.cluster import discovery
from webhook.cluster.api import Api
from webhook.cluster.discovery import KEPT_SECONDS, Discovery
from webhook.cluster.errors import ApiError
from webhook.core.objects import GroupKind

INFERER = GroupKind("acme.io", "Inferer")


def on_acme(server: FakeApi, *names: str) -> None:
    versions = [{"groupVersion": f"acme.io/{one}", "version": one} for one in ("v2", "v1")]
    server.on("/apis/acme.io", Answer(body=json.dumps({"versions": versions}).encode()))
    listed = [
        {"name": name, "kind": "Scale" if "/" in name else "Inferer", "namespaced": True}
        for name in names
    ]
    server.on("/apis/acme.io/v1", Answer(body=json.dumps({"resources": listed}).encode()))
    server.on("/apis/acme.io/v2", Answer(body=b'{"resources": []}'))


@pytest.mark.parametrize(
    ("names", "scales"),
    [
        (("inferers", "inferers/status", "inferers/scale"), True),
        (("inferers", "inferers/status"), False),
        (("others/scale",), False),
    ],
)
def test_a_scale_subresource_is_found_in_any_version(
    server: FakeApi, api: Api, names: tuple[str, ...], *, scales: bool
) -> None:
    on_acme(server, *names)
    assert Discovery(api).has_scale(INFERER, 5) is scales


def test_the_answer_is_kept_for_a_while(server: FakeApi, api: Api) -> None:
    now = [0.0]
    known = Discovery(api, lambda: now[0])
    on_acme(server, "inferers")
    assert not known.has_scale(INFERER, 5)
    on_acme(server, "inferers", "inferers/scale")
    assert not known.has_scale(INFERER, 5)
    now[0] = KEPT_SECONDS + 1
    assert known.has_scale(INFERER, 5)


def test_what_is_not_served_has_none_and_what_fails_is_told(server: FakeApi, api: Api) -> None:
    assert not Discovery(api).has_scale(INFERER, 5)
    server.on("/apis/acme.io", status(500, "InternalError"))
    with pytest.raises(ApiError):
        Discovery(api).has_scale(INFERER, 5)


def test_no_more_answers_are_kept_than_is_good(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_MOST_SCALES", 2)
    known = Discovery(api)
    for number in range(4):
        assert not known.has_scale(GroupKind(f"g{number}.io", "X"), 5)
    assert len(known._scales) == 2


def test_what_is_longer_than_any_kind_is_neither_asked_for_nor_remembered(
    server: FakeApi, api: Api
) -> None:
    known = Discovery(api)
    assert not known.has_scale(GroupKind("acme.io", "X" * 1000), 5)
    assert not known.has_scale(GroupKind("a" * 1000, "X"), 5)
    assert server.asked == []
    assert not known._scales
