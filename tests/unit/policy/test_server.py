"""An OPA server as the engine: what it answers wrongly, and what it is asked."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

import pytest
from opa_client.opa import OpaClient

from tests.unit.policy.rego import RULE, module
from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Verdict
from webhook.errors import PolicyError, UnavailableError
from webhook.policy.server import Opa, OpaServer
from webhook.policy.source import load

OTHER = RULE.replace("custom/vpa", "custom/other").replace("team.vpa", "team.other")
FINDING = {"rule": "custom/vpa", "action": "deny", "message": "m"}


class Fake(BaseHTTPRequestHandler):
    """Answers every question alike, and notes what it was asked; holds the rules of `held`."""

    asked: list[tuple[str, str, str | None, bytes]]
    answers: list[tuple[int, str]]
    held: list[str]

    def do_GET(self) -> None:
        self._say(200, json.dumps({"result": [{"id": each} for each in self.held]}))

    def do_DELETE(self) -> None:
        name = unquote(self.path.removeprefix("/v1/policies/"))
        self.asked.append((self.command, self.path, None, b""))
        if name in self.held:
            self.held.remove(name)
            self._say(200, "{}")
        else:
            self._say(404, '{"code": "resource_not_found", "message": "m"}')

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.command, self.path, self.headers["Authorization"], body))
        self._say(*(self.answers.pop(0) if self.answers else (200, "{}")))

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def fake() -> type[Fake]:
    return type("OneFake", (Fake,), {"asked": [], "answers": [], "held": []})


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
    assert asking(url)({"overlaps": []}) == [Verdict("custom/vpa", Action.DENY, "m", "delete it")]
    ((method, path, _, body),) = fake.asked
    assert (method, path) == ("POST", "/v1/data/scaleguard/findings")
    assert json.loads(body) == {"input": {"overlaps": []}}


@pytest.mark.parametrize(
    ("status", "text", "says"),
    [
        (200, "{}", "does not know scaleguard's rules"),  # an undefined decision
        (200, '{"result": true}', "instead of a set of findings"),
        (200, '{"result": [{"rule": "custom/vpa"}]}', "of custom/vpa: action is missing"),
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


def test_a_server_that_has_lost_its_rules_is_given_them_once_more(
    fake: type[Fake], url: str
) -> None:
    opa = Opa(OpaServer(url), [module(RULE)])
    fake.asked.clear()
    found = json.dumps({"result": [FINDING]})
    fake.answers[:] = [(200, "{}"), (200, "{}"), (200, "{}"), (200, found)]
    assert [verdict.rule for verdict in opa({})] == ["custom/vpa"]
    assert [method for method, _, _, _ in fake.asked] == ["POST", "POST", "PUT", "POST"]


def test_one_thread_gives_a_server_its_rules_and_the_others_ask_again(
    fake: type[Fake], url: str
) -> None:
    opa = Opa(OpaServer(url), [module(RULE)])
    fake.asked.clear()
    fake.answers[:] = [(200, "{}"), (200, json.dumps({"result": []}))]
    assert opa({}) == []
    assert [method for method, _, _, _ in fake.asked] == ["POST", "POST"]
    opa = Opa(OpaServer(url, timeout_seconds=0.05), [module(RULE)])
    with opa._restoring, pytest.raises(CannotJudge, match="is being given its rules"):
        opa({})


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([(200, "{}")] * 4, "does not know scaleguard's rules"),
        ([(200, "{}")] * 2 + [(400, '{"code": "c", "message": "m"}')] * 2, "OPA refuses it"),
    ],
)
def test_a_server_that_keeps_no_rules_gives_no_judgement(
    fake: type[Fake], url: str, answers: list[tuple[int, str]], says: str
) -> None:
    opa = Opa(OpaServer(url), [module(RULE)])
    fake.answers[:] = answers
    with pytest.raises(CannotJudge, match=says):
        opa({})


def test_a_server_that_is_not_there_gives_no_judgement() -> None:
    with pytest.raises(CannotJudge, match=r"OPA at http://127\.0\.0\.1:1 gave no answer"):
        asking("http://127.0.0.1:1")({})


def test_every_module_is_put_there_under_a_name_of_its_own(fake: type[Fake], url: str) -> None:
    mine = [module(RULE, "vpa.rego"), module(OTHER, "other team/vpa.rego")]
    Opa(OpaServer(url, token="t"), [*load(), *mine])
    names = [path for _, path, _, _ in fake.asked]
    assert len(set(names)) == len(load()) + 2
    assert "/v1/policies/scaleguard/built-in/main.rego" in names
    assert names[-2].startswith("/v1/policies/scaleguard/custom/")
    assert names[-2].endswith("/rules/other%20team/vpa.rego")
    # What is asked comes last: until then the server has no answer, rather than one by some rules.
    assert names[-1] == "/v1/policies/scaleguard/built-in/main.rego"
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


def test_every_module_that_is_refused_is_named(fake: type[Fake], url: str) -> None:
    refusal = json.dumps({"code": "invalid_parameter", "message": "unsafe", "errors": []})
    fake.answers[:] = [(400, refusal)] * 2
    with pytest.raises(PolicyError, match=r"a\.rego: OPA.*\n.*b\.rego: OPA"):
        Opa(OpaServer(url), [module(RULE, "a.rego"), module(OTHER, "b.rego")])


def test_rules_that_are_gone_are_removed(fake: type[Fake], url: str) -> None:
    """They would find things of which nobody knows the rule any more."""
    kept = module(RULE, "a rule.rego")
    path = kept.path.absolute().as_posix().lstrip("/")
    fake.held[:] = ["elsewhere/x.rego", "scaleguard/custom/old rule.rego"]
    fake.held.append(f"scaleguard/custom/{path}")
    Opa(OpaServer(url), [kept])
    assert [(method, path) for method, path, _, _ in fake.asked] == [
        ("PUT", f"/v1/policies/scaleguard/custom/{quote(path)}"),
        ("DELETE", "/v1/policies/scaleguard/custom/old%20rule.rego"),
    ]


def test_a_rule_that_was_renamed_is_not_in_its_own_way(fake: type[Fake], url: str) -> None:
    refusal = json.dumps({"code": "invalid_parameter", "message": "twice", "errors": []})
    fake.answers[:] = [(400, refusal)]
    fake.held[:] = ["scaleguard/custom/old.rego"]
    Opa(OpaServer(url), [module(RULE, "new.rego")])
    assert [method for method, _, _, _ in fake.asked] == ["PUT", "DELETE", "PUT"]


def test_a_rule_that_another_process_removed_is_no_fault(
    fake: type[Fake], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpaClient, "get_policies_list", lambda _self: ["scaleguard/custom/x.rego"])
    Opa(OpaServer(url), [module(RULE)])
    assert [method for method, _, _, _ in fake.asked] == ["PUT", "DELETE"]


def test_a_server_that_does_not_say_what_it_holds_may_say_it_later(
    fake: type[Fake], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "do_GET", lambda self: self._say(503, ""))
    with pytest.raises(UnavailableError, match="cannot be cleared of rules that are gone: 503"):
        Opa(OpaServer(url), [module(RULE)])


def test_a_bundle_is_left_alone(fake: type[Fake], url: str) -> None:
    fake.held[:] = ["scaleguard/custom/old.rego"]
    asking(url).put_rules()
    assert fake.asked == []


def test_a_server_that_is_not_there_cannot_take_rules() -> None:
    with pytest.raises(UnavailableError, match="cannot be reached"):
        Opa(OpaServer("http://127.0.0.1:1"), [module(RULE)])
