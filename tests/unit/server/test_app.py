import base64
import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.server.fakes import FakeService, deny_all, review
from webhook.core.decide import Decision, decision_id
from webhook.core.mode import Mode
from webhook.core.review import Request
from webhook.core.verdict import CannotJudge, Verdict
from webhook.core.world import World
from webhook.server.app import create_app
from webhook.server.metrics import Metrics
from webhook.serving.environment import DRAINING, OVERLOADED

HPA, POD = "0002", "0003"


def post(client: FlaskClient, path: str, body: Any, **more: Any) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    more.setdefault("content_type", "application/json")
    answer = client.post(path, data=data, **more)
    assert answer.mimetype == "application/json"
    return answer.status_code, answer.get_json()


def refused(answer: tuple[int, dict[str, Any]], status: HTTPStatus, error: str) -> None:
    """Check an answer that is no review: its status, what it says, and that it helps."""
    code, body = answer
    assert code == status
    assert error in body["error"]
    assert len(body["fix"]) > 10
    assert "Traceback" not in json.dumps(body)


@pytest.mark.parametrize("name", [f"{number:04}" for number in range(1, 9)])
@pytest.mark.parametrize("path", ["/mutate", "/validate"])
def test_recorded_reviews_are_answered(client: FlaskClient, path: str, name: str) -> None:
    asked = review(name)
    status, answer = post(client, path, asked)
    assert status == HTTPStatus.OK
    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert answer["response"]["uid"] == asked["request"]["uid"]
    assert answer["response"]["allowed"] is True


def test_pod_gets_a_patch(client: FlaskClient, metrics: Metrics) -> None:
    _, answer = post(client, "/mutate", review(POD))
    patch = json.loads(base64.b64decode(answer["response"]["patch"]))
    assert {operation["path"] for operation in patch} & {"/spec/tolerations", "/spec/tolerations/-"}
    counted = metrics.registry.get_sample_value
    assert counted("scaleguard_mutations_total", {"class": "inference", "would": ""}) == 1


def test_denial_is_an_answer(client: FlaskClient, service: FakeService, metrics: Metrics) -> None:
    service.ask = deny_all
    status, answer = post(client, "/validate", review(HPA))
    response = answer["response"]
    assert status == HTTPStatus.OK
    assert response["allowed"] is False
    assert response["status"]["code"] == HTTPStatus.FORBIDDEN
    assert response["status"]["message"].startswith("[duplicate-hpa] a second HPA; fix: remove one")
    assert response["warnings"] == ["[hpa-no-effect] minReplicas equals maxReplicas; fix: raise it"]
    counted = metrics.registry.get_sample_value
    ended = {"endpoint": "validate", "result": "denied"}
    kind = "HorizontalPodAutoscaler"
    found = {"rule": "duplicate-hpa", "action": "deny", "kind": kind, "would": ""}
    assert counted("scaleguard_reviews_total", ended) == 1
    assert counted("scaleguard_findings_total", found) == 1
    assert counted("scaleguard_review_seconds_count", {"endpoint": "validate"}) == 1


def test_pod_without_containers_is_invalid_not_a_fault(client: FlaskClient) -> None:
    asked = review(POD)
    asked["request"]["object"]["spec"]["containers"] = None
    status, answer = post(client, "/mutate", asked)
    assert status == HTTPStatus.OK
    assert answer["response"]["allowed"] is False
    assert answer["response"]["status"]["code"] == HTTPStatus.UNPROCESSABLE_ENTITY


def deep(levels: int) -> bytes:
    """Return a pod's review whose managedFields are nested that deep."""
    asked = review(POD)
    asked["request"]["object"]["metadata"]["managedFields"] = [{"fieldsV1": "HERE"}]
    nested = '{"f:a":' * levels + "{}" + "}" * levels
    return json.dumps(asked).replace('"HERE"', nested).encode()


@pytest.mark.parametrize("levels", [100, 900, 980, 5000, 9990])
def test_depth_does_not_change_the_judgement(client: FlaskClient, levels: int) -> None:
    status, answer = post(client, "/mutate", deep(levels))
    assert status == HTTPStatus.OK
    assert answer == post(client, "/mutate", review(POD))[1]
    assert answer["response"]["patch"]


def test_depth_beyond_what_python_compares_does_not_change_the_judgement(
    client: FlaskClient, service: FakeService
) -> None:
    service.ask = deny_all
    asked = review(HPA)
    new = asked["request"]["object"]
    old = json.loads(json.dumps(new))
    new["spec"]["minReplicas"], old["spec"]["minReplicas"] = 3, 2
    new["spec"]["x"] = old["spec"]["x"] = "HERE"
    asked["request"] |= {"operation": "UPDATE", "oldObject": old}
    for levels in (900, 950, 985, 2000):
        nested = "[" * levels + "]" * levels
        body = json.dumps(asked).replace('"HERE"', nested).encode()
        status, answer = post(client, "/validate", body)
        assert status == HTTPStatus.OK
        assert answer["response"]["warnings"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "the body is empty"),
        (b"hello", "the body is no JSON: JSON is malformed: invalid character (byte 0)"),
        (b"[" * 5000 + b"]" * 5000, "the body is not a JSON object but a list"),
        (b"\xff\xfe", "the body is no JSON"),
        (b"[]", "not a JSON object but a list"),
        (b"{}", "kind is None; this webhook answers AdmissionReview of admission.k8s.io/v1"),
        (
            {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1"},
            "apiVersion is 'admission.k8s.io/v1beta1'; this webhook answers AdmissionReview of",
        ),
        (
            {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"},
            "the AdmissionReview has no request",
        ),
        (
            {
                "kind": "AdmissionReview",
                "apiVersion": "admission.k8s.io/v1",
                "request": {
                    "uid": "a",
                    "operation": "CREATE",
                    "kind": {"kind": "Pod"},
                    "object": {"apiVersion": "apps/v1", "kind": "Deployment"},
                },
            },
            "request.object is a Deployment of group 'apps', not the Pod of group ''",
        ),
        (
            {
                "kind": "AdmissionReview",
                "apiVersion": "admission.k8s.io/v1",
                "request": {"uid": "a", "operation": "CREATE", "kind": {"kind": "Pod"}},
            },
            "request.object is missing or not an object",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("path", ["/mutate", "/validate"])
def test_what_is_no_review_is_refused(
    client: FlaskClient, metrics: Metrics, path: str, body: Any, error: str
) -> None:
    refused(post(client, path, body), HTTPStatus.BAD_REQUEST, error)
    ended = {"endpoint": path[1:], "result": "bad_request"}
    assert metrics.registry.get_sample_value("scaleguard_reviews_total", ended) == 1


def test_refusal_quotes_a_bounded_part(client: FlaskClient) -> None:
    _, body = post(client, "/validate", {"kind": "x" * 100_000})
    assert len(body["error"]) <= 500


@pytest.mark.parametrize("content_type", ["text/plain", "application/yaml", ""])
def test_other_content_types_are_refused(client: FlaskClient, content_type: str) -> None:
    answer = post(client, "/mutate", review(POD), content_type=content_type)
    refused(answer, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content type")
    assert "application/json" in answer[1]["fix"]


def test_content_type_may_have_a_charset(client: FlaskClient) -> None:
    status, _ = post(client, "/mutate", review(POD), content_type="application/json; charset=utf-8")
    assert status == HTTPStatus.OK


def test_body_of_seven_mebibytes_is_judged(client: FlaskClient) -> None:
    asked = review(POD)
    asked["request"]["options"] = {"x": ""}
    asked["request"]["options"]["x"] = "x" * (7 * 2**20 - len(json.dumps(asked)))
    assert post(client, "/mutate", asked)[0] == HTTPStatus.OK


def test_larger_body_is_refused(client: FlaskClient) -> None:
    answer = post(client, "/mutate", b" " * (8 * 2**20))
    refused(answer, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "larger than 7,340,032 bytes")


def test_wrong_method_and_path_are_refused_in_json(client: FlaskClient) -> None:
    for method, path in (("GET", "/mutate"), ("PUT", "/validate"), ("OPTIONS", "/mutate")):
        answer = client.open(path, method=method)
        refused(
            (answer.status_code, answer.get_json()), HTTPStatus.METHOD_NOT_ALLOWED, "not answered"
        )
        assert answer.headers["Allow"] == "POST"
    answer = client.post("/livez")
    assert (answer.status_code, answer.headers["Allow"]) == (HTTPStatus.METHOD_NOT_ALLOWED, "GET")
    for path in ("/", "/mutate/", "//mutate", "/metrics"):
        answer = client.get(path)
        refused((answer.status_code, answer.get_json()), HTTPStatus.NOT_FOUND, "nothing is served")
        assert "/validate" in answer.get_json()["fix"]


def test_with_segments_nobody_else_is_answered_and_all_others_are_counted(
    service: FakeService, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    client = create_app(service, metrics, segments={"a-secret", "another"}).test_client()
    for path in ("/a-secret/validate", "/another/mutate", "/a-secret/validate?timeout=3s"):
        assert post(client, path, review(HPA))[0] == HTTPStatus.OK
    counted = metrics.registry.get_sample_value
    answered = counted("scaleguard_reviews_total", {"endpoint": "validate", "result": "allowed"})
    paths = ("/validate", "/mutate", "/guessed/validate", "/a-secret/other", "/a-secret", "/")
    with caplog.at_level(logging.DEBUG):
        for path in paths:
            code, body = post(client, path, review(HPA))
            assert code == HTTPStatus.NOT_FOUND
            assert body["fix"] == "use /livez, /readyz"
            assert "secret" not in body["fix"]
        for path in ("/guessed/validate", "/a-secret/validate"):
            assert client.get(path).status_code == HTTPStatus.NOT_FOUND, "by no other method either"
    assert client.post("/livez").status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert "scaleguard" not in {one.name.partition(".")[0] for one in caplog.records}
    assert counted("scaleguard_wrong_paths_total") == len(paths) + 2
    assert answered == 2
    assert answered == counted(
        "scaleguard_reviews_total", {"endpoint": "validate", "result": "allowed"}
    )
    assert client.get("/readyz").status_code == HTTPStatus.OK


def test_a_fault_does_not_tell_the_path_to_who_reads_logs(
    service: FakeService, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(list[str]):
        def __contains__(self, _segment: object) -> bool:
            raise RuntimeError("broken")

    client = create_app(service, metrics, segments=Broken()).test_client()
    assert post(client, "/a-secret/validate", review(HPA))[0] == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "POST <segment>/validate: a fault of the server's own" in caplog.text
    assert "a-secret" not in caplog.text


def test_health(client: FlaskClient, service: FakeService) -> None:
    assert client.get("/livez").status_code == HTTPStatus.OK
    assert client.get("/readyz").status_code == HTTPStatus.OK
    service.reasons = ["HPAs are not listed yet", "no policies are loaded"]
    assert client.get("/livez").status_code == HTTPStatus.OK
    answer = client.get("/readyz")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.headers["Retry-After"] == "1"
    assert answer.get_json()["reasons"] == service.reasons


def test_draining_is_not_ready_but_still_judges(client: FlaskClient) -> None:
    answer = client.get("/readyz", environ_overrides={DRAINING: True})
    assert answer.get_json()["reasons"] == ["shutting down"]
    status, _ = post(client, "/mutate", review(POD), environ_overrides={DRAINING: True})
    assert status == HTTPStatus.OK


def test_certificate_that_expired_is_not_ready(service: FakeService, metrics: Metrics) -> None:
    app = create_app(service, metrics, certificate_problems=lambda: ["the certificate expired"])
    answer = app.test_client().get("/readyz")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.get_json()["reasons"] == ["the certificate expired"]


@pytest.mark.parametrize("path", ["/mutate", "/validate"])
def test_reviews_wait_for_readiness(client: FlaskClient, service: FakeService, path: str) -> None:
    service.reasons = ["VPAs are not listed yet"]
    answer = client.post(path, json=review(HPA))
    refused(
        (answer.status_code, answer.get_json()),
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not ready: VPAs are not listed yet",
    )
    assert answer.headers["Retry-After"] == "1"


class Busy(FakeService):
    def decided(self, _asked: Request, _decide: Callable[[World], Decision], /) -> Decision:
        return Decision(allowed=False, ask_again="another one is in flight")


def test_who_is_asked_to_come_back_is_counted_and_leaves_no_record(
    metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    client = create_app(Busy(), metrics).test_client()
    with caplog.at_level(logging.INFO, logger="scaleguard.decisions"):
        status, body = post(client, "/validate", review(HPA))
    assert status == HTTPStatus.OK
    assert body["response"]["status"]["code"] == HTTPStatus.TOO_MANY_REQUESTS
    ended = {"endpoint": "validate", "result": "ask_again"}
    assert metrics.registry.get_sample_value("scaleguard_reviews_total", ended) == 1
    assert [one for one in caplog.records if one.name == "scaleguard.decisions"] == []


def test_load_is_shed(client: FlaskClient, metrics: Metrics) -> None:
    over = client.post("/validate", json=review(HPA), environ_overrides={OVERLOADED: True})
    refused((over.status_code, over.get_json()), HTTPStatus.TOO_MANY_REQUESTS, "too many requests")
    assert over.headers["Retry-After"] == "1"
    assert metrics.registry.get_sample_value("scaleguard_shed_total") == 1
    health = client.get("/livez", environ_overrides={OVERLOADED: True})
    assert health.status_code == HTTPStatus.OK


def cannot(_document: dict[str, Any]) -> list[Verdict]:
    raise CannotJudge("the rules took longer than 1 s")


def test_no_judgement_fails_the_call(
    client: FlaskClient, service: FakeService, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    service.ask = cannot
    answer = post(client, "/validate", review(HPA))
    refused(answer, HTTPStatus.INTERNAL_SERVER_ERROR, "the rules took longer than 1 s")
    assert "/validate: cannot judge: the rules took longer than 1 s" in caplog.text
    counted = metrics.registry.get_sample_value
    assert counted("scaleguard_cannot_judge_total", {"endpoint": "validate"}) == 1
    ended = {"endpoint": "validate", "result": "cannot_judge"}
    assert counted("scaleguard_reviews_total", ended) == 1


class Broken(FakeService):
    def decided(self, _asked: Request, _decide: Callable[[World], Decision], /) -> Decision:
        raise KeyError("a secret of ours")

    def remarks(self) -> list[str]:
        return []

    def not_ready(self) -> list[str]:
        if self.reasons:
            raise KeyError("a secret of ours")
        return []


def test_fault_of_ours_fails_the_call_and_is_told_in_the_log_alone(
    metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    client = create_app(Broken(), metrics).test_client()
    answer = post(client, "/validate", review(HPA))
    refused(answer, HTTPStatus.INTERNAL_SERVER_ERROR, "by a fault of its own")
    assert "a secret of ours" not in json.dumps(answer[1])
    assert "KeyError: 'a secret of ours'" in caplog.text
    counted = metrics.registry.get_sample_value
    assert counted("scaleguard_cannot_judge_total", {"endpoint": "validate"}) == 1


def test_fault_elsewhere_is_json_too(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    client = create_app(Broken(reasons=["x"]), metrics).test_client()
    answer = client.get("/readyz")
    refused((answer.status_code, answer.get_json()), HTTPStatus.INTERNAL_SERVER_ERROR, "by a fault")
    assert "KeyError: 'a secret of ours'" in caplog.text


class CutShort:
    def read(self, *_: int) -> bytes:
        raise ConnectionResetError("the client did not finish its request in time")


@pytest.mark.parametrize("said", [{}, {"CONTENT_LENGTH": "5", "CONTENT_TYPE": "application/json"}])
def test_body_that_does_not_arrive_is_refused(
    client: FlaskClient, metrics: Metrics, caplog: pytest.LogCaptureFixture, said: dict[str, str]
) -> None:
    cut_short = {"wsgi.input": CutShort(), "wsgi.input_terminated": True}
    answer = client.post("/validate", environ_overrides={**cut_short, **said})
    refused((answer.status_code, answer.get_json()), HTTPStatus.BAD_REQUEST, "could not be read")
    failed = metrics.registry.get_sample_value(
        "scaleguard_cannot_judge_total", {"endpoint": "validate"}
    )
    assert failed is None
    assert "Traceback" not in caplog.text


def test_denial_is_recorded_without_the_object(
    client: FlaskClient, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    service.ask = deny_all
    asked = review(HPA)
    asked["request"]["dryRun"] = True
    with caplog.at_level(logging.INFO, logger="scaleguard.decisions"):
        post(client, "/validate", asked)
    (entry,) = [entry for entry in caplog.records if entry.name == "scaleguard.decisions"]
    request = asked["request"]
    assert entry.__dict__["decision"] == {
        "id": decision_id(request["uid"]),
        "operation": "CREATE",
        "group": "autoscaling",
        "kind": "HorizontalPodAutoscaler",
        "namespace": request["namespace"],
        "name": request["name"],
        "user": request["userInfo"]["username"],
        "allowed": False,
        "mode": "enforce",
        "would": None,
        "exempted": [],
        "rules": ["duplicate-hpa", "hpa-no-effect"],
        "message": (
            "[duplicate-hpa] a second HPA; fix: remove one; "
            "[hpa-no-effect] minReplicas equals maxReplicas; fix: raise it"
        ),
        "dry_run": True,
    }


def test_mutation_is_recorded_and_a_silent_pass_is_not(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="scaleguard.decisions"):
        post(client, "/mutate", review(POD))
        post(client, "/validate", review(HPA))
    (entry,) = [entry for entry in caplog.records if entry.name == "scaleguard.decisions"]
    decision = entry.__dict__["decision"]
    assert (decision["kind"], decision["allowed"], decision["rules"]) == ("Pod", True, [])
    assert decision["name"].startswith("llama-")
    assert decision["message"]


def test_mode_audit_records_and_counts_what_would_have_been_done(
    client: FlaskClient, service: FakeService, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    service.ask, service.mode = deny_all, Mode.AUDIT
    with caplog.at_level(logging.INFO, logger="scaleguard.decisions"):
        _, judged = post(client, "/validate", review(HPA))
        _, fitted = post(client, "/mutate", review(POD))
    assert judged["response"].keys() == {"uid", "allowed", "auditAnnotations"}
    assert fitted["response"].keys() == {"uid", "allowed", "auditAnnotations"}
    decisions = [entry.__dict__["decision"] for entry in caplog.records]
    assert [(one["allowed"], one["mode"], one["would"]) for one in decisions] == [
        (True, "audit", "deny"),
        (True, "audit", "patch"),
    ]
    assert "tolerations: " in decisions[1]["message"]
    counted = metrics.registry.get_sample_value
    kind = "HorizontalPodAutoscaler"
    for rule, would in (("duplicate-hpa", "deny"), ("hpa-no-effect", "warn")):
        found = {"rule": rule, "action": "audit", "kind": kind, "would": would}
        assert counted("scaleguard_findings_total", found) == 1
    withheld = {"class": "inference", "would": "patch"}
    assert counted("scaleguard_mutations_total", withheld) == 1
    assert counted("scaleguard_mutations_total", {"class": "inference", "would": ""}) is None


def test_exemptions_are_recorded_with_who_exempts_and_counted(
    client: FlaskClient, service: FakeService, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    service.ask = deny_all
    asked = review(HPA)
    exempt = {"scaleguard.io/exempt": "duplicate-hpa, moon"}
    asked["request"]["object"]["metadata"]["annotations"] = exempt
    with caplog.at_level(logging.INFO, logger="scaleguard.decisions"):
        _, answer = post(client, "/validate", asked)
    assert answer["response"]["allowed"] is True
    assert answer["response"]["warnings"] == [
        "[hpa-no-effect] minReplicas equals maxReplicas; fix: raise it",
        "scaleguard: scaleguard.io/exempt: moon: no such rule",
    ]
    request = asked["request"]
    by = f"HorizontalPodAutoscaler {request['namespace']}/{request['name']}"
    decision = caplog.records[0].__dict__["decision"]
    assert decision["exempted"] == [{"rule": "duplicate-hpa", "by": by}]
    assert answer["response"]["auditAnnotations"]["exempted"] == f"duplicate-hpa by {by}"
    counted = metrics.registry.get_sample_value
    assert counted("scaleguard_exemptions_used_total", {"rule": "duplicate-hpa"}) == 1
    assert counted("scaleguard_exemptions_used_total", {"rule": "hpa-no-effect"}) is None
