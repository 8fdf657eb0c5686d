"""An API server on loopback that answers what a test wants, however odd."""

import json
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from webhook.cluster.api import Api, connect

Raw = dict[str, Any]


@dataclass
class Answer:
    """A status and a body, sent after a delay, with pauses between its parts."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pause: float = 0.0
    """Before each byte: a server that drips."""
    hang_up: bool = False
    """Close the connection instead of answering."""


@dataclass
class Stream:
    """A watch: parts (numbers are pauses in seconds), and how it ends."""

    parts: Iterable[bytes | float] = ()
    end: str = "eof"
    """`eof` as it should, `cut` in the middle, `hang` silent until the test is over."""


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


def page(
    items: Sequence[Raw],
    version: str = "1",
    more: str = "",
    kind: str = "List",
    api_version: str = "v1",
) -> Answer:
    metadata = {"resourceVersion": version, **({"continue": more} if more else {})}
    listed: Raw = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    listed["items"] = list(items)
    return Answer(body=json.dumps(listed).encode())


def status(code: int, reason: str, message: str = "no", **headers: str) -> Answer:
    said = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return Answer(code, json.dumps(said).encode(), headers)


def event(kind: str, raw: Raw) -> bytes:
    return json.dumps({"type": kind, "object": raw}).encode() + b"\n"


def bookmark(version: str) -> bytes:
    return event("BOOKMARK", {"metadata": {"resourceVersion": version}})


class FakeApi(ThreadingHTTPServer):
    """Answers each path with its answers in turn; the last one stays."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, list[Answer | Stream]] = {}
        self.asked: list[Asked] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def on(self, path: str, *answers: Answer | Stream) -> None:
        """Set the answers of a path; those of its watch have `watch ` before it."""
        self.answers[path] = list(answers)

    def take(self, asked: Asked) -> Answer | Stream:
        self.asked.append(asked)
        key = f"watch {asked.path}" if asked.query.get("watch") else asked.path
        answers = self.answers.get(key)
        if not answers:
            return status(404, "NotFound", f"{key} is not here")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def api(self, folder: Path, token: str = "", url: str | None = None) -> Api:
        return connect(self.kubeconfig(folder, token, url))

    def kubeconfig(self, folder: Path, token: str = "", url: str | None = None) -> Path:
        path = folder / "kubeconfig"
        config = {
            "clusters": [{"name": "c", "cluster": {"server": self.url if url is None else url}}],
            "users": [{"name": "u", "user": {"token": token or "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients that give up are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeApi

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(
            self.command,
            parts.path,
            query,
            {key.title(): one for key, one in self.headers.items()},
            body,
        )
        answer = self.server.take(asked)
        try:
            if isinstance(answer, Stream):
                self._stream(answer)
            else:
                self._send(answer)
        except OSError:
            self.close_connection = True

    do_GET = _answer  # noqa: N815 - as the library calls it
    do_POST = _answer  # noqa: N815
    do_PUT = _answer  # noqa: N815
    do_PATCH = _answer  # noqa: N815
    do_DELETE = _answer  # noqa: N815

    def _send(self, answer: Answer) -> None:
        if answer.hang_up:
            self.close_connection = True
            return
        self.server.over.wait(answer.delay)
        self.send_response_only(answer.status)
        for name, value in {"Date": self.date_time_string(), **answer.headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not answer.pause:
            self.wfile.write(answer.body)
            return
        for byte in answer.body:
            time.sleep(answer.pause)
            self.wfile.write(bytes([byte]))

    def _stream(self, stream: Stream) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in stream.parts:
            if isinstance(part, float):
                self.server.over.wait(part)
            else:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if stream.end == "eof":
            self.wfile.write(b"0\r\n\r\n")
            return
        if stream.end == "hang":
            self.server.over.wait()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
