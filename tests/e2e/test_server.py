"""The real gunicorn over TLS, in processes of its own, spoken to as an API server would."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from certs.authority import Names
from certs.store import ensure, load
from tests.e2e.webhook_process import children
from tests.unit.server.fakes import REVIEWS

HPA = next(REVIEWS.glob("0002*.json")).read_bytes()
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.slow


class Server:
    """A running server and how to speak with it."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.server.program", str(folder), json.dumps(options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.addresses: dict[str, str] = json.loads(self.process.stdout.readline() or "{}")

    @property
    def port(self) -> int:
        port = urlsplit(self.addresses["url"]).port
        assert port is not None
        return port

    def ready(self) -> None:
        (self.folder / "ready").touch()
        wait_until(lambda: self.get("/readyz").status == 200)

    def slow(self, seconds: float) -> None:
        (self.folder / "slow").write_text(str(seconds), encoding="utf-8")

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.folder / "certs" / "ca.crt")

    def connection(self) -> HTTPSConnection:
        return HTTPSConnection("127.0.0.1", self.port, context=self.context(), timeout=20)

    def get(self, path: str) -> HTTPResponse:
        connection = self.connection()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response

    def validate(self, body: bytes = HPA) -> HTTPResponse:
        connection = self.connection()
        response = validate(connection, body)
        connection.close()
        return response

    def metrics(self, path: str = "/metrics") -> tuple[int, dict[str, float]]:
        parts = urlsplit(self.addresses["metrics_url"])
        assert parts.hostname is not None
        connection = HTTPConnection(parts.hostname, parts.port, timeout=20)
        connection.request("GET", path)
        response = connection.getresponse()
        lines = response.read().decode().splitlines()
        connection.close()
        samples = [line.rpartition(" ") for line in lines if not line.startswith(("#", "{"))]
        return response.status, {name: float(value) for name, _, value in samples}

    def stop(self) -> tuple[int, str]:
        """End it with SIGTERM; return its exit status and what it logged."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=30)
        return self.process.returncode, log


def validate(connection: HTTPSConnection, body: bytes = HPA) -> HTTPResponse:
    connection.request("POST", "/validate?timeout=10s", body, JSON)
    response = connection.getresponse()
    response.read()
    return response


def wait_until(happened: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers; at the end each has stopped with 0, and nothing of it is left."""
    with ExitStack() as stack:

        def started(**options: object) -> Server:
            server = Server(tmp_path, **options)
            stack.callback(end, server)
            return server

        def end(server: Server) -> None:
            status, log = server.stop()
            assert not is_running(server.process.pid)
            assert status == 0, log
            assert "Traceback" not in log

        yield started


def test_waits_until_it_is_ready(start: Start) -> None:
    server = start()
    assert server.get("/livez").status == 200
    for response in (server.get("/readyz"), server.validate()):
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
    server.ready()
    assert server.validate().status == 200


def test_connection_serves_many_requests(start: Start) -> None:
    server = start()
    server.ready()
    connection = server.connection()
    connection.connect()
    used = connection.sock
    assert isinstance(used, ssl.SSLSocket)
    assert used.version() == "TLSv1.3"
    for body, status in ((HPA, 200), (b"no json", 400), (HPA, 200), (b"x" * 8 * 2**20, 413)):
        response = validate(connection, body)
        assert response.status == status
        assert response.headers["Connection"] == "keep-alive"
        assert connection.sock is used
    connection.request("POST", "/validate", iter([HPA[:100], HPA[100:]]), JSON, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["response"]["allowed"] is False
    connection.close()


def test_nobody_speaks_for_others(start: Start) -> None:
    """gunicorn would take paths and schemes from whoever comes from this machine."""
    server = start()
    server.ready()
    connection = server.connection()
    connection.request("POST", "/validate", HPA, {**JSON, "SCRIPT_NAME": "/other"})
    assert connection.getresponse().status == 200
    connection.close()


def fingerprint(server: Server) -> bytes:
    connection = server.connection()
    connection.connect()
    assert isinstance(connection.sock, ssl.SSLSocket)
    shown = connection.sock.getpeercert(binary_form=True)
    connection.close()
    assert shown is not None
    return shown


def test_the_short_way_and_gunicorn_s_take_turns_on_one_connection(start: Start) -> None:
    """Go's client writes headers as they are in the first of these; nobody has to."""
    server = start()
    server.ready()
    with closing(server.connection()) as connection:
        answers = []
        for _ in range(3):
            for headers in (JSON, {name.lower(): value for name, value in JSON.items()}):
                connection.request("POST", "/validate", HPA, headers)
                answer = connection.getresponse()
                answers.append((answer.status, answer.read(), answer.headers["Content-Type"]))
                is_short = answer.headers["Server"] is None
                assert is_short == (headers is JSON)
    assert answers == [answers[0]] * 6
    assert answers[0][0] == 200


def test_new_certificate_is_served_without_a_restart(start: Start) -> None:
    server = start()
    server.ready()
    old = fingerprint(server)
    kept = server.connection()
    assert validate(kept).status == 200
    folder = server.folder / "certs"
    key = (folder / "tls.key").read_bytes()
    certificate = (folder / "tls.crt").read_bytes()

    (folder / "tls.key").write_bytes((folder / "ca.key").read_bytes())
    assert fingerprint(server) == old
    (folder / "tls.crt").write_bytes(certificate[:100])
    assert fingerprint(server) == old
    (folder / "tls.crt").unlink()
    assert fingerprint(server) == old
    (folder / "tls.crt").write_bytes(certificate)
    (folder / "tls.key").write_bytes(key)
    assert fingerprint(server) == old

    ensure(folder, Names.of(["127.0.0.1", "localhost", "another.name"]), datetime.now(UTC))
    assert load(folder).leaf.certificate != certificate
    assert fingerprint(server) != old
    assert validate(kept).status == 200
    kept.close()


def test_counts_over_all_workers(start: Start) -> None:
    server = start(metrics_bind="127.0.0.1:0", workers=2)
    server.ready()
    for _ in range(20):
        assert server.validate().status == 200
    status, samples = server.metrics()
    assert status == 200
    assert samples['scaleguard_reviews_total{endpoint="validate",result="denied"}'] == 20
    labels = 'action="deny",kind="HorizontalPodAutoscaler",rule="duplicate-hpa",would=""'
    assert samples[f"scaleguard_findings_total{{{labels}}}"] == 20
    assert samples['scaleguard_review_seconds_count{endpoint="validate"}'] == 20
    days = samples["scaleguard_certificate_expiry_seconds"] / 86400
    assert 89 < days <= 90
    assert server.metrics("/other")[0] == 404


def test_worker_that_dies_is_replaced_and_its_counts_stay(start: Start) -> None:
    server = start(metrics_bind="127.0.0.1:0")
    server.ready()
    name = 'scaleguard_reviews_total{endpoint="validate",result="denied"}'
    assert server.validate().status == 200
    before = children(server.process.pid)
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: bool(children(server.process.pid) - before))
    assert server.validate().status == 200
    assert server.metrics()[1][name] == 2


def test_silent_clients_hold_no_thread(start: Start) -> None:
    server = start(threads=2)
    server.ready()
    context = server.context()
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        for _ in range(20):
            client = socket.create_connection(("127.0.0.1", server.port))
            stack.enter_context(context.wrap_socket(client, server_hostname="127.0.0.1"))
        begun = time.monotonic()
        assert server.validate().status == 200
        assert time.monotonic() - begun < 1


def test_stalled_requests_are_given_up(start: Start) -> None:
    server = start(threads=2, request_seconds=1.0)
    server.ready()
    head = b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    begun = time.monotonic()
    with ExitStack() as stack:
        stalled = []
        for sent in (head, head + b"\r\n{", b"P", head):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            secured = server.context().wrap_socket(client, server_hostname="127.0.0.1")
            stalled.append(stack.enter_context(secured))
            secured.sendall(sent)
        assert server.validate().status == 200
        for secured in stalled:
            while secured.recv(4096):
                pass
    assert 1 < time.monotonic() - begun < 4


def test_client_that_speaks_no_tls_is_hung_up_on(start: Start) -> None:
    server = start()
    server.ready()
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", os.urandom(500)):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        with client, suppress(ConnectionResetError):
            client.sendall(said)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                pass
    assert server.validate().status == 200


def test_load_is_shed_at_once(start: Start) -> None:
    server = start(threads=1)
    server.ready()
    server.slow(1)
    begun = time.monotonic()

    def ask(_: int) -> tuple[int, str | None, float]:
        response = server.validate()
        return response.status, response.headers["Retry-After"], time.monotonic() - begun

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    judged = [seconds for status, _, seconds in answers if status == 200]
    shed = [(wait, seconds) for status, wait, seconds in answers if status == 429]
    assert len(judged) == 4
    assert len(shed) == 12
    assert {wait for wait, _ in shed} == {"1"}
    assert max(seconds for _, seconds in shed) < min(judged), "they are told at once"
    server.slow(0)
    assert server.validate().status == 200


def most_resident_mib(process: int) -> float:
    """How much memory a process has had at most."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def test_large_requests_take_no_more_memory_than_a_pod_may_have(start: Start) -> None:
    """What the chart gives, less what state and rules take that this server has not."""
    server = start()
    server.ready()
    (worker,) = children(server.process.pid)
    asked = json.loads(HPA)
    asked["request"]["options"] = {"x": "HERE"}
    hollow = b"[" + b"[]," * (2 * 2**20) + b"[]]"
    body = json.dumps(asked).encode().replace(b'"HERE"', hollow)
    begun = most_resident_mib(worker)

    def ask(_: int) -> int:
        with closing(server.connection()) as connection:
            try:
                return validate(connection, body).status
            except OSError:
                return 0  # hung up on

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    assert set(answers) <= {0, 200, 429}
    assert 200 in answers
    took = most_resident_mib(worker) - begun
    print(f"{begun:.0f} MiB, then {took:.0f} MiB more; {sorted(answers)}")
    assert took < 280, "several at a time take 340 and more"
    assert server.validate().status == 200


def test_requests_that_come_in_part_are_held_within_a_bound(start: Start) -> None:
    server = start(threads=2)
    server.ready()
    (worker,) = children(server.process.pid)
    begun = most_resident_mib(worker)
    head = b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 7000000\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(30):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            client = server.context().wrap_socket(client, server_hostname="127.0.0.1")
            stack.enter_context(client)
            with suppress(OSError):
                client.sendall(head + b" " * 6_000_000)
        assert server.validate().status == 200
    took = most_resident_mib(worker) - begun
    print(f"{took:.0f} MiB more")
    assert took < 80, "thirty times six are 180"


def test_request_in_flight_is_answered_when_the_server_stops(start: Start) -> None:
    server = start(metrics_bind="127.0.0.1:0")
    server.ready()
    server.slow(1.5)
    with ThreadPoolExecutor(1) as pool, closing(server.connection()) as idle:
        idle.connect()
        answer = pool.submit(server.validate)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        response = answer.result()
    assert response.status == 200
    assert response.headers["Connection"] == "close"
    begun = time.monotonic()
    status, log = server.stop()
    assert status == 0, log
    assert time.monotonic() - begun < 5
    assert not is_running(server.process.pid)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def test_draining_server_still_accepts_and_hangs_up_after_each_answer(start: Start) -> None:
    server = start(drain_seconds=1.5)
    server.ready()
    kept = server.connection()
    assert validate(kept).headers["Connection"] == "keep-alive"
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert server.get("/readyz").status == 503
    for response in (validate(kept), server.validate()):
        assert response.status == 200
        assert response.headers["Connection"] == "close"
    assert server.stop()[0] == 0


def test_interrupt_ends_it_at_once(start: Start) -> None:
    server = start()
    server.ready()
    server.process.send_signal(signal.SIGINT)
    server.process.wait(timeout=5)


def test_worker_that_cannot_start_ends_the_server(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    server = Server(tmp_path)
    _, log = server.process.communicate(timeout=20)
    assert server.process.returncode == 1
    assert "RuntimeError: the policies are broken" in log
    assert log.splitlines()[-1].startswith("error: the server ended with 3")
    assert not is_running(server.process.pid)


def test_a_fault_ends_one_connection_and_no_worker(tmp_path: Path) -> None:
    server = Server(tmp_path)
    with ExitStack() as stack:
        stack.callback(server.process.terminate)
        server.ready()
        kept = stack.enter_context(closing(server.connection()))
        assert validate(kept).status == 200
        (tmp_path / "faulty").touch()
        with pytest.raises((ConnectionError, ssl.SSLError)):
            server.validate()
        (tmp_path / "faulty").unlink()
        assert validate(kept).status == 200
        status, log = server.stop()
    assert status == 0
    assert log.count("RuntimeError: it is told to fail") == 1
    assert "a request was not answered, by a fault of the server's own" in log


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.1:http", "127.0.0.1:99999"])
def test_address_that_is_none_is_an_error(tmp_path: Path, bind: str) -> None:
    server = Server(tmp_path, metrics_bind=bind)
    _, log = server.process.communicate(timeout=20)
    assert server.process.returncode == 1
    assert f"error: '{bind}' is no address: write HOST:PORT" in log


def test_certificate_that_cannot_be_served_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "tls.crt").write_text("no certificate", encoding="utf-8")
    server = Server(tmp_path)
    _, log = server.process.communicate(timeout=20)
    assert server.process.returncode == 1
    assert "tls.key is missing; tls.crt and tls.key without ca.key are taken for yours" in log
