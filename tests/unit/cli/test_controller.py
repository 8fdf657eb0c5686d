"""What `scaleguard controller` is told of an audit."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from webhook.cli.main import cli
from webhook.wiring import controller
from webhook.wiring.controller import AuditPlan, ControlPlan


def plan(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> ControlPlan:
    plans: list[ControlPlan] = []
    monkeypatch.setattr(controller, "control", plans.append)
    CliRunner().invoke(cli, ["controller", *arguments], catch_exceptions=False)
    return plans[0]


def test_without_an_audit_nothing_is_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan(monkeypatch, "--cluster-name", "prod").audit is None


def test_an_audit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = (
        *("--audit-url", "https://audit:8443", "--audit-ca", "ca.crt"),
        *("--audit-token-file", "token", "--cluster-name", "prod"),
    )
    told = AuditPlan("https://audit:8443", Path("ca.crt"), Path("token"), "prod")
    assert plan(monkeypatch, *arguments).audit == told


def test_a_token_never_goes_in_the_open() -> None:
    done = CliRunner().invoke(cli, ["controller", "--audit-url", "http://audit:8080"])
    assert done.exit_code == 2
    assert "a token goes over https:// only" in done.output
