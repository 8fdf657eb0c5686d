"""The Flask application: two endpoints that answer reviews, beside those of every server."""

from collections.abc import Callable, Container
from functools import partial
from http import HTTPStatus

from flask import Flask, Response, abort

from webhook.core.decide import mutate, validate
from webhook.server import refusal
from webhook.server.admission import Admission, Audited, Limits
from webhook.server.metrics import Metrics
from webhook.server.quick import Quick
from webhook.server.service import Service
from webhook.server.turns import Turns
from webhook.serving.app import GUESSED, Health, Words, bare_app, serve
from webhook.serving.environment import SHORT_WAY


def create_app(  # noqa: PLR0913, PLR0917 - what it is made of
    service: Service,
    metrics: Metrics,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    certificate_problems: Callable[[], list[str]] = list,
    audited: Audited | None = None,
    segments: Container[str] | None = None,
    more_remarks: Callable[[], list[str]] = list,
) -> Flask:
    """Make the WSGI application.

    With `segments` reviews are asked for at /SEGMENT/mutate and /SEGMENT/validate: nobody else than
    the API server knows one. Without, at /mutate and /validate.
    """
    health = Health(
        not_ready=service.not_ready,
        certificate_problems=certificate_problems,
        remarks=lambda: [*service.remarks(), *more_remarks()],
    )
    words = Words(
        bad_request=refusal.bad_request, broken=refusal.broken, nowhere=metrics.wrong_path
    )
    app = bare_app(health, words, limits.body_bytes)
    turns = Turns()
    admissions = {
        name: Admission(name, decide, service, metrics, limits, turns, audited)
        for name, decide in (("mutate", mutate), ("validate", validate))
    }
    for name, admission in admissions.items():
        if segments is None:
            serve(app, name, "POST", admission.answer)
        else:
            serve(app, f"<{GUESSED}>/{name}", "POST", partial(_answer, admission, segments))
    app.extensions[SHORT_WAY] = Quick(admissions, segments)
    return app


def _answer(admission: Admission, segments: Container[str], segment: str) -> Response:
    if segment not in segments:
        abort(HTTPStatus.NOT_FOUND)
    return admission.answer()
