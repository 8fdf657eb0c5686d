"""What gunicorn reads of a request that was read by the short way."""

from typing import Any

from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from webhook.serving.plain import Asked


def assert_read_by_gunicorn(asked: Asked, data: bytes) -> None:
    """Fail where gunicorn reads something else from the same bytes, or would close after it."""
    # Its stubs are older than what it does.
    parser: Any = RequestParser(Config(), iter([data]), ("127.0.0.1", 40000))
    request: Any = next(parser)
    types = [value for name, value in request.headers if name == "CONTENT-TYPE"]
    before, _, query = request.uri.partition("?")
    assert (request.method, before, request.path) == ("POST", asked.path, asked.path)
    assert not query or query.startswith("timeout=")
    assert types == ["application/json"]
    assert not request.should_close()
    assert request.body.read() == asked.body
    assert parser.finish_body()
    assert parser.unreader.take_buffered() == b""
