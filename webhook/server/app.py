"""The Flask application: two endpoints that answer reviews, beside those of every server."""

from collections.abc import Callable

from flask import Flask

from webhook.core.decide import mutate, validate
from webhook.server import refusal
from webhook.server.admission import Admission, Audited, Limits
from webhook.server.metrics import Metrics
from webhook.server.service import Service
from webhook.serving.app import Health, Words, bare_app, serve

_WORDS = Words(bad_request=refusal.bad_request, broken=refusal.broken)


def create_app(
    service: Service,
    metrics: Metrics,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    certificate_problems: Callable[[], list[str]] = list,
    audited: Audited | None = None,
) -> Flask:
    """Make the WSGI application."""
    health = Health(
        not_ready=service.not_ready,
        certificate_problems=certificate_problems,
        remarks=service.remarks,
    )
    app = bare_app(health, _WORDS, limits.body_bytes)
    for name, decide in (("mutate", mutate), ("validate", validate)):
        admission = Admission(name, decide, service, metrics, limits, audited)
        serve(app, name, "POST", admission.answer)
    return app
