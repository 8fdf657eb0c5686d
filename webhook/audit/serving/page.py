"""The page: files that hold no data, served to everybody, with headers that let them do little."""

import hashlib
import time
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

from flask import Flask, Response, request

from webhook.audit.serving.metrics import Metrics
from webhook.core.frozen import frozen
from webhook.serving import refusal
from webhook.serving.app import serve

FOLDER: Final = Path(__file__).resolve().parents[1] / "page"
_SHELL: Final = "index.html"

_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

HEADERS: Final = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            *(f"{what}-src 'self'" for what in ("script", "style", "img", "connect")),
            *(f"{what} 'none'" for what in ("base-uri", "form-action", "frame-ancestors")),
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of all answers, data among them: none is of use as anything but what it is."""


@frozen
class _File:
    content: bytes
    mimetype: str
    tag: str


def serve_page(app: Flask, metrics: Metrics) -> None:
    """Serve the page at /page/, and send there who comes without a path."""
    files = {path.name: _read(path) for path in FOLDER.iterdir() if path.suffix in _TYPES}
    serve(app, "", "GET", _enter)
    serve(app, "page/", "GET", partial(_answer, files, metrics))
    serve(app, "page/<name>", "GET", partial(_answer, files, metrics))
    app.after_request(_with_headers)


def _enter() -> Response:
    return Response(status=HTTPStatus.FOUND, headers={"Location": "page/"})


def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(content, _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])


def _answer(files: Mapping[str, _File], metrics: Metrics, name: str = _SHELL) -> Response:
    """Answer with a file that was there at the start: a name is looked up, never made a path."""
    begun = time.perf_counter()
    file = files.get(name)
    if file is None:
        known = sorted(f"/page/{one}" for one in files)
        return refusal.wrong_path(request.path, known).answer()
    response = Response(file.content, mimetype=file.mimetype)
    response.set_etag(file.tag)
    response.headers["Cache-Control"] = "no-cache"  # asked about each time: an update is seen
    response.make_conditional(request)
    metrics.answered("page", "ok", time.perf_counter() - begun)
    return response


def _with_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response
