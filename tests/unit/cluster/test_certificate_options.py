"""What `scaleguard webhook` takes and refuses about certificates in a cluster."""

import pytest
from click.testing import CliRunner

from webhook.cli.main import cli
from webhook.wiring import serving


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cert-secret", "guard"], "write NAMESPACE/NAME"),
        (["--cert-secret", "guard/"], "write NAMESPACE/NAME"),
        (["--cert-secret", "a/b/c"], "write NAMESPACE/NAME"),
        (["--cert-secret", "a/b", "--manifests", "."], "leave out --manifests"),
        (["--webhook-configurations", "a"], "needs --cert-secret"),
        (["--drain-seconds", "-1"], "0<=x<=300"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, ["webhook", *arguments])
    assert done.exit_code == 2
    assert said in done.output


def test_what_is_said_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[serving.ServePlan] = []
    monkeypatch.setattr(serving, "serve", plans.append)
    arguments = ["--cert-secret", "a/b", "--webhook-configurations", "c,d", "--drain-seconds", "5"]
    done = CliRunner().invoke(cli, ["webhook", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    (plan,) = plans
    assert plan.certificate_secret == ("a", "b")
    assert plan.webhook_configurations == ("c", "d")
    assert plan.drain_seconds == 5
