"""The Flask application of the audit: takes deliveries in, and answers what was found."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from flask import Flask, Response, request

from webhook.audit.delivered import read_delivery
from webhook.audit.findings import (
    FILTERS,
    BadCursorError,
    BadQuestionError,
    Total,
    filters_of,
    switch,
)
from webhook.audit.serving import refusal
from webhook.audit.serving.callers import Callers
from webhook.audit.serving.metrics import Metrics
from webhook.audit.serving.page import serve_page
from webhook.audit.stood import Asked, read_telling
from webhook.audit.store.errors import StoreUnavailableError
from webhook.audit.store.opened import Store
from webhook.audit.store.query import decision, findings, totals
from webhook.audit.store.standing import take_standings
from webhook.audit.store.standings import standings
from webhook.audit.store.taking import take_in
from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.serving import refusal as shared
from webhook.serving.app import Health, Words, bare_app, serve
from webhook.serving.body import check_type, read_body
from webhook.serving.environment import OVERLOADED
from webhook.serving.refusal import Refusal, json_answer

Delivered = TypeVar("Delivered")

_PAGE: Final = 100
_MOST_DIGITS: Final = 9

_WORDS: Final = Words(bad_request=refusal.bad_request, broken=refusal.broken)

_log = logging.getLogger("scaleguard.audit")


@frozen(kw_only=True)
class Parts:
    """What the application is put together of."""

    store: Store
    callers: Callers
    metrics: Metrics
    certificate_problems: Callable[[], list[str]] = list


def create_app(parts: Parts) -> Flask:
    """Make the WSGI application."""
    health = Health(
        not_ready=partial(_not_ready, parts.store),
        certificate_problems=parts.certificate_problems,
    )
    app = bare_app(health, _WORDS, refusal.MOST_BYTES)
    for path, method, answer in (
        ("v1/records", "POST", _take),
        ("v1/standings", "POST", _take_standings),
        ("v1/standings", "GET", _standings),
        ("v1/findings", "GET", _findings),
        ("v1/totals", "GET", _totals),
        ("v1/decisions/<name>", "GET", _decision),
    ):
        serve(app, path, method, partial(_answer, parts, path.split("/")[1], answer))
    serve_page(app, parts.metrics)
    return app


def _not_ready(store: Store) -> list[str]:
    try:
        store.check()
    except StoreUnavailableError as error:
        return [f"the store does not answer: {error}"]
    return []


def _answer(parts: Parts, endpoint: str, answer: Callable[..., Any], **named: str) -> Response:
    """Answer the request at hand, always."""
    begun = time.perf_counter()
    try:
        response, result = json_answer(_asked(parts, answer, **named)), "ok"
    except Refusal as refused:
        level = logging.WARNING if refused.is_clients_fault else logging.INFO
        _log.log(level, "/v1/%s: %d: %s", endpoint, refused.status, refused.error)
        response, result = _refused(refused)
    except StoreUnavailableError as error:
        _log.warning("/v1/%s: the store does not answer: %s", endpoint, error)
        response, result = _refused(refusal.store_away())
    except Exception:  # noqa: BLE001 - whatever it is, the call has to be answered
        _log.exception("/v1/%s: a fault of the audit's own", endpoint)
        response, result = _refused(refusal.broken())
    parts.metrics.answered(endpoint, result, time.perf_counter() - begun)
    response.headers["Cache-Control"] = "no-store"
    return response


def _asked(parts: Parts, answer: Callable[..., Any], **named: str) -> Any:
    # The body is read before anything is refused: unread, it would end the connection.
    body = read_body(refusal.too_large())
    if request.environ.get(OVERLOADED):
        raise shared.shed()
    return answer(parts, body, **named)


def _refused(refused: Refusal) -> tuple[Response, str]:
    response = refused.answer()
    if refused.status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response, refused.result


def _take(parts: Parts, body: bytes) -> Any:
    parts.callers.check_writer()
    check_type(body, refusal.bad_request)
    taken = take_in(parts.store, _delivered(body, read_delivery))
    parts.metrics.taken(taken)
    return {"new": taken.new, "repeated": taken.repeated}


def _take_standings(parts: Parts, body: bytes) -> Any:
    parts.callers.check_writer()
    check_type(body, refusal.bad_request)
    stood = take_standings(parts.store, _delivered(body, read_telling))
    parts.metrics.stood(stood)
    return asdict(stood)


def _delivered(body: bytes, read: Callable[[Raw], Delivered]) -> Delivered:
    try:
        raw = msgspec.json.decode(body)
        if not isinstance(raw, dict):
            raise refusal.bad_request("the body is not a JSON object")
        return read(raw)
    except RecursionError as error:
        raise refusal.bad_request("the body is nested too deeply") from error
    except ValueError as error:  # msgspec's and UTF-8's are among them
        raise refusal.bad_request(str(error)) from error


def _findings(parts: Parts, _body: bytes) -> Any:
    asked = _parameters(*FILTERS, "limit", "after")
    parts.callers.check_reader("list", asked.get("namespace", ""))
    try:
        page = findings(parts.store, filters_of(asked), _limit(asked), asked.get("after"))
    except (BadQuestionError, BadCursorError) as error:
        raise refusal.bad_request(str(error)) from error
    return page.as_json()


def _standings(parts: Parts, _body: bytes) -> Any:
    asked = _parameters("cluster", "namespace", "workload", "conflicts", "limit", "after")
    parts.callers.check_reader("list", asked.get("namespace", ""))
    texts = {name: asked.get(name) for name in ("cluster", "namespace", "workload")}
    try:
        wanted = Asked(conflicts=switch(asked, "conflicts") is True, **texts)
        page = standings(parts.store, wanted, _limit(asked), asked.get("after"))
    except (BadQuestionError, BadCursorError) as error:
        raise refusal.bad_request(str(error)) from error
    return page.as_json()


def _limit(asked: dict[str, str]) -> int:
    limit = asked.get("limit", str(_PAGE))
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= _MOST_DIGITS):
        raise refusal.bad_request("limit: write a number")
    return int(limit)


def _totals(parts: Parts, _body: bytes) -> Any:
    asked = _parameters(*FILTERS, "by")
    parts.callers.check_reader("list", asked.get("namespace", ""))
    try:
        by = Total(asked.get("by", Total.RULE.value))
    except ValueError as error:
        known = ", ".join(Total)
        raise refusal.bad_request(f"by: write one of {known}") from error
    try:
        return {"by": by.value, "totals": totals(parts.store, filters_of(asked), by)}
    except BadQuestionError as error:
        raise refusal.bad_request(str(error)) from error


def _decision(parts: Parts, _body: bytes, name: str) -> Any:
    _parameters()
    # Asked first, and of all: who may see nothing must not learn what there is.
    parts.callers.readable("get", frozenset())
    found = decision(parts.store, name)
    shown = parts.callers.readable("get", frozenset(one.namespace for one in found))
    visible = [one.as_json() for one in found if one.namespace in shown]
    if not visible:
        raise refusal.not_known(name)
    return {"decision": name, "findings": visible}


def _parameters(*known: str) -> dict[str, str]:
    """Return the parameters of the URL; raises `Refusal` for one that is not known, or twice."""
    for name, values in request.args.lists():
        if name not in known:
            listed = ", ".join(known) or "none"
            raise refusal.bad_request(f"no such parameter: {name}; there are {listed}")
        if len(values) > 1:
            raise refusal.bad_request(f"{name} is given twice")
    return request.args.to_dict()
