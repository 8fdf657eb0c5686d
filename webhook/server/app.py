"""The Flask application: two endpoints that answer reviews, two that say how the process is."""

import logging
from collections.abc import Callable
from functools import partial

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from webhook.core.decide import mutate, validate
from webhook.server import refusal
from webhook.server.admission import Admission, Limits
from webhook.server.metrics import Metrics
from webhook.server.refusal import json_answer
from webhook.server.service import Service

DRAINING = "scaleguard.draining"
"""Key of the WSGI environment under which a worker says that it is about to stop."""

_log = logging.getLogger("scaleguard.server")


def create_app(
    service: Service,
    metrics: Metrics,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    certificate_problems: Callable[[], list[str]] = list,
) -> Flask:
    """Make the WSGI application.

    `certificate_problems` says why the certificate that is served now cannot be relied on; it
    counts for /readyz alone, because a client that minds does not get as far as a review.
    """
    app = Flask("scaleguard", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = limits.body_bytes
    app.url_map.merge_slashes = False  # else //mutate is answered with a redirect, in HTML
    for name, decide in (("mutate", mutate), ("validate", validate)):
        admission = Admission(name, decide, service, metrics, limits)
        _serve(app, name, "POST", admission.answer)
    _serve(app, "livez", "GET", _alive)
    _serve(app, "readyz", "GET", partial(_ready, service, certificate_problems))
    app.register_error_handler(HTTPException, partial(_http_error, app))
    app.register_error_handler(Exception, _fault)
    return app


def _serve(app: Flask, name: str, method: str, view: Callable[[], Response]) -> None:
    app.add_url_rule(f"/{name}", name, view, methods=[method], provide_automatic_options=False)


def _alive() -> Response:
    return json_answer({"status": "ok"})


def _ready(service: Service, certificate_problems: Callable[[], list[str]]) -> Response:
    draining = ["shutting down"] if request.environ.get(DRAINING) else []
    reasons = [*draining, *service.not_ready(), *certificate_problems()]
    if reasons:
        return refusal.not_ready(reasons).answer()
    remarks = service.remarks()
    return json_answer({"status": "ok", **({"remarks": remarks} if remarks else {})})


def _http_error(app: Flask, error: HTTPException) -> Response:
    """Answer in JSON what Flask itself refuses."""
    if isinstance(error, NotFound):
        known = sorted(rule.rule for rule in app.url_map.iter_rules())
        return refusal.wrong_path(request.path, known).answer()
    if isinstance(error, MethodNotAllowed):
        methods = sorted(set(error.valid_methods or ()) - {"HEAD"})
        response = refusal.wrong_method(request.method, methods).answer()
        response.headers["Allow"] = ", ".join(methods)
        return response
    return refusal.bad_request(error.description or error.name).answer()


def _fault(_error: Exception) -> Response:
    _log.exception("%s: a fault of the webhook's own", request.path)
    return refusal.broken().answer()
