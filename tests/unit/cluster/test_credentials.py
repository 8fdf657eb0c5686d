"""Who we are to which API server, and what becomes of credentials that are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, status
from webhook.cluster import api as api_module
from webhook.cluster.api import Api, connect
from webhook.cluster.errors import ApiError
from webhook.errors import ScaleguardError

PODS = "/api/v1/pods"


def failure(call: Callable[[], Any]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call()
    return raised.value


def test_refused_credentials_are_loaded_again(
    server: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "_RENEWAL_SECONDS", 0.0)
    api = server.api(tmp_path)
    server.kubeconfig(tmp_path, token="fresh")
    server.on(PODS, status(401, "Unauthorized"), Answer())
    assert failure(lambda: api.get(PODS, 5)).label == "unauthorized"
    api.get(PODS, 5)
    assert server.asked[1].headers["Authorization"] == "Bearer fresh"
    api.close()


def test_credentials_that_are_gone_leave_those_that_were(
    server: FakeApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(api_module, "_RENEWAL_SECONDS", 0.0)
    api = server.api(tmp_path)
    (tmp_path / "kubeconfig").unlink()
    server.on(PODS, status(401, "Unauthorized"), Answer())
    assert failure(lambda: api.get(PODS, 5)).label == "unauthorized"
    assert "there are no others" in caplog.text
    assert api.get(PODS, 5) == {}
    api.close()


def test_refused_credentials_are_not_loaded_again_and_again(
    server: FakeApi, api: Api, tmp_path: Path
) -> None:
    server.kubeconfig(tmp_path, token="fresh")
    server.on(PODS, status(401, "Unauthorized"))
    for _ in range(2):
        failure(lambda: api.get(PODS, 5))
    assert server.asked[1].headers["Authorization"] == "Bearer t"


def test_kubeconfig_of_the_environment_is_taken(
    server: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", f"/nowhere:{server.kubeconfig(tmp_path)}")
    assert connect().server == server.url


def test_no_kubeconfig_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ScaleguardError, match=r"no kubeconfig at ~/.kube/config: name one with"):
        connect()


def test_unknown_context_is_named(server: FakeApi, tmp_path: Path) -> None:
    with pytest.raises(ScaleguardError, match=r"context nope: .*--context"):
        connect(server.kubeconfig(tmp_path), "nope")


@pytest.mark.parametrize("text", ["{", "[1]", "", "clusters: 1\ncurrent-context: x\n"])
def test_broken_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScaleguardError, match=str(path)):
        connect(path)


def test_pod_takes_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes.config import incluster_config  # noqa: PLC0415

    from webhook.cluster import credentials  # noqa: PLC0415

    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("secret", encoding="utf-8")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(credentials, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    with pytest.raises(ScaleguardError, match="automountServiceAccountToken"):
        connect()
    authority.write_text("-----BEGIN CERTIFICATE-----", encoding="utf-8")
    assert connect().server == "https://10.0.0.1:443"
