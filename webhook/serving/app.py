"""What every application of ours answers beside its own endpoints.

Two endpoints say how the process is; whatever Flask refuses by itself is answered in JSON.
"""

import logging
from collections.abc import Callable
from dataclasses import field
from functools import partial

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from webhook.core.frozen import frozen
from webhook.serving import refusal
from webhook.serving.environment import DRAINING
from webhook.serving.refusal import Refusal, json_answer

GUESSED = "segment"
"""The part of a path that somebody may try to guess: nothing is said of it."""

_log = logging.getLogger("scaleguard.server")


@frozen(kw_only=True)
class Health:
    """What says how a process is."""

    not_ready: Callable[[], list[str]]
    """Says what is still missing, each in a few words."""
    certificate_problems: Callable[[], list[str]] = field(default=list)
    remarks: Callable[[], list[str]] = field(default=list)
    """Says what is worth knowing though all is well."""


@frozen(kw_only=True)
class Words:
    """What an application says of requests that are none."""

    bad_request: Callable[[str], Refusal]
    broken: Callable[[], Refusal]
    nowhere: Callable[[], None] = lambda: None
    """Counts who asks where nothing is served."""


def bare_app(health: Health, words: Words, most_bytes: int) -> Flask:
    """Make an application without endpoints of its own: `serve` adds them."""
    app = Flask("scaleguard", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = most_bytes
    app.url_map.merge_slashes = False  # else //mutate is answered with a redirect, in HTML
    serve(app, "livez", "GET", _alive)
    serve(app, "readyz", "GET", partial(_ready, health))
    app.register_error_handler(HTTPException, partial(_http_error, app, words))
    app.register_error_handler(Exception, partial(_fault, words))
    return app


def serve(app: Flask, path: str, method: str, view: Callable[..., Response]) -> None:
    """Answer one method at one path."""
    name = f"{method} {path}"
    app.add_url_rule(f"/{path}", name, view, methods=[method], provide_automatic_options=False)


def _alive() -> Response:
    return json_answer({"status": "ok"})


def _ready(health: Health) -> Response:
    draining = ["shutting down"] if request.environ.get(DRAINING) else []
    reasons = [*draining, *health.not_ready(), *health.certificate_problems()]
    if reasons:
        return refusal.not_ready(reasons).answer()
    remarks = health.remarks()
    return json_answer({"status": "ok", **({"remarks": remarks} if remarks else {})})


def _http_error(app: Flask, words: Words, error: HTTPException) -> Response:
    """Answer in JSON what Flask itself refuses."""
    # A path that is to be guessed is none that is told, by no method.
    known = sorted({rule.rule for rule in app.url_map.iter_rules() if not rule.arguments})
    is_guess = request.path not in known and any(
        GUESSED in rule.arguments for rule in app.url_map.iter_rules()
    )
    if isinstance(error, NotFound) or (isinstance(error, MethodNotAllowed) and is_guess):
        words.nowhere()
        return refusal.wrong_path(request.path, known).answer()
    if isinstance(error, MethodNotAllowed):
        methods = sorted(set(error.valid_methods or ()) - {"HEAD"})
        response = refusal.wrong_method(request.method, methods).answer()
        response.headers["Allow"] = ", ".join(methods)
        return response
    return words.bad_request(error.description or error.name).answer()


def _fault(words: Words, _error: Exception) -> Response:
    # Not the path, which is to be guessed: whoever may read logs may not ask for reviews.
    _log.exception("%s: a fault of the server's own", request.endpoint)
    return words.broken().answer()
