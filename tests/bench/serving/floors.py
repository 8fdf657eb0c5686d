"""What an answer costs with nothing decided: the body read by the standard library's json."""

import json
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Response, jsonify, request

Raw = dict[str, Any]


def allowed(review: Raw) -> Raw:
    """The answer to everything."""
    response = {"uid": review["request"]["uid"], "allowed": True}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def flask() -> Flask:
    """As somebody would write it who begins with Flask."""
    app = Flask(__name__)

    @app.post("/mutate")
    @app.post("/validate")
    def answer() -> Response:
        return jsonify(allowed(json.loads(request.get_data())))

    return app


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """As little as WSGI lets one do."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    answer = json.dumps(allowed(json.loads(body))).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    start_response("200 OK", headers)
    return [answer]
