"""Requests behind each other on one connection, their bodies read or not."""

import socket

import pytest
from gunicorn.config import Config

from webhook.serving.parser import Parser, unchanging

REQUEST = b"POST /%b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345"
CHUNKED = (
    b"POST /%b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"
)


@pytest.mark.parametrize("first", [REQUEST, CHUNKED])
@pytest.mark.parametrize("read", [None, 0, 3, 5])
def test_the_next_request_begins_behind_the_body_of_the_last(
    first: bytes, read: int | None
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(first % b"one" + REQUEST % b"two")
        parser = Parser(unchanging(Config()), ours, ("", 0))
        asked = next(parser)
        assert asked.body is not None
        assert asked.body.read(read) == b"12345"[:read]
        assert parser.finish_body()
        following = next(parser)
        assert (asked.path, following.path) == ("/one", "/two")
        assert following.body is not None
        assert following.body.read() == b"12345"


def test_a_body_that_does_not_come_is_not_waited_for_long() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(REQUEST[:-2] % b"one")
        parser = Parser(unchanging(Config()), ours, ("", 0))
        next(parser)
        assert not parser.finish_body(deadline=0.0)


def test_settings_are_those_of_the_configuration() -> None:
    config = Config()
    config.set("keepalive", 120)
    settings = unchanging(config)
    assert settings.keepalive == 120
    assert not settings.is_ssl
    assert settings.address == config.address
