"""What is sent to the API server, in which order, and what its answers mean."""

import json
from dataclasses import dataclass, field

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, status
from tests.unit.controller.recorded import Counted
from tests.unit.core.vpa_plan.workloads import Raw, vpa
from webhook.cluster.api import Api
from webhook.cluster.bucket import Bucket
from webhook.cluster.errors import ApiError
from webhook.controller.writer import Writer
from webhook.core.objects import reference
from webhook.core.vpa_plan.steps import Apply, Remove

OURS = vpa("ours")
PATH = "/apis/autoscaling.k8s.io/v1/namespaces/ml/verticalpodautoscalers/ours"
GONE = Remove(reference(OURS), "v-1", "somebody's own")


@dataclass
class Leading:
    """Who may write, until the bucket has made somebody wait."""

    leads: bool = True
    ends_while_waiting: bool = False
    waited: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.leads = not self.ends_while_waiting


@pytest.fixture
def leading() -> Leading:
    return Leading()


@pytest.fixture
def writer(api: Api, counted: Counted, leading: Leading) -> Writer:
    bucket = Bucket(1.0, 2, lambda: 0.0, leading.sleep)
    return Writer(api, bucket, counted.counters, lambda: leading.leads)


def asked(server: FakeApi) -> list[tuple[str, str, str]]:
    found = server.asked
    return [(one.method, one.path, one.headers.get("Content-Type", "")) for one in found]


def test_applies_as_one_who_owns_what_is_written(
    server: FakeApi, writer: Writer, counted: Counted
) -> None:
    server.on(PATH, Answer())
    writer.write(Apply(OURS))
    assert asked(server) == [("PATCH", PATH, "application/apply-patch+yaml")]
    assert server.asked[0].query == {"fieldManager": "scaleguard-controller", "force": "true"}
    assert json.loads(server.asked[0].body) == OURS
    assert counted.requests("apply") == 1


def test_what_others_have_added_goes_after_the_apply(
    server: FakeApi, writer: Writer, counted: Counted
) -> None:
    server.on(PATH, Answer())
    surplus: Raw = {"spec": {"recommenders": None}}
    writer.write(Apply(OURS, ("spec.recommenders",), surplus))
    assert asked(server) == [
        ("PATCH", PATH, "application/apply-patch+yaml"),
        ("PATCH", PATH, "application/merge-patch+json"),
    ]
    assert json.loads(server.asked[1].body) == surplus
    assert (counted.requests("apply"), counted.requests("trim")) == (1, 1)


def test_after_an_apply_that_is_refused_nothing_follows(
    server: FakeApi, writer: Writer, counted: Counted
) -> None:
    server.on(PATH, status(403, "Forbidden", "a policy says no"))
    with pytest.raises(ApiError, match="a policy says no"):
        writer.write(Apply(OURS, ("spec.recommenders",), {"spec": {}}))
    assert len(server.asked) == 1
    assert counted.requests("apply", "forbidden") == 1


def test_deletes_the_one_that_it_means(server: FakeApi, writer: Writer, counted: Counted) -> None:
    server.on(PATH, Answer())
    writer.write(GONE)
    assert [one[:2] for one in asked(server)] == [("DELETE", PATH)]
    assert json.loads(server.asked[0].body)["preconditions"] == {"uid": "v-1"}
    assert counted.requests("delete") == 1


@pytest.mark.parametrize(("code", "label"), [(404, "not_found"), (409, "conflict")])
def test_what_is_gone_or_another_one_need_not_be_deleted(
    server: FakeApi, writer: Writer, counted: Counted, code: int, label: str
) -> None:
    server.on(PATH, status(code, "Odd"))
    writer.write(GONE)
    assert counted.requests("delete", label) == 1


def test_a_delete_that_fails_is_said(server: FakeApi, writer: Writer) -> None:
    server.on(PATH, status(403, "Forbidden", "no right"))
    with pytest.raises(ApiError, match="no right"):
        writer.write(GONE)


def test_whose_leadership_ends_while_they_wait_writes_nothing(
    server: FakeApi, writer: Writer, leading: Leading
) -> None:
    server.on(PATH, Answer())
    leading.ends_while_waiting = True
    writer.write(Apply(OURS))
    writer.write(GONE)
    for step in (Apply(OURS), GONE):
        with pytest.raises(ApiError, match="NotLeader: another replica writes now"):
            writer.write(step)
    assert len(server.asked) == 2
    assert leading.waited == [1.0, 2.0]


@pytest.mark.parametrize(("code", "takes"), [(200, True), (400, False), (403, False), (422, False)])
def test_tries_without_writing(
    server: FakeApi, writer: Writer, counted: Counted, code: int, *, takes: bool
) -> None:
    server.on(PATH, Answer() if takes else status(code, "Odd", "no such mode"))
    said = writer.refusal(OURS)
    assert (said is None) is takes
    assert said is None or "no such mode" in said
    assert server.asked[0].query["dryRun"] == "All"
    assert counted.requests("try") == takes


@pytest.mark.parametrize("code", [404, 429, 500])
def test_a_trial_without_an_answer_says_nothing(server: FakeApi, writer: Writer, code: int) -> None:
    server.on(PATH, status(code, "Odd"))
    with pytest.raises(ApiError, match="Odd"):
        writer.refusal(OURS)
