"""Where a configured address leads: to that server, and no further.

Whoever takes a server's place, or answers for it, could send us to a host of their choice: one that
only we reach, or that hands out credentials. No client of ours goes there, with or without a token.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.unit.cluster.fake import FakeApi
from tests.unit.policy.rego import RULE, module
from webhook import config
from webhook.audit.delivery import DeliveryError, HttpsDelivery
from webhook.audit.findings import Filters
from webhook.audit.remote import Remote
from webhook.cli.main import cli
from webhook.cluster.errors import ApiError
from webhook.core.verdict import CannotJudge
from webhook.doctor.fetching import dialling
from webhook.errors import ConfigError, PolicyError, ScaleguardError
from webhook.policy.server import Opa, OpaServer


class Redirects(BaseHTTPRequestHandler):
    """Sends everybody elsewhere, and notes who comes."""

    protocol_version = "HTTP/1.1"
    status: int
    location: str
    asked: list[tuple[str, str]]

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append((self.command, self.path))
        self.send_response(self.status)
        self.send_header("Location", f"{self.location}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(status: int, location: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A server that redirects; its address, and who came."""
    asked: list[tuple[str, str]] = []
    names = {"status": status, "location": location, "asked": asked}
    with ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Redirects,), names)) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def judged(url: str, _folder: Path) -> None:
    Opa(OpaServer(url, token="t", push=False), [module(RULE)])({"overlaps": []})


def given_rules(url: str, _folder: Path) -> None:
    Opa(OpaServer(url, token="t"), [module(RULE)])


def delivered(url: str, folder: Path) -> None:
    token = folder / "token"
    token.write_text("t", "utf-8")
    HttpsDelivery(url, None, token).deliver("c", "r", [])


def read(url: str, _folder: Path) -> None:
    Remote(url, lambda: "t", None).findings(Filters(), 1)


class At(FakeApi):
    """Of a kubeconfig for a server somewhere else."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.server_close()
        self._url = url

    @property
    def url(self) -> str:
        return self._url


def listed(url: str, folder: Path) -> None:
    At(url).api(folder).get("/api/v1/namespaces", 5)


def written(url: str, folder: Path) -> None:
    At(url).api(folder).create("/api/v1/namespaces", {"kind": "Namespace"}, 5)


CLIENTS: dict[str, tuple[Callable[[str, Path], None], type[Exception]]] = {
    "an OPA server, asked": (judged, CannotJudge),
    "an OPA server, given rules": (given_rules, PolicyError),
    "the audit, delivered to": (delivered, DeliveryError),
    "the audit, read": (read, ScaleguardError),
    "the API server, read": (listed, ApiError),
    "the API server, written to": (written, ApiError),
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", CLIENTS)
def test_nobody_is_followed_to_another_place(name: str, status: int, tmp_path: Path) -> None:
    ask, fails = CLIENTS[name]
    with (
        served(404, "") as (elsewhere, strangers),
        served(status, elsewhere) as (url, asked),
        pytest.raises(fails),
    ):
        ask(url, tmp_path)
    assert asked
    assert strangers == []


def test_a_token_never_goes_in_the_open(tmp_path: Path) -> None:
    arguments = ("--audit-spool", str(tmp_path), "--audit-token-file", "token")
    done = CliRunner().invoke(cli, ["webhook", *arguments, "--audit-url", "http://audit:8080"])
    assert done.exit_code == 2
    assert "a token goes over https:// only" in done.output


@pytest.mark.parametrize(
    "url", ["http://x", "file:///etc/passwd", "ftp://x:443", "https://", "https://[x", "x:443"]
)
def test_the_doctor_dials_over_tls_alone(url: str) -> None:
    with pytest.raises(ScaleguardError, match=r"^--webhook-url "):
        dialling.address(url)


def opa(url: str) -> Any:
    return config.parse({"policies": {"engine": "opa", "opa": {"url": url}}}, "x").opa


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://opa", "gopher://opa:70", "unix:///run/opa.sock", "opa:8181"),
        *("http://opa/v1", "http://opa?a=b", "http://opa#a", "http://user:password@opa"),
        *("http://opa @evil", "http://opa\\@evil/", "http://", "http://opa\nHost: x"),
    ],
)
def test_a_server_of_rules_is_named_by_scheme_host_and_port_alone(url: str) -> None:
    with pytest.raises(ConfigError, match=r"policies\.opa\.url: .* is no address of a server"):
        opa(url)


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "169.254.170.2:80", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376"),
        *("169.254.43518", "[fe80::a9fe:a9fe]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"),
        *("[x", "opa:99999"),  # which nobody can read
        *("100.100.100.200", "metadata.google.internal", "METADATA.google.internal.:80"),
    ],
)
def test_it_is_not_where_a_cloud_hands_out_credentials(host: str) -> None:
    with pytest.raises(ConfigError, match="is no server of rules"):
        opa(f"http://{host}")


@pytest.mark.parametrize(
    "host",
    [
        *("localhost:8181", "127.0.0.1:8181", "[::1]:8181", "10.0.0.7", "opa.policies.svc:8181"),
        "metadata.example.com",
    ],
)
def test_it_may_be_beside_us_or_in_the_cluster(host: str) -> None:
    assert opa(f"http://{host}").url == f"http://{host}"
