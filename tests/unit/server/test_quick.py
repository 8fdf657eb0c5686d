"""Reviews are answered by the short way as by Flask, and nothing else is answered by it."""

from collections.abc import Container

import pytest

from tests.unit.server.fakes import REVIEWS, FakeService
from webhook.server.admission import Limits
from webhook.server.app import create_app
from webhook.server.metrics import Metrics
from webhook.serving.environment import SHORT_WAY
from webhook.serving.plain import Asked, ShortWay

HPA = next(REVIEWS.glob("0002*.json")).read_bytes()


def short_way(segments: Container[str] | None = None, most_bytes: int = 10**6) -> ShortWay:
    app = create_app(FakeService(), Metrics(), Limits(most_bytes), segments=segments)
    found: ShortWay = app.extensions[SHORT_WAY]
    return found


@pytest.mark.parametrize("path", ["/mutate", "/validate"])
@pytest.mark.parametrize("body", [HPA, b"{", b"[1]", b"{}"], ids=["review", "cut", "list", "none"])
def test_the_answer_is_that_of_flask(path: str, body: bytes) -> None:
    app = create_app(FakeService(), Metrics())
    quick = app.extensions[SHORT_WAY](Asked(path, body), None)
    slow = app.test_client().post(path, data=body, content_type="application/json")
    assert (quick.status, quick.body) == (slow.status_code, slow.data)
    for name, value in quick.headers:
        assert slow.headers[name] == value


@pytest.mark.parametrize("path", ["/livez", "/", "/mutate/", "//mutate", "/a/mutate", "/mutates"])
def test_other_paths_are_left(path: str) -> None:
    assert short_way()(Asked(path, HPA), None) is None


def test_bodies_that_are_empty_or_too_large_are_left() -> None:
    assert short_way()(Asked("/validate", b""), None) is None
    assert short_way(most_bytes=len(HPA) - 1)(Asked("/validate", HPA), None) is None
    assert short_way(most_bytes=len(HPA))(Asked("/validate", HPA), None) is not None


def test_only_who_knows_the_segment_is_answered() -> None:
    short = short_way({"known"})
    assert short(Asked("/known/validate", HPA), None) is not None
    for path in ("/validate", "/other/validate", "/known/known/validate", "/known//validate"):
        assert short(Asked(path, HPA), None) is None


def test_segments_that_cannot_be_read_are_left_to_flask() -> None:
    class Broken(Container[str]):
        def __contains__(self, _segment: object) -> bool:
            raise OSError("the folder is gone")

    assert short_way(Broken())(Asked("/known/validate", HPA), None) is None
