"""`scaleguard doctor`: what it prints, and how it ends."""

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from tests.unit.cli.conftest import Run
from tests.unit.cluster.fake import Answer, FakeApi, page
from webhook.cli import doctor_text
from webhook.cli.doctor import command
from webhook.doctor.fetching.look import Look
from webhook.doctor.verdict import Checked, fault, ok, unseen, warning

METRICS_SERVER = (
    "https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml"
)
ONLY = ("--only", "configurations,metrics")


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Of a cluster in which nothing is installed."""
    server = FakeApi()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    server.on("/version", Answer())
    for path in (
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "/apis/apps/v1/deployments",
    ):
        server.on(path, page([]))
    yield server.kubeconfig(tmp_path)
    server.over.set()
    server.shutdown()
    server.server_close()


def test_in_a_pipe(run: Run, kubeconfig: Path) -> None:
    ended = run("doctor", *ONLY, "--kubeconfig", kubeconfig)
    assert (ended.status, ended.err) == (1, "")
    _, *told = ended.out.splitlines()
    assert [line[:20] + line[20:].split(": ")[0] for line in told[:-1]] == [
        "  ✗ configurations  no webhook configuration and no Deployment is scaleguard's",
        "                    fix",
        "                    $ helm install scaleguard CHART -n scaleguard --create-namespace",
        "  ! metrics         there is no APIService v1beta1.metrics.k8s.io",
        "                    fix",
        f"                    $ kubectl apply -f {METRICS_SERVER}",
    ]
    assert told[-1] == "2 checks: 1 warning, 1 fault"


def test_json(run: Run, kubeconfig: Path) -> None:
    ended = run("doctor", *ONLY, "--kubeconfig", kubeconfig, "-o", "json")
    told: dict[str, Any] = json.loads(ended.out)
    assert (told["version"], told["installation"]) == (1, None)
    assert told["summary"] == {"ok": 0, "unseen": 0, "warning": 1, "fault": 1}
    assert [(one["check"], one["state"]) for one in told["checks"]] == [
        ("configurations", "fault"),
        ("metrics", "warning"),
    ]
    (verdict,) = told["checks"][0]["verdicts"]
    assert set(verdict) == {"state", "message", "fix", "command"}


def test_it_looks_again_until_the_time_is_over(run: Run, kubeconfig: Path) -> None:
    ended = run("doctor", "--only", "configurations", "--wait", "2.5", "--kubeconfig", kubeconfig)
    assert ended.status == 1
    assert (
        run("doctor", "--only", "metrics", "--wait", "99", "--kubeconfig", kubeconfig).status == 0
    )


@pytest.mark.parametrize(
    ("only", "said"),
    [
        ("certificat", "certificat: no such check, did you mean certificate?"),
        ("x", "x: no such check, there are configurations, "),
        (",", "names no check"),
    ],
)
def test_checks_that_there_are_not(run: Run, only: str, said: str) -> None:
    ended = run("doctor", "--only", only)
    assert ended.status == 2
    assert said in " ".join(ended.err.split())


def test_a_shell_completes_checks() -> None:
    only = next(one for one in command.params if one.name == "only")
    words = [one.value for one in only.shell_complete(command.make_context("x", []), "vpa,c")]
    assert words == ["vpa,configurations", "vpa,certificate", "vpa,canary"]


class Server:
    server = "https://it"


def test_on_a_terminal_it_is_coloured_and_broken_beside_the_names() -> None:
    out = Console(file=io.StringIO(), force_terminal=True, width=60, highlight=False)
    look = Look(cast("Any", Server()), None, cast("Any", None))
    checks = [
        Checked("order", (ok("fine"),)),
        Checked("vpa", (warning("a warning that is longer than the terminal is wide", "do it"),)),
        Checked("rights", (fault("bad", "mend it", "kubectl " + "x" * 60),)),
        Checked("audit", (unseen("you may not"), ok("half"))),
    ]
    doctor_text.show(look, checks, out)
    assert isinstance(out.file, io.StringIO)
    coloured = out.file.getvalue()
    assert "\x1b[1;31m✗" in coloured
    plain = "".join(
        part.partition("m")[2] if number else part
        for number, part in enumerate(coloured.split("\x1b["))
    )
    assert plain.splitlines() == [
        "https://it",
        "  ✓ order           fine",
        "  ! vpa             a warning that is longer than the",
        "                    terminal is wide",
        "                    fix: do it",
        "  ✗ rights          bad",
        "                    fix: mend it",
        "                    $ kubectl " + "x" * 60,
        "  ? audit           not looked at: you may not",
        "  ✓                 half",
        "4 checks: 1 fine, 1 warning, 1 fault, 1 not looked at",
    ]
