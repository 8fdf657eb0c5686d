"""Programs that tests share."""

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
import requests
from hypothesis import HealthCheck, settings

STARTS_WITHIN_SECONDS = 20

# No test measures time: machines are noisy, and examples that took long to make or to run are no
# fault.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def opa_server() -> Iterator[str]:
    """A real OPA server without policies; its address."""
    from tests.controlplane.build import binary  # noqa: PLC0415 - building it takes a while

    address = f"127.0.0.1:{free_port()}"
    command = [str(binary("opa")), "run", "--server", "--addr", address, "--log-level", "error"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://{address}/health")
            yield f"http://{address}"
        finally:
            process.kill()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=1).raise_for_status()
        except requests.RequestException:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"{url} did not answer within {STARTS_WITHIN_SECONDS} s")
