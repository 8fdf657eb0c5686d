"""The audit of an installed chart as a local process, and pods that deliver to it where it is."""

from pathlib import Path

from tests.controlplane.cluster import ControlPlane
from tests.e2e.audit_process import AuditProcess
from tests.e2e.chart import NAMESPACE, RELEASE, InChart
from tests.e2e.kubectl import token

ACCOUNT = f"{RELEASE}-audit"
AUDIENCE = "scaleguard-audit"


def audit_process(plane: ControlPlane, folder: Path, *more: str) -> AuditProcess:
    """The audit as its ServiceAccount, with a certificate for the address that it has here.

    `more` are options of the tests' own.
    """
    pod = InChart(plane, folder, "audit", ACCOUNT, {"cert-dir": str(folder / "unused")})
    (writers,) = (one for one in pod.arguments if one.startswith("--writers="))
    account = str(folder / "audit.kubeconfig")
    return AuditProcess(folder / "audit", "--kubeconfig", account, writers, *more)


def token_file(pod: InChart, account: str) -> Path:
    """Where the token is that a pod delivers with."""
    return pod.folder / f"{account}.token"


def deliver(pod: InChart, account: str, audit: AuditProcess) -> None:
    """Have a pod deliver to the audit, with a token of its account."""
    path = token_file(pod, account)
    path.write_text(token(pod.plane, account, NAMESPACE, AUDIENCE), encoding="utf-8")
    own = {
        "--audit-url": audit.url,
        "--audit-ca": audit.authority,
        "--audit-token-file": path,
        "--audit-spool": pod.folder / "spool",
        "--reports-every": 1,
    }
    options = [argument.partition("=") for argument in pod.child.command]
    pod.child.command = [f"{name}{equals}{own.get(name, value)}" for name, equals, value in options]
