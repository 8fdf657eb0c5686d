"""An OPA server as the engine: what it answers wrongly, and what it is asked."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.unit.policy.rego import RULE, module
from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Verdict
from webhook.errors import PolicyError
from webhook.policy.server import Opa, OpaServer
from webhook.policy.source import load

OTHER = RULE.replace("custom/team", "custom/other")
FINDING = {"rule": "custom/team", "action": "deny", "message": "m"}


class Fake(BaseHTTPRequestHandler):
    """Answers every question alike, and notes what it was asked."""

    asked: list[tuple[str, str, str | None, bytes]]
    answers: list[tuple[int, str]]

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.command, self.path, self.headers["Authorization"], body))
        status, text = self.answers.pop(0) if self.answers else (200, "{}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def fake() -> type[Fake]:
    return type("OneFake", (Fake,), {"asked": [], "answers": []})


@pytest.fixture
def url(fake: type[Fake]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), fake) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def asking(url: str) -> Opa:
    return Opa(OpaServer(url, push=False), [module(RULE)])


def test_a_document_is_judged(fake: type[Fake], url: str) -> None:
    fake.answers[:] = [(200, json.dumps({"result": [FINDING]}))]
    assert asking(url)({"overlaps": []}) == [Verdict("custom/team", Action.DENY, "m", "")]
    ((method, path, _, body),) = fake.asked
    assert (method, path) == ("POST", "/v1/data/scaleguard/findings")
    assert json.loads(body) == {"input": {"overlaps": []}}


@pytest.mark.parametrize(
    ("status", "text", "says"),
    [
        (200, "{}", "does not know scaleguard's rules"),  # an undefined decision
        (200, '{"result": true}', "instead of a set of findings"),
        (200, '{"result": [{"rule": "a"}]}', "lacks or misuses"),
        (200, json.dumps({"result": [FINDING | {"rule": "a"}]}), "of rule 'a', which no METADATA"),
        (200, "<html>", "gave no answer"),
        (404, "", "gave no answer"),
        (500, '{"code": "internal_error"}', "gave no answer"),
    ],
)
def test_what_is_no_answer_is_no_judgement(
    fake: type[Fake], url: str, status: int, text: str, says: str
) -> None:
    fake.answers[:] = [(status, text)]
    with pytest.raises(CannotJudge, match=says):
        asking(url)({})


def test_a_server_that_is_not_there_gives_no_judgement() -> None:
    with pytest.raises(CannotJudge, match=r"OPA at http://127\.0\.0\.1:1 gave no answer"):
        asking("http://127.0.0.1:1")({})


def test_every_module_is_put_there_under_a_name_of_its_own(fake: type[Fake], url: str) -> None:
    mine = [module(RULE, "vpa.rego"), module(OTHER, "other team/vpa.rego")]
    Opa(OpaServer(url, token="t"), [*load(), *mine])
    names = [path for _, path, _, _ in fake.asked]
    assert len(set(names)) == len(load()) + 2
    assert "/v1/policies/scaleguard/built-in/main.rego" in names
    assert names[-1].startswith("/v1/policies/scaleguard/custom/")
    assert names[-1].endswith("/rules/other%20team/vpa.rego")
    assert {token for _, _, token, _ in fake.asked} == {"Bearer t"}


def test_a_refused_module_is_tried_again_behind_the_others(fake: type[Fake], url: str) -> None:
    refusal = json.dumps({"code": "invalid_parameter", "message": "m", "errors": []})
    fake.answers[:] = [(400, refusal), (200, "{}"), (200, "{}")]
    Opa(OpaServer(url), [module(RULE, "a.rego"), module(OTHER, "b.rego")])
    assert [path[-6:] for _, path, _, _ in fake.asked] == ["a.rego", "b.rego", "a.rego"]


def test_a_module_that_is_always_refused_is_named(fake: type[Fake], url: str) -> None:
    refusal = json.dumps({"code": "invalid_parameter", "message": "unsafe", "errors": []})
    fake.answers[:] = [(400, refusal)] * 2
    with pytest.raises(PolicyError, match=r"rules/rule\.rego: OPA refuses it: .*unsafe"):
        Opa(OpaServer(url), [module(RULE)])


def test_a_server_that_is_not_there_cannot_take_rules() -> None:
    with pytest.raises(PolicyError, match="cannot be reached"):
        Opa(OpaServer("http://127.0.0.1:1"), [module(RULE)])
