"""Who we are to which API server, and what becomes of credentials that are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, status
from webhook.cluster import api as api_module
from webhook.cluster import credentials
from webhook.cluster.api import Api, connect
from webhook.cluster.credentials import own_namespace
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


@pytest.fixture
def in_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the service account of the pod is mounted."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "token").write_text("secret", encoding="utf-8")
    monkeypatch.setattr(credentials, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(credentials, "NAMESPACE_FILE", tmp_path / "namespace")
    return tmp_path


def test_pod_knows_its_namespace_or_says_what_to_do(in_pod: Path) -> None:
    with pytest.raises(ScaleguardError, match=r"namespace: .*; name one with --lease-namespace"):
        own_namespace(None, None)
    (in_pod / "namespace").write_text("\n", encoding="utf-8")
    with pytest.raises(ScaleguardError, match=r"is empty; name one with --lease-namespace"):
        own_namespace(None, None)
    (in_pod / "namespace").write_text("guard\n", encoding="utf-8")
    assert own_namespace(None, None) == "guard"


def test_pod_that_speaks_with_another_cluster_has_no_namespace_there(in_pod: Path) -> None:
    assert own_namespace(in_pod / "kubeconfig", None) is None
    assert own_namespace(None, "elsewhere") is None


def test_pod_takes_its_service_account(in_pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes.config import incluster_config  # noqa: PLC0415

    token, authority = in_pod / "token", in_pod / "ca.crt"
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    with pytest.raises(ScaleguardError, match="automountServiceAccountToken"):
        connect()
    authority.write_text("-----BEGIN CERTIFICATE-----", encoding="utf-8")
    assert connect().server == "https://10.0.0.1:443"
