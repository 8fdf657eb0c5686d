"""What the servers and the controller take and refuse about certificates in a cluster."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry

from certs.authority import Names
from tests.unit.controller.certificates import FakeApi
from webhook.cli.main import cli
from webhook.wiring import auditing, controller, serving
from webhook.wiring.certificates import CertificatePlan, certificates


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["webhook", "--webhook-configurations", "a", "--manifests", "."], "leave out --manifests"),
        (["webhook", "--drain-seconds", "-1"], "0<=x<=300"),
        (["webhook", "--client-name", "a"], "--client-name says who of --client-ca: give both"),
        (["webhook", "--client-ca", "no-such-file"], "does not exist"),
        (["controller", "--certificates", "guard"], "write NAMESPACE/NAME"),
        (["controller", "--certificates", "guard/"], "write NAMESPACE/NAME"),
        (["controller", "--certificates", "a/b/c"], "write NAMESPACE/NAME"),
        (["controller", "--webhook-configurations", "a"], "need --certificates"),
        (["controller", "--tls-name", "a"], "need --certificates"),
        (["controller", "--only-certificates"], "needs --certificates"),
        (["controller", "--certificate-overlap", "0"], "1<=x<=86400"),
        (
            ["controller", "--certificates", "a/b", "--tls-name", "a", "--published-ca", "f"],
            "leave out --tls-name",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 2
    assert said in done.output


def invoke(*arguments: str) -> None:
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_what_is_said_arrives_at_who_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[serving.ServePlan] = []
    audited: list[auditing.AuditPlan] = []
    monkeypatch.setattr(serving, "serve", served.append)
    monkeypatch.setattr(auditing, "audit", audited.append)
    more = ("--mounted-path", "--webhook-configurations", "c,d", "--drain-seconds", "5")
    invoke("webhook", "--mounted-certificates", *more)
    invoke("webhook")
    invoke("audit", "--mounted-certificates", "--store", "sqlite:///x")
    assert [(one.mounted, one.mounted_path) for one in served] == [(True, True), (False, False)]
    assert [one.webhook_configurations for one in served] == [("c", "d"), ()]
    assert served[0].drain_seconds == 5
    assert audited[0].mounted


def test_what_is_said_arrives_at_who_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[controller.ControlPlan] = []
    monkeypatch.setattr(controller, "control", plans.append)
    names = ("--tls-name", "x.guard.svc", "--tls-name", "y.guard.svc")
    kept = ("--certificates", "guard/x", "--webhook-configurations", "c,d")
    invoke("controller", *kept, *names, "--certificate-overlap", "7")
    invoke("controller", *kept, "--only-certificates", "--published-ca", "ca.crt")
    invoke("controller")
    first, second, third = plans
    assert first.certificates == CertificatePlan(
        namespace="guard",
        name="x",
        configurations=("c", "d"),
        names=("x.guard.svc", "y.guard.svc"),
        published=None,
        overlap_seconds=7,
    )
    assert second.only_certificates
    assert second.certificates is not None
    assert second.certificates.published == Path("ca.crt")
    assert third.certificates is None


def test_what_is_kept_is_put_together(tmp_path: Path) -> None:
    plan = CertificatePlan(
        namespace="guard",
        name="scaleguard",
        configurations=("scaleguard",),
        names=("scaleguard.guard.svc",),
        published=tmp_path / "ca.crt",
        overlap_seconds=7,
    )
    api = FakeApi()
    made = certificates(plan, api, lambda: True, CollectorRegistry())  # type: ignore[arg-type]
    assert made._keeping.names == Names.of(["scaleguard.guard.svc"])
    assert made._keeping.overlap == timedelta(seconds=7)
    assert made.attempt()
    assert made.round_seconds == 1.75
