"""Where the ledger is kept: what is said, what is found, and what cannot be meant."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from webhook.cli.main import cli
from webhook.cluster import credentials
from webhook.config import Config
from webhook.errors import ScaleguardError
from webhook.wiring import serving


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lease-namespace", "Guard"], "no namespace has this name"),
        (["--lease-namespace", "a/b"], "no namespace has this name"),
        (["--lease-namespace", "a", "--manifests", "."], "leave out --manifests"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, ["webhook", *arguments])
    assert done.exit_code == 2
    assert said in done.output


def plan(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> serving.ServePlan:
    plans: list[serving.ServePlan] = []
    monkeypatch.setattr(serving, "serve", plans.append)
    CliRunner().invoke(cli, ["webhook", *arguments], catch_exceptions=False)
    return plans[0]


@pytest.mark.parametrize(
    ("arguments", "own", "found"),
    [
        (["--lease-namespace", "said"], "own", "said"),
        ([], "own", "own"),
        ([], None, "default"),
    ],
)
def test_namespace_is_said_or_that_of_the_pod(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], own: str | None, found: str
) -> None:
    monkeypatch.setattr(credentials, "own_namespace", lambda _kubeconfig, _context: own)
    assert serving._lease_namespace(Config(), plan(monkeypatch, *arguments)) == found


def test_pod_that_does_not_know_its_own_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(credentials, "_in_pod", lambda: True)
    monkeypatch.setattr(credentials, "NAMESPACE_FILE", tmp_path / "namespace")
    with pytest.raises(ScaleguardError, match="name one with --lease-namespace"):
        serving._lease_namespace(Config(), plan(monkeypatch))
    assert serving._lease_namespace(Config(consistency="cached"), plan(monkeypatch)) is None
