"""Answer one review: refuse what is none, judge, encode, record, count."""

import logging
import time
from collections.abc import Callable

import msgspec
from flask import Response, request

from webhook.core.decide import Decision, Judge
from webhook.core.encode import encode
from webhook.core.frozen import frozen
from webhook.core.kinds import Kinds
from webhook.core.review import BadReview, Request, read_review
from webhook.core.verdict import CannotJudge
from webhook.core.world import World
from webhook.server import refusal
from webhook.server.body import decode, shallow
from webhook.server.metrics import Metrics
from webhook.server.record import record
from webhook.server.service import Service
from webhook.server.turns import Turns
from webhook.serving import refusal as shared
from webhook.serving.body import MIB, check_type, read_body
from webhook.serving.environment import OVERLOADED
from webhook.serving.refusal import Answer, Refusal

_log = logging.getLogger("scaleguard.server")

Decide = Callable[[Request, World, Judge], Decision]

Audited = Callable[[Request, Decision, Kinds], None]
"""Keeps for the audit what was decided; it raises nothing."""


@frozen
class Limits:
    """Bounds of one request."""

    # The API server takes objects of up to 3 MB. An update carries two of them, object and
    # oldObject: 6 MB; 1 MB is left for userInfo, options and what escaping adds.
    body_bytes: int = 7 * MIB


@frozen
class Admission:
    """One endpoint that answers reviews."""

    endpoint: str
    decide: Decide
    service: Service
    metrics: Metrics
    limits: Limits
    turns: Turns
    audited: Audited | None = None

    def answer(self) -> Response:
        """Answer the request that Flask has at hand, always: with a review, or with why not."""
        return self.answered(self._read).response()

    def answered(self, read: Callable[[], bytes]) -> Answer:
        """Answer a request whose body is read here; `read` raises `Refusal`."""
        begun = time.perf_counter()
        try:
            answer, result = self._in_turn(read())
        except Refusal as refused:
            answer, result = refused.written(), refused.result
            level = logging.WARNING if refused.is_clients_fault else logging.DEBUG
            _log.log(level, "/%s: %d: %s", self.endpoint, refused.status, refused.error)
        except CannotJudge as reason:
            _log.error("/%s: cannot judge: %s", self.endpoint, reason)
            answer, result = self._failed(refusal.cannot_judge(str(reason)))
        except Exception:  # noqa: BLE001 - whatever it is, the call has to be answered
            _log.exception("/%s: a fault of the webhook's own", self.endpoint)
            answer, result = self._failed(refusal.broken())
        self.metrics.reviewed(self.endpoint, result, time.perf_counter() - begun)
        return answer

    def _failed(self, refused: Refusal) -> tuple[Answer, str]:
        self.metrics.cannot_judge(self.endpoint)
        return refused.written(), refused.result

    def _read(self) -> bytes:
        """Read the body of the request that Flask has at hand, and refuse what is none."""
        # The body is read before anything is refused: unread, it would end the connection.
        body = read_body(refusal.too_large(self.limits.body_bytes))
        if request.environ.get(OVERLOADED):
            self.metrics.shed()
            raise shared.shed()
        check_type(body, refusal.bad_request)
        return body

    def _in_turn(self, body: bytes) -> tuple[Answer, str]:
        with self.turns.of(body) as has_come:
            if not has_come:
                self.metrics.shed()
                raise shared.shed()
            return self._review(body)

    def _review(self, body: bytes) -> tuple[Answer, str]:
        reasons = self.service.not_ready()
        if reasons:
            raise shared.not_ready(reasons)
        try:
            asked, decision = self._decided(body)
        except RecursionError:
            asked, decision = self._decided(shallow(body))
        answer = Answer(msgspec.json.encode(encode(asked, decision)))
        self._tell(asked, decision)
        if decision.ask_again is not None:
            return answer, "ask_again"
        return answer, "allowed" if decision.allowed else "denied"

    def _decided(self, body: bytes) -> tuple[Request, Decision]:
        try:
            asked = read_review(decode(body))
        except BadReview as error:
            raise refusal.bad_request(str(error)) from error
        judge = self.service.judge  # one for the whole request, though rules may change meanwhile
        return asked, self.service.decided(asked, lambda world: self.decide(asked, world, judge))

    def _tell(self, asked: Request, decision: Decision) -> None:
        self.metrics.found(asked.group_kind.kind, decision.findings)
        if decision.ai_pod is not None and decision.fitting is not None and decision.fitting.patch:
            withheld = not decision.mode.acts
            self.metrics.mutated(decision.ai_pod.workload_class.value, withheld=withheld)
        record(asked, decision)
        if self.audited is not None:
            self.audited(asked, decision, self.service.judge.knowledge.kinds)
